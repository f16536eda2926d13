import { sizeOf } from './bytes.js';
import { startLimit } from './clock.js';
import { TroupeError } from './error.js';
import { Pace } from './pace.js';
import { Sending } from './sending.js';

const fullSocketBytes = 1 << 20; // while the socket buffers more, nothing is given to it
const fullSocketMs = 50;
const queueFull = { code: 'queue_full', message: 'Too much waits to be sent.', retryable: true };
const answers = new Set([
  'ack', 'error', 'joined', 'left', 'pong', 'presence', 'history', 'resumed',
]);

/// The commands to the server: a bounded queue of those that wait to be sent (for the connection,
/// or for the server's rate limit), and those that wait for their answers.
/// Every command is answered once: `done('acked', null, frame)`, `done('failed', error)`, or
/// `done('unknown', error)` if it was sent and nobody knows whether it took effect.
export class Commands {
  /// The error that answers every new command while the client is stopped or closed.
  refusal = null;

  #options;
  #link = null;
  #maxBytes = 0;
  #queue = [];
  #queuedBytes = 0;
  #sent = new Map(); // ref -> entry
  #refs = 0;
  #pace = new Pace();
  #timer;

  /// `options`: codec, timeout, queueTimeout, queueLimit, queueBytes.
  constructor(options) {
    this.#options = options;
  }

  get connected() {
    return this.#link !== null;
  }

  /// Sends a command, now or as soon as possible. Calls `done` once, perhaps before it returns.
  /// `timeout`: for the answer, from sending on. `first`: goes before all others.
  /// `membership`: fails if the connection is lost before it is sent.
  /// `onSent`: called when it is given to the socket.
  add(message, options, done) {
    const {
      timeout = this.#options.timeout, membership = false, first = false, onSent,
    } = options;
    const entry = {
      ref: ++this.#refs,
      request: message.type,
      roomId: message.roomId,
      timeout,
      membership,
      onSent,
      done,
    };
    try {
      if (this.refusal) throw failure(entry, this.refusal, false);
      entry.bytes = this.#options.codec.encode({ ...message, ref: entry.ref });
      entry.size = sizeOf(entry.bytes);
      if (!first && this.#mustWait && this.#isFull(entry.size))
        throw failure(entry, queueFull, false);
    } catch (error) {
      return done('failed', error);
    }
    this.#queuedBytes += entry.size;
    if (first)
      this.#queue.splice(
        this.#queue.findLastIndex((e) => e.first) + 1,
        0,
        Object.assign(entry, { first }),
      );
    else this.#queue.push(entry);
    this.#limit(entry, this.#options.queueTimeout);
    this.#pump();
  }

  /// The same as a promise of the answer (a Sending).
  request(message, options = {}) {
    const { sending, move } = Sending.make();
    this.add(message, { ...options, onSent: () => move('sent') }, move);
    return sending;
  }

  /// Sends a message without asking for an answer, but not if it had to wait.
  /// Returns whether it was sent.
  notify(message) {
    const bytes = this.#options.codec.encode(message);
    if (this.#mustWait || this.#isTooBig(sizeOf(bytes))) return false;
    this.#pace.count();
    this.#link.send(bytes);
    return true;
  }

  /// The connection is open: `link` has send(bytes) and bufferedAmount; `limits` are those of the
  /// server's welcome.
  onWelcome(link, limits = {}) {
    this.#link = link;
    this.#maxBytes = limits.maxMessageBytes ?? 0;
    this.#pace.start(limits);
    this.#pump();
  }

  /// Commands that were sent fail, since nobody knows whether they arrived; the others stay in the
  /// queue, except those of memberships.
  onLost(error) {
    this.#link = null;
    clearTimeout(this.#timer);
    for (const entry of [...this.#sent.values()]) this.#fail(entry, error);
    for (const entry of this.#queue.filter((e) => e.membership)) this.#fail(entry, error);
  }

  /// All commands fail, now and until `refusal` is reset.
  onEnd(error) {
    this.refusal = error;
    this.onLost(error);
    for (const entry of [...this.#queue]) this.#fail(entry, error);
  }

  /// Gives a frame to the command that it answers. Returns whether there was one.
  onFrame(frame) {
    const entry = answers.has(frame.type) && this.#sent.get(frame.ref);
    if (!entry) return false;
    if (frame.type === 'error') this.#finish(entry, 'failed', new TroupeError(frame));
    else this.#finish(entry, 'acked', null, frame);
    return true;
  }

  // -- inside -------------------------------------------------------------------------------------

  get #mustWait() {
    return !this.#link || this.#queue.length > 0 || this.#waitMs > 0;
  }

  get #waitMs() {
    return this.#link.bufferedAmount > fullSocketBytes ? fullSocketMs : this.#pace.waitMs;
  }

  #isFull(size) {
    return (
      this.#queue.length >= this.#options.queueLimit ||
      this.#queuedBytes + size > this.#options.queueBytes
    );
  }

  #isTooBig(size) {
    return this.#maxBytes > 0 && size > this.#maxBytes;
  }

  #pump() {
    clearTimeout(this.#timer);
    while (this.#link && this.#queue.length > 0) {
      const ms = this.#waitMs;
      if (ms > 0) {
        this.#timer = setTimeout(() => this.#pump(), ms);
        return;
      }
      this.#transmit(this.#queue[0]);
    }
  }

  #transmit(entry) {
    if (this.#isTooBig(entry.size)) {
      return this.#fail(entry, {
        code: 'too_big',
        message: `The message has ${entry.size} bytes, more than ${this.#maxBytes}.`,
      });
    }
    this.#unqueue(entry);
    this.#sent.set(entry.ref, entry);
    this.#limit(entry, entry.timeout);
    this.#pace.count();
    this.#link.send(entry.bytes);
    entry.bytes = null;
    entry.onSent?.();
  }

  #limit(entry, ms) {
    clearTimeout(entry.timer);
    entry.timer = startLimit(ms, () =>
      this.#fail(entry, {
        code: 'timeout', message: 'The answer took too long.', retryable: true,
      }),
    );
  }

  #fail(entry, error) {
    const sent = this.#sent.has(entry.ref);
    this.#finish(entry, sent ? 'unknown' : 'failed', failure(entry, error, sent));
  }

  #finish(entry, state, error, frame) {
    clearTimeout(entry.timer);
    if (!this.#sent.delete(entry.ref)) this.#unqueue(entry);
    entry.done(state, error, frame);
  }

  #unqueue(entry) {
    this.#queue.splice(this.#queue.indexOf(entry), 1);
    this.#queuedBytes -= entry.size;
  }
}

function failure({ request, roomId }, { code, message, retryable, closeCode }, sent) {
  return new TroupeError({ request, roomId, code, message, retryable, closeCode, sent });
}
