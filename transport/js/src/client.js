import { clock } from './clock.js';
import { Commands } from './commands.js';
import { Connection } from './connection.js';
import { Emitter } from './emitter.js';
import { TroupeError } from './error.js';
import { completeOptions } from './options.js';
import { deferred, handled } from './promise.js';
import { Rooms } from './rooms.js';

/// A client of a Troupe server. It joins its rooms again after every loss of the connection, and
/// gives every command an answer.
///
/// Events: `state` (the client) after `state` or `retryAt` has changed;
///         `welcome`, `goodbye` and `frame` (each frame) with the frame;
///         `room` (a Room) when the server has put this client into it;
///         `error` (a TroupeError) for errors that reject no promise;
///         frames that belong to no room, by their type.
export class Client {
  #options;
  #handlers = new Emitter();
  #commands;
  #connection;
  #ready = deferred();
  #rooms;
  #welcome = null;

  constructor(url, options = {}) {
    this.#options = completeOptions(url, options);
    this.#commands = new Commands(this.#options);
    this.#rooms = new Rooms(this.#commands, this.#options);
    this.#connection = new Connection(this.#options, {
      welcome: (frame) => this.#onWelcome(frame),
      frame: (frame) => this.#onFrame(frame),
      lost: (error) => this.#onLost(error),
      failed: (error) => this.#handlers.emit('error', error),
      changed: () => this.#handlers.emit('state', this),
      unanswered: () => this.#commands.unanswered,
    });
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

  /// Resolves with the `welcome` once there is a connection;
  /// rejects if the client is stopped or closed.
  get ready() {
    return this.#ready.promise;
  }

  /// The last `welcome`, null before the first.
  get welcome() {
    return this.#welcome;
  }

  get userId() {
    return this.#welcome?.userId ?? null;
  }

  get clientId() {
    return this.#welcome?.clientId ?? null;
  }

  /// What the server accepts: maxMessageBytes, maxRooms, messagesPerSecond, burstMessages;
  /// 0: no limit.
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
    this.#connection.connect();
  }

  /// Ends the connection. Every command without an answer fails with `closed`.
  close() {
    this.#connection.close();
  }

  // -- inside -------------------------------------------------------------------------------------

  #onWelcome(frame) {
    this.#welcome = frame;
    for (const { membership } of this.#rooms.seats) membership.onWelcome();
    this.#commands.onWelcome(this.#connection, frame.limits);
    this.#ready.resolve(frame);
  }

  #onFrame(frame) {
    if (frame.type === 'goodbye') this.#commands.onGoodbye();
    const seat = typeof frame.roomId === 'string' ? this.#seatOf(frame) : undefined;
    if (seat && frame.type !== 'error') seat.membership.onFrame(frame, this.clientId);
    const isAnswer = this.#commands.onFrame(frame);
    if (frame.type === 'error' && !isAnswer) this.#onError(frame, seat);
    else if (frame.roomId === undefined && !isAnswer) this.#handlers.emit(frame.type, frame);
    this.#handlers.emit('frame', frame);
  }

  /// The seat of the frame's room. Makes one if the server has put this client into a new room.
  #seatOf({ type, roomId }) {
    const known = this.#rooms.get(roomId);
    if (known || type !== 'joined') return known;
    const seat = this.#rooms.seat(roomId);
    this.#handlers.emit('room', seat.room);
    return seat;
  }

  #onError(frame, seat) {
    if (frame.ref !== undefined) return; // for a command that has been given up
    const error = new TroupeError(frame);
    seat?.handlers.emit('error', error);
    this.#handlers.emit('error', error);
  }

  #onLost(error) {
    const hasEnded = this.state === 'stopped' || this.state === 'closed';
    if (this.#commands.connected) this.#ready = deferred();
    if (hasEnded) {
      this.#commands.onEnd(error);
      this.#ready.reject(error);
    } else {
      this.#commands.onLost(error);
    }
    for (const { membership, handlers } of this.#rooms.seats) {
      membership.onLost();
      if (hasEnded) membership.onEnd(error);
      if (this.state === 'closed') handlers.emit('closed', error);
    }
  }
}
