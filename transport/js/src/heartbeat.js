import { clock, startLimit } from './clock.js';

const uploadBytesPerMs = 64; // a connection that is slower does not count as alive
const smallBytes = 16 << 10; // what goes up at once
const mostPatience = 8;

/// Watches over a connection: pings a server that is silent, and gives it up if it stays silent.
/// (Browsers do not show the pings that the server sends.)
///
/// It pings after the silence that the server has named, and much sooner while something is
/// unanswered. A large message first has to be sent, so the silence may be longer by its bytes. A
/// large message on its way from the server is silence, too: so after a connection was given up,
/// the next one has twice the time, until commands are answered in time again.
export class Heartbeat {
  #pingAfter;
  #pongTimeout;
  #events;
  #intervalMs = 0;
  #patience = 1;
  #heardAt = 0;
  #askedAt = null; // when it pinged, while it waits for something to be heard
  #dueAt = Infinity;
  #timer;

  /// `pingAfter`, `pongTimeout`: the silence until a ping while something is unanswered, and from a
  /// ping until the end, in milliseconds; 0: never.
  /// `events`: unanswered() -> {since, bytes}, `since` undefined if nothing is; ping(); dead().
  constructor({ pingAfter, pongTimeout }, events) {
    this.#pingAfter = pingAfter;
    this.#pongTimeout = pongTimeout;
    this.#events = events;
  }

  /// `intervalMs`: the silence after which it pings the server in any case; 0: never.
  start(intervalMs) {
    this.#intervalMs = intervalMs > 0 ? intervalMs : 0;
    this.heard();
    this.#watch();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#askedAt = null;
  }

  heard() {
    this.#heardAt = clock.now();
  }

  get silentMs() {
    return clock.now() - this.#heardAt;
  }

  /// A command was sent.
  sent() {
    if (this.#askedAt === null && this.#nextPingAt < this.#dueAt) this.#watch();
  }

  /// A command was answered, `ms` after it was sent.
  answered(ms) {
    if (ms < this.#pingAfter) this.#patience = 1;
  }

  /// Pings now.
  ask() {
    this.#askedAt = clock.now();
    const limitMs = this.#pongTimeout && this.#pongTimeout * this.#patience + this.#uploadMs;
    this.#wait(limitMs, () => (this.#heardAt < this.#askedAt ? this.#giveUp() : this.#watch()));
    this.#events.ping();
  }

  // -- inside -------------------------------------------------------------------------------------

  get #uploadMs() {
    const bytes = Math.max(0, this.#events.unanswered().bytes - smallBytes);
    return Math.ceil(bytes / uploadBytesPerMs);
  }

  get #nextPingAt() {
    const { since } = this.#events.unanswered();
    const idle = this.#intervalMs > 0 ? this.#heardAt + this.#intervalMs : Infinity;
    if (since === undefined || this.#pingAfter === 0) return idle;
    const quiet = this.#pingAfter * this.#patience + this.#uploadMs;
    return Math.min(idle, Math.max(since, this.#heardAt) + quiet);
  }

  #watch() {
    this.#askedAt = null;
    clearTimeout(this.#timer);
    this.#dueAt = this.#nextPingAt;
    const leftMs = this.#dueAt - clock.now();
    if (leftMs > 0) this.#wait(leftMs, () => this.#watch());
    else this.ask();
  }

  #giveUp() {
    this.#patience = Math.min(this.#patience * 2, mostPatience);
    this.#events.dead();
  }

  #wait(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = startLimit(ms, then);
  }
}
