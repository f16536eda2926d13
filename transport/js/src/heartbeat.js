import { clock, startLimit } from './clock.js';

/// Pings a silent server, because browsers do not show the pings that the server sends.
export class Heartbeat {
  #ask;
  #die;
  #answerMs;
  #intervalMs = 0;
  #heardAt = 0;
  #askedAt = 0;
  #timer;

  /// `ask` sends a ping; `die` is called if nothing at all is heard for `answerMs` after it.
  constructor(answerMs, ask, die) {
    this.#answerMs = answerMs;
    this.#ask = ask;
    this.#die = die;
  }

  /// `intervalMs`: the silence after which it pings the server; 0: never.
  start(intervalMs) {
    this.#intervalMs = intervalMs > 0 ? intervalMs : 0;
    this.heard();
    this.#watch();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  heard() {
    this.#heardAt = clock.now();
  }

  get silentMs() {
    return clock.now() - this.#heardAt;
  }

  /// Pings now.
  ask() {
    this.#askedAt = clock.now();
    this.#wait(this.#answerMs, () => (this.#heardAt < this.#askedAt ? this.#die() : this.#watch()));
    this.#ask();
  }

  #watch() {
    clearTimeout(this.#timer);
    if (this.#intervalMs === 0) return;
    const leftMs = this.#intervalMs - this.silentMs;
    if (leftMs > 0) this.#wait(leftMs, () => this.#watch());
    else this.ask();
  }

  #wait(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = startLimit(ms, then);
  }
}
