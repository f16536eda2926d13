import { againMs } from './again.js';
import { TroupeError } from './error.js';
import { Position } from './position.js';
import { deferred, handled } from './promise.js';
import { goneAnyway, lost, passing, untold } from './room_code.js';
import { Waiters } from './waiters.js';

const stayEnds = ['left', 'roomClosed', 'epoch'];

/// The membership in one room, through all that happens to the connection and the room: once
/// joined, the room is joined again until it is left.
export class Membership {
  /// left, joining, joined or leaving.
  state = 'left';
  /// Who this client is in the room; null before it was joined.
  userId = null;
  /// The stay in the room: another object once the connection is lost, the room is left or closed,
  /// or has another epoch. (A gate of Commands, which is open.)
  stay = { isOpen: true };

  #roomId;
  #commands;
  #options;
  #emit;
  #position = new Position();
  #askedSince; // the position that the last join named
  #profile;
  #isWanted = false;
  #wasJoined = false; // since it has been wanted
  // Whether the session is in the room, as far as the server has told: out, asked (a join was
  // sent), in. It outlives the connection, as the session does.
  #standing = 'out';
  #isStray = false; // the session is being taken out of the room: nobody hears what it says
  #entering = 0; // joins that wait for their answers
  #waiters = new Waiters(); // calls of `join`
  #timer;

  /// `options`: profile, timeout, queueTimeout. `emit(type, detail)`: tells the room's handlers.
  constructor(roomId, commands, options, emit) {
    this.#roomId = roomId;
    this.#commands = commands;
    this.#options = options;
    this.#emit = emit;
  }

  /// Whether commands to the room may go; else they wait until it is joined. (A gate of Commands.)
  get isOpen() {
    return this.state !== 'joining';
  }

  /// In which the room is; undefined before it was joined.
  get epoch() {
    return this.#position.since?.epoch;
  }

