import { clock } from './clock.js';
import { endings } from './close_code.js';
import { Commands } from './commands.js';
import { Connection } from './connection.js';
import { directs } from './delivery.js';
import { Emitter } from './emitter.js';
import { TroupeError } from './error.js';
import { Handover } from './handover.js';
import { completeOptions } from './options.js';
import { deferred, handled } from './promise.js';
import { Rooms } from './rooms.js';
import { Session } from './session.js';

/// A client of a Troupe server. After every loss of the connection it resumes its session, or joins
/// its rooms again; it gives every command an answer.
///
/// Events: `state` (the client) after `state` or `retryAt` has changed;
///         `welcome`, `goodbye` and `frame` (each frame) with the frame;
///         `resumed` with the frame, once the session goes on and its rooms are joined;
///         `direct` with the frame, for what a user or the server has said to this user;
///         `room` (a Room) when the server has put this client into it;
///         `error` for errors that reject no promise: a TroupeError, or what a function of the
///         application has thrown;
///         frames that belong to no room, by their type.
export class Client {
  #options;
  #handlers = new Emitter();
  #commands;
  #connection;
  #ready = deferred();
  #rooms;
  #welcome = null;
  #session = new Session();
  #early = null; // what was said before the answer to `resume` came, while it is awaited
  #handover;

