import { sizeOf } from './bytes.js';
import { clock, startLimit } from './clock.js';
import { latestKey, lineOf } from './delivery.js';
import { TroupeError } from './error.js';
import { Pace } from './pace.js';
import { Queue } from './queue.js';
import { Repeats } from './repeats.js';
import { Sending } from './sending.js';

const fullSocketBytes = 1 << 20; // while the socket buffers more, nothing is given to it
const fullSocketMs = 50;
const queueFull = { code: 'queue_full', message: 'Too much waits to be sent.', retryable: true };
const late = { code: 'timeout', message: 'The answer took too long.', retryable: true };
const superseded = { code: 'superseded', message: 'It gave way to a later one.' };
const dropped = { ...superseded, code: 'dropped', retryable: true };
const answers = 'ack error joined left pong presence history resumed'.split(' ');

/// The commands to the server: a bounded queue of those that wait to be sent (for the connection,
/// for their room, or for the server's rate limit), and those that wait for their answers.
/// Every command is answered once: `done('acked', null, frame)`, `done('failed', error)`, or
/// `done('unknown', error)` if it was sent and nobody knows whether it took effect.
///
/// A message that the server knows again by its id is sent again after a loss, if its line goes on.
/// Until that is known it waits apart: every entry is in the queue, in `#sent` or in `#lost`.
export class Commands {
  /// The error that answers every new command while the client is stopped or closed.
  refusal = null;

  #options;
  #link = null;
  #isHeld = false; // the server has said goodbye on this connection
  #isOpening = false; // the first command on this connection holds up all others
  #maxBytes = 0;
  #queue;
  #sent = new Map(); // ref -> entry, in the order of sending
  #sentBytes = 0;
  #lost = new Set(); // what may be sent again, in the order of sending
  #repeats = new Repeats();
  #refs = 0;
  #pace = new Pace();
  #timer;

  /// `options`: codec, timeout, queueTimeout, queueLimit, queueBytes, queuePolicy.
  constructor(options) {
    this.#options = options;
    this.#queue = new Queue(options);
  }

  /// Whether commands may go.
  get connected() {
    return this.#link !== null && !this.#isOpening;
  }