  join({ profile = this.#options.profile, timeout } = {}) {
    const { connected, refusal } = this.#commands;
    if (refusal) return handled(Promise.reject(refusal));
    this.#isWanted = true;
    this.#profile = profile;
    if (this.state !== 'joined') this.state = 'joining';
    const limitMs = timeout ?? (connected ? this.#options.timeout : this.#options.queueTimeout);
    const answer = this.#waiters.wait(limitMs, () =>
      this.#failure('timeout', 'The room was not joined in time.', true),
    );
    if (connected) this.#enter();
    return answer;
  }

  leave({ timeout } = {}) {
    const before = this.state;
    const asks = this.#commands.connected && before !== 'left';
    this.#isWanted = false;
    this.#standing = 'out';
    this.#position.forget();
    this.#endStay();
    this.state = asks ? 'leaving' : 'left';
    clearTimeout(this.#timer);
    const error = this.#failure('left', 'The room was left meanwhile.');
    if (before === 'joining') this.#commands.failGate(this, error);
    this.#waiters.settle(error);
    const left = { type: 'left', roomId: this.#roomId };
    if (!asks) {
      this.#forget();
      return Promise.resolve(left);
    }
    const answer = deferred();
    const command = { type: 'leave', roomId: this.#roomId };
    this.#commands.add(command, { timeout, tied: true }, (state, error, frame) => {
      if (this.state === 'leaving') this.#forget();
      if (!error || goneAnyway.has(error.code)) answer.resolve(frame ?? left);
      else answer.reject(error);
    });
    return answer.promise;
  }

  /// Tells the room another profile. Later joins bring it, too, unless the server has refused it;
  /// `onAcked` is called when the server has taken it.
  setProfile(profile, { timeout } = {}, onAcked) {
    const onDone = (state) => {
      if (state !== 'failed') this.#profile = profile;
      if (state === 'acked') onAcked();
    };
    const command = { type: '$profile', roomId: this.#roomId, profile };
    return this.#commands.request(command, { timeout, gate: this, onDone });
  }

  // -- what the connection does -------------------------------------------------------------------

  /// A new session has begun. Called before anything else is sent on a new connection.
  onWelcome() {
    this.#standing = 'out';
    if (this.#isWanted) this.#enter(true);
  }

  /// For the `resume` of the session `clientId`: {roomId, epoch, seq}, where it left off in the
  /// room; undefined if it was not in the room, or is to be there no more.
  resumeFrom(clientId) {
    const { epoch, seq } = this.#position.since ?? {};
    const isNamed = this.#standing === 'in' && epoch !== undefined && this.#fits(clientId);
    return isNamed ? { roomId: this.#roomId, epoch, seq } : undefined;
  }

  /// Whether `place` of `resumed` (undefined: there is none) is the room as it was.
  goesOn(place, clientId) {
    return this.#holds(place, clientId) && this.#position.since?.epoch === place.epoch;
  }

  /// The session of this user and client goes on: `place` and `loss` are what `resumed` says of the
  /// room in `rooms` and `lost`. Called before anything else is sent on the connection.
  /// Returns what is to be called as soon as commands may go: it tells the handlers.
  onResumed(place, loss, { userId, clientId }) {
    if (this.#holds(place, clientId))
      return () => this.#onJoined({ type: 'joined', userId, ...place }, clientId);
    const isRefused = loss && this.#isWanted && this.#standing === 'in';
    this.#standing = 'out';
    if (isRefused) return () => this.#isWanted && this.#onRefused(this.#lossError(loss));
    if (place) this.#expel();
    this.onWelcome();
    return () => {};
  }

  /// For another load of the page: {roomId, standing, since}; undefined if it is not to be in the
  /// room, or never was.
  save() {
    const { since } = this.#position;
    if (!this.#isWanted || !since) return undefined;
    return { roomId: this.#roomId, standing: this.#standing, since };
  }

  /// Takes what `save` has returned.
  restore({ standing, since }) {
    this.#isWanted = this.#wasJoined = true;
    this.#standing = standing;
    this.#profile = this.#options.profile;
    this.state = 'joining';
    this.#position.restore(since);
  }

  onLost() {
    clearTimeout(this.#timer);
    this.#endStay();
    if (this.#isWanted) this.state = 'joining';
    else this.#forget();
  }

  /// The client was stopped or closed.
  onEnd(error) {
    this.#waiters.settle(error);
    if (error.code === 'closed') this.#forget();
  }

  /// Updates the state from a frame of the room, and tells the handlers unless the frame came
  /// before. `clientId`: that of the present connection.
  onFrame(frame, clientId) {
    if (this.#isStray) return;
    if (frame.type === 'joined') return this.#onJoined(frame, clientId);
    if (stayEnds.includes(frame.type)) this.#endStay();
    if (frame.type === 'left') this.#onLeft(frame);
    else if (frame.type === 'roomClosed') this.#onRoomClosed(frame);
    else if (frame.type === 'epoch') this.#position.restart(frame.epoch, frame.seq);
    else if (frame.type === 'ack') this.#position.reach(frame.seq);
    else if (!this.#position.isNew(frame.seq)) return;
    this.#emit(frame.type, frame);
  }

  // -- entering -----------------------------------------------------------------------------------

  #enter(first = false) {
    clearTimeout(this.#timer);
    this.#entering += 1;
    this.#askedSince = this.state === 'joining' ? this.#position.since : undefined;
    const given = this.#profile ?? undefined;
    const profile = typeof given === 'function' ? { toJSON: () => given() ?? undefined } : given;
    const command = { type: 'join', roomId: this.#roomId, profile, since: this.#askedSince };
    const onSent = () => {
      if (this.#standing === 'out') this.#standing = 'asked';
    };
    this.#commands.add(command, { tied: true, first, onSent }, (state, error) => {
      this.#entering -= 1;
      if (error && this.#isWanted && this.#entering === 0) this.#onRefused(error);
    });
  }

  #onRefused(error) {
    if (lost.has(error.code)) return; // the next welcome asks again
    const isJoined = this.state === 'joined'; // the refused join was a second one; the first holds
    const again = untold.has(error.code) || (this.#wasJoined && error.retryable);
    const wasJoined = this.#wasJoined;
    if (!isJoined && again) this.#enterLater(error.retryAfterMs);
    if (!isJoined && !again) {
      this.#forget();
      this.#commands.failGate(this, error);
    }
    if (error.code !== 'rate_limited') this.#waiters.settle(error);
    if (this.state === 'left' && wasJoined) {
      const { code, message } = error;
      this.#emit('left', { type: 'left', roomId: this.#roomId, reason: 'refused', code, message });
    }
  }

  #enterLater(leastMs) {
    const enter = () => this.#commands.connected && this.#enter();
    this.#timer = setTimeout(enter, againMs(leastMs));
  }

  // -- frames -------------------------------------------------------------------------------------

  #onJoined(frame, clientId) {
    if (this.state === 'leaving') return;
    clearTimeout(this.#timer);
    this.#isWanted = this.#wasJoined = true;
    this.state = 'joined';
    this.#standing = 'in';
    this.userId = frame.userId;
    const since = frame.ref === undefined ? this.#position.since : this.#askedSince;
    const hasMissed = this.#position.onJoined(frame, since, clientId);
    this.#waiters.settle(null, frame);
    this.#commands.openGate();
    this.#emit('joined', frame);
    if (since && frame.recovered !== undefined) this.#tellRejoined(frame, since, !hasMissed);
  }

  #tellRejoined({ epoch, seq }, since, recovered) {
    const { clientId, ...position } = since;
    const fields = { roomId: this.#roomId, since: position, epoch, seq };
    this.#emit('rejoined', { type: 'rejoined', recovered, ...fields });
    if (!recovered) this.#emit('gap', { type: 'gap', ...fields });
  }

  #onLeft({ ref, message }) {
    if (ref !== undefined && this.state !== 'leaving') return; // joined again meanwhile
    if (this.#entering > 0 && this.#isWanted) {
      this.state = 'joining';
      this.#standing = 'asked';
      return;
    }
    this.#forget();
    this.#waiters.settle(
      this.#failure('forbidden', message ?? 'The server has put this client out of the room.'),
    );
  }

  #onRoomClosed({ reason }) {
    if (this.state === 'leaving') return;
    this.#standing = this.#entering > 0 ? 'asked' : 'out';
    if (this.#entering > 0) this.state = 'joining';
    else if (reason === 'ended') this.#forget();
    else if (this.#isWanted) {
      this.state = 'joining';
      this.#enterLater();
    }
  }

  // -- resuming -----------------------------------------------------------------------------------

  #holds(place, clientId) {
    return place !== undefined && this.#standing !== 'out' && this.#fits(clientId);
  }

  /// Whether the position is one of the session `clientId`, or there is none yet. Another session
  /// may have said what must not come back, which only `since` can tell.
  #fits(clientId) {
    const { since } = this.#position;
    return since === undefined || since.clientId === clientId;
  }

  /// The session is in the room, but not as this client wants to be: takes it out.
  #expel() {
    this.#isStray = true;
    const command = { type: 'leave', roomId: this.#roomId };
    const options = { tied: true, first: true };
    this.#commands.add(command, options, () => (this.#isStray = false));
  }

  #lossError({ code }) {
    const message = `The session is not in the room any more: ${code}.`;
    return this.#failure(code, message, passing.has(code));
  }

  // -- inside -------------------------------------------------------------------------------------

  #forget() {
    clearTimeout(this.#timer);
    this.#isWanted = this.#wasJoined = false;
    this.#standing = 'out';
    this.state = 'left';
    this.#position.forget();
  }

  #endStay() {
    const { stay } = this;
    this.stay = { isOpen: true };
    this.#commands.failGate(stay, this.#failure('left', 'The room was left meanwhile.'));
  }

  #failure(code, message, retryable = false) {
    return new TroupeError({ code, message, retryable, roomId: this.#roomId, request: 'join' });
  }
}