  constructor(url, options = {}) {
    this.#options = completeOptions(url, options);
    this.#commands = new Commands(this.#options);
    this.#rooms = new Rooms(this.#commands, this.#options, this.#fail);
    this.#connection = new Connection(this.#options, {
      welcome: (frame) => this.#onWelcome(frame),
      frame: (frame) => this.#onFrame(frame),
      lost: (error) => this.#onLost(error),
      failed: this.#fail,
      changed: () => this.#handlers.emit('state', this),
      unanswered: () => this.#commands.unanswered,
      mayResume: () => this.#session.resume !== null,
    });
    if (this.#options.resumeAcrossReload) {
      this.#handover = new Handover(this.#options, () => this.#save());
      this.#restore(this.#handover.start());
    }
    this.#connection.connect();
  }

  // -- properties ---------------------------------------------------------------------------------

  /// connecting (until the first welcome or loss), connected, reconnecting, stopped (the server
  /// refuses this client, or there were too many attempts), closed.
  get state() {
    return this.#connection.state;
  }

  /// When the next attempt to connect starts (as Date.now()); 0 if none is scheduled.
  get retryAt() {
    return this.#connection.retryAt;
  }

  /// Why there is no connection; null while there is one.
  get error() {
    return this.#connection.error;
  }

  /// The server's goodbye, until it is back; null before. Without `reconnectAfterMs` it is meant
  /// for good.
  get goodbye() {
    return this.#connection.goodbye;
  }

  /// Resolves with the `welcome` once there is a connection, and the server has said whether the
  /// session goes on; rejects if the client is stopped or closed.
  get ready() {
    return this.#ready.promise;
  }

  /// The last `welcome`, null before the first. If the session goes on, it has the `userId`,
  /// `clientId` and `resume` of the session; until that is known, it is the former one.
  get welcome() {
    return this.#welcome;
  }

  get userId() {
    return this.#welcome?.userId ?? null;
  }

  get clientId() {
    return this.#welcome?.clientId ?? null;
  }

  /// What the server accepts: maxMessageBytes, maxRooms, messagesPerSecond, burstMessages, 0: no
  /// limit; dedupe: how many ids of messages a room knows again.
  get limits() {
    return this.#welcome?.limits ?? null;
  }

  /// All rooms that this client knows.
  get rooms() {
    return this.#rooms.seats.map(({ room }) => room);
  }

  // -- what one does with it ----------------------------------------------------------------------

  /// Returns a function that takes the handler off again.
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  off(type, handler) {
    this.#handlers.off(type, handler);
  }

  /// The room of that name, which this does not join.
  room(id) {
    return this.#rooms.seat(id).room;
  }

  /// Leaves the room and releases its object and handlers.
  async forget(id) {
    const seat = this.#rooms.get(id);
    await seat?.room.leave().catch(() => {});
    if (seat?.room.state === 'left' && this.#rooms.get(id) === seat) this.#rooms.delete(id);
  }

  /// Sends a command unchanged. Resolves with the frame that answers it.
  request(command, { timeout } = {}) {
    return this.#commands.request(command, { timeout });
  }

  /// Says `body` to all clients of the user `to`: a string as `text`, any other value that JSON
  /// has, and that may contain bytes, as `data`. Resolves with the `ack` once one of them has it
  /// queued.
  direct(to, body, { timeout, id } = {}) {
    const kind = typeof body === 'string' ? 'text' : 'data';
    const message = { type: 'direct', to, [kind]: body ?? null };
    return this.request({ ...message, id: id ?? this.#commands.newId(message) }, { timeout });
  }

  /// Resolves with the round-trip time to the server in milliseconds.
  ping(options) {
    const start = clock.now();
    return handled(this.request({ type: 'ping' }, options).then(() => clock.now() - start));
  }

  /// Connects now, without waiting for the next attempt;
  /// starts again if the client was stopped or closed.
  connect() {
    if (this.#commands.refusal) {
      this.#commands.refusal = null;
      this.#ready = deferred();
    }
    this.#handover?.start();
    this.#connection.connect();
  }

  /// Ends the connection and the session. Every command without an answer fails with `closed`.
  close() {
    this.#connection.close();
  }

  // -- inside -------------------------------------------------------------------------------------

  #onFrame(frame) {
    if (frame.type === 'goodbye') this.#commands.onGoodbye();
    const isSaid = frame.roomId !== undefined || frame.type === 'direct';
    if (this.#early && isSaid && frame.type !== 'error') this.#early.push(frame);
    else this.#handle(frame);
    this.#handlers.emit('frame', frame);
  }

  #handle(frame) {
    if (frame.type === 'direct' && !this.#session.isNew(frame.seq)) return;
    const seat = this.#seatOf(frame);
    if (seat && frame.type !== 'error') seat.membership.onFrame(frame, this.clientId);
    const isAnswer = this.#commands.onFrame(frame);
    if (frame.type === 'error' && !isAnswer) this.#onError(frame, seat);
    else if (frame.roomId === undefined && !isAnswer && frame.type !== 'resumed')
      this.#handlers.emit(frame.type, frame);
  }

  /// The seat of the frame's room, if the client knows it. Makes one if the server has put this
  /// client into a new room.
  #seatOf({ type, roomId }) {
    const isNew = type === 'joined' && !this.#rooms.get(roomId);
    if (isNew) this.#handlers.emit('room', this.#rooms.seat(roomId).room);
    return this.#rooms.get(roomId);
  }

  #onError(frame, seat) {
    if (frame.ref !== undefined) return; // for a command that has been given up
    const fail = seat?.fail ?? this.#fail;
    fail(new TroupeError(frame));
  }

  #fail = (error) => this.#handlers.emit('error', error);

  #onLost(error) {
    const hasEnded = this.state === 'stopped' || this.state === 'closed';
    if (this.#commands.connected) this.#ready = deferred();
    this.#early = null;
    this.#session.onLost();
    if (this.state === 'closed' || endings.has(error.code)) this.#session.end();
    if (this.state === 'closed') this.#handover?.stop();
    if (hasEnded) {
      this.#commands.onEnd(error);
      this.#ready.reject(error);
    } else {
      this.#commands.onLost(error, this.#session.leftMs);
    }
    for (const { membership, handlers } of this.#rooms.seats) {
      membership.onLost();
      if (hasEnded) membership.onEnd(error);
      if (this.state === 'closed') handlers.emit('closed', error);
    }
  }

  // -- the session --------------------------------------------------------------------------------

  #onWelcome(frame) {
    const { resume, clientId, direct } = this.#session;
    if (resume === null || frame.resume === undefined) {
      this.#begin(frame);
      this.#commands.onWelcome(this.#connection, frame.limits);
      return;
    }
    this.#early = [];
    this.#commands.onWelcome(this.#connection, frame.limits, {
      message: { type: 'resume', resume, rooms: this.#rooms.positions(clientId), direct },
      done: (state, error, resumed) => this.#onResumeAnswered(frame, error, resumed),
    });
  }

  /// A session begins. Called before anything else is sent.
  #begin(welcome) {
    this.#session.onBegin(welcome);
    this.#onSession(welcome);
    this.#rooms.onBegin();
  }

  #onSession(welcome) {
    this.#welcome = welcome;
    this.#ready.resolve(welcome);
  }

  #onResumeAnswered(welcome, error, resumed) {
    const early = this.#early;
    if (!early) return; // the connection is lost: the next one tries again
    this.#early = null;
    if (resumed) this.#onResumed(welcome, resumed);
    else if (error.code === 'timeout') this.#connection.giveUp('no answer to resume in time');
    else this.#onNotResumed(welcome, early);
  }

  /// What came early does not count: if it was of the session's rooms, it comes again.
  #onResumed(welcome, frame) {
    const { userId, clientId, resume } = frame;
    const session = { ...welcome, userId, clientId, resume };
    this.#session.onResumed(session);
    this.#onSession(session);
    const { unchanged, tell } = this.#rooms.onResumed(frame);
    this.#commands.release(unchanged.add(directs));
    this.#whileConnected([...tell, () => this.#handlers.emit('resumed', frame)]);
  }

  /// The connection goes on as a new session.
  #onNotResumed(welcome, early) {
    this.#begin(welcome);
    this.#commands.release();
    this.#whileConnected(early.map((frame) => () => this.#handle(frame)));
  }

  /// A handler may close the client.
  #whileConnected(steps) {
    for (const step of steps) if (this.#commands.connected) step();
  }

  /// For the next load of the page; null if there will be nothing to resume.
  #save() {
    const session = this.#session.save();
    return session && { ...session, rooms: this.#rooms.save() };
  }

  /// Takes what `save` has returned, unless its time is over.
  #restore(saved) {
    if (!saved || saved.endsAt <= Date.now()) return;
    this.#session.restore(saved);
    this.#rooms.restore(saved.rooms);
  }
}