  /// What waits for answers: {since, bytes}, when the first was sent (undefined if nothing waits)
  /// and how much it is together.
  get unanswered() {
    const [first] = this.#sent.values();
    return { since: first?.sentAt, bytes: this.#sentBytes };
  }

  /// The id for a message ({type, delivery}), by which the server knows it again; undefined if it
  /// does not.
  newId(message) {
    return this.#repeats.newId(message);
  }

  /// Sends a command, now or as soon as possible. Calls `done` once, perhaps before it returns.
  /// `timeout`: for the answer, from sending on.
  /// `gate`: waits while `gate.isOpen` is false; see `openGate` and `failGate`.
  /// `tied`: fails if the connection is lost before it is sent, and is never dropped.
  /// `first`: goes before all others.
  /// `opening`: goes although all others are held up.
  /// `onSent`: called when it is first given to the socket.
  add(message, options, done) {
    const { timeout = this.#options.timeout, gate, tied, first, opening, onSent } = options;
    const { type: request, roomId } = message;
    const ref = ++this.#refs;
    const entry = {
      ref, request, roomId, timeout, gate, tied, first, opening, onSent, done,
      line: lineOf(message), isKnown: this.#repeats.knows(message), latest: latestKey(message),
    };
    try {
      if (this.refusal) throw failure(entry, this.refusal, false);
      entry.bytes = this.#options.codec.encode({ ...message, ref });
    } catch (error) {
      return done('failed', error);
    }
    entry.size = sizeOf(entry.bytes);
    this.#queue.add(entry);
    this.#limit(entry, this.#options.queueTimeout);
    this.#supersede(entry);
    this.#pump();
    if (!first) this.#keepBound(entry);
  }

  /// The same as a promise of the answer (a Sending).
  /// `onDone(state)`: called before anybody is told.
  request(message, { onDone, ...options } = {}) {
    const { sending, move } = Sending.make();
    this.add(message, { ...options, onSent: () => move('sent') }, (state, error, frame) => {
      onDone?.(state);
      move(state, error, frame);
    });
    return sending;
  }

  /// Sends a message without asking for an answer, but not if it had to wait.
  /// Returns whether it was sent.
  notify(message, gate) {
    const bytes = this.#options.codec.encode(message);
    if (this.#mustWait(message, gate) || this.#isTooBig(sizeOf(bytes))) return false;
    this.#pace.count();
    this.#link.send(bytes);
    return true;
  }

  /// The gate is open: what waits for it may go.
  openGate() {
    this.#pump();
  }

  /// The gate will not be opened: what waits for it fails.
  failGate(gate, error) {
    const isOf = (e) => e.gate === gate;
    const entries = [...[...this.#lost].filter(isOf), ...this.#queue.entries.filter(isOf)];
    for (const entry of entries) this.#detach(entry);
    for (const entry of entries) this.#fail(entry, error);
  }

  /// The connection is open: `link` has send(bytes), answered(ms) and bufferedAmount; `limits` are
  /// those of the server's welcome.
  /// `opening` ({message, done}, as for `add`): a command that goes before all others; until
  /// `release` nothing else is sent but pings.
  onWelcome(link, limits = {}, opening) {
    this.#link = link;
    this.#isHeld = false;
    this.#maxBytes = limits.maxMessageBytes ?? 0;
    this.#pace.start(limits);
    this.#repeats.start(limits);
    this.#isOpening = opening !== undefined;
    if (!opening) return this.release();
    const options = { opening: true, first: true, tied: true };
    this.add(opening.message, options, opening.done);
  }

  /// The opening command is answered: all others may go, and before them what was lost of those
  /// lines. What was lost of others is unknown.
  release(lines = new Set()) {
    const lost = [...this.#lost];
    const again = lost.filter(({ line }) => lines.has(line));
    this.#lost.clear();
    for (const entry of again) this.#limit(entry, this.#options.queueTimeout);
    this.#queue.putBack(again);
    this.#isOpening = false;
    this.#pump();
    for (const entry of lost) if (!again.includes(entry)) this.#fail(entry, entry.loss);
  }

  /// The server reads no more: commands wait for the next connection.
  onGoodbye() {
    this.#isHeld = true;
  }

  /// Commands that were sent fail, since nobody knows whether they arrived, except those that may
  /// be sent again within `keepMs`, the time that the session has. Those that were not sent stay in
  /// the queue, except those that are tied to the connection.
  onLost(error, keepMs = 0) {
    this.#link = null;
    clearTimeout(this.#timer);
    const sent = [...this.#sent.values()].filter((e) => this.#repeats.has(e));
    const lost = [...this.#lost, ...sent, ...this.#queue.entries.filter(wasSent)];
    for (const entry of lost) this.#detach(entry);
    if (keepMs > 0) for (const entry of lost.splice(0)) this.#keep(entry, error, keepMs);
    const tied = this.#queue.entries.filter((e) => e.tied);
    for (const entry of [...lost, ...this.#sent.values(), ...tied]) this.#fail(entry, error);
  }

  /// All commands fail, now and until `refusal` is reset.
  onEnd(error) {
    this.refusal = error;
    this.onLost(error);
    for (const entry of this.#queue.entries) this.#fail(entry, error);
  }

  /// Gives a frame to the command that it answers. Returns whether there was one.
  onFrame(frame) {
    const entry = answers.includes(frame.type) && this.#sent.get(frame.ref);
    if (!entry) return false;
    // A `joined` comes before what was missed, so it does not show how long answers take.
    if (!entry.tied) this.#link.answered(clock.now() - entry.sentAt);
    // A refusal of what was sent again does not tell whether it was accepted before.
    const refused = entry.isRepeat ? 'unknown' : 'failed';
    if (frame.type === 'error') this.#finish(entry, refused, new TroupeError(frame));
    else this.#finish(entry, 'acked', null, frame);
    return true;
  }

  // -- inside -------------------------------------------------------------------------------------

  #mustWait({ roomId }, gate) {
    const isReady = this.connected && !this.#isHeld && isOpen(gate);
    const isBehind = () => this.#queue.find((e) => e.roomId === roomId) ?? this.#next;
    return !isReady || this.#waitMs > 0 || isBehind() !== undefined;
  }

  get #waitMs() {
    return this.#link.bufferedAmount > fullSocketBytes ? fullSocketMs : this.#pace.waitMs;
  }

  /// The command that is to go next.
  get #next() {
    if (this.#isHeld) return undefined;
    if (this.#isOpening) return this.#queue.find((e) => e.opening || e.request === 'ping');
    const full = new Set(); // lines of messages that have to wait: what is behind them waits, too
    return this.#queue.find((entry) => {
      if (this.#repeats.isFull(entry)) full.add(entry.line);
      return (wasSent(entry) || isOpen(entry.gate)) && !full.has(entry.line);
    });
  }

  #isTooBig(size) {
    return this.#maxBytes > 0 && size > this.#maxBytes;
  }

  /// If `entry` has to wait and is too much, drops what has waited longest, or refuses it.
  #keepBound(entry) {
    const { queuePolicy, queueLimit, queueBytes } = this.#options;
    const mayDrop = queuePolicy === 'drop-oldest' && queueLimit > 0 && entry.size <= queueBytes;
    while (this.#queue.isOverfull && this.#queue.entries.includes(entry)) {
      const mayGive = (e) => e !== entry && !e.tied && !wasSent(e);
      const oldest = mayDrop && this.#queue.find(mayGive);
      if (oldest) this.#fail(oldest, dropped);
      else this.#fail(entry, queueFull);
    }
  }

  /// A value that still waits gives way to the later one of its room and key, which goes last.
  #supersede(entry) {
    const { latest } = entry;
    const former = latest && this.#queue.find((e) => e !== entry && e.latest === latest);
    if (former) this.#fail(former, superseded);
  }

  #pump() {
    clearTimeout(this.#timer);
    for (let entry; this.#link && (entry = this.#next); this.#transmit(entry)) {
      const ms = this.#waitMs;
      if (ms > 0) {
        this.#timer = setTimeout(() => this.#pump(), ms);
        return;
      }
    }
  }

  #transmit(entry) {
    if (this.#isTooBig(entry.size)) {
      const message = `The message has ${entry.size} bytes, more than ${this.#maxBytes}.`;
      return this.#fail(entry, { code: 'too_big', message });
    }
    this.#queue.remove(entry);
    this.#sent.set(entry.ref, entry);
    this.#sentBytes += entry.size;
    this.#repeats.add(entry);
    entry.isRepeat = wasSent(entry);
    entry.sentAt = clock.now();
    this.#limit(entry, entry.timeout);
    this.#pace.count();
    this.#link.send(entry.bytes);
    if (!this.#repeats.has(entry)) entry.bytes = null;
    if (!entry.isRepeat) entry.onSent?.();
  }

  #keep(entry, error, ms) {
    this.#lost.add(entry);
    entry.loss = error;
    this.#limit(entry, ms, error);
  }

  #limit(entry, ms, error = late) {
    clearTimeout(entry.timer);
    entry.timer = startLimit(ms, () => this.#fail(entry, error));
  }

  #fail(entry, error) {
    const state = wasSent(entry) ? 'unknown' : 'failed';
    this.#finish(entry, state, failure(entry, error, wasSent(entry)));
  }

  /// Does nothing if a handler, called for another command, has finished this one meanwhile.
  #finish(entry, state, error, frame) {
    if (entry.isFinished) return;
    entry.isFinished = true;
    clearTimeout(entry.timer);
    this.#detach(entry);
    const makesRoom = this.#repeats.delete(entry);
    entry.done(state, error, frame);
    if (makesRoom) this.#pump();
  }

  /// Takes it from where it is.
  #detach(entry) {
    if (this.#sent.delete(entry.ref)) this.#sentBytes -= entry.size;
    else if (!this.#lost.delete(entry)) this.#queue.remove(entry);
  }
}

const isOpen = (gate) => !gate || gate.isOpen;
const wasSent = ({ sentAt }) => sentAt !== undefined;

function failure({ request, roomId }, error, sent) {
  return new TroupeError({ ...error, message: error.message, request, roomId, sent });
}
