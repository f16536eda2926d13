const leastMs = 100;
const mostMs = 3_600_000;
const slowMs = [10_000, 30_000];
const busyAttempts = 3;

/// How long to wait before the next attempt to connect: exponential back-off with full jitter, or
/// what the server asked for.
export class Backoff {
  #cap;
  #attempts = 0;
  #asked = null;
  #slow = false;

  /// `base` and `cap` in milliseconds: the n-th wait is up to base * 2^n, at most cap.
  constructor(base, cap) {
    this.base = base;
    this.#cap = cap;
  }

  /// The server asks for a wait between `min` and `max` milliseconds; it applies to the next
  /// attempt only.
  obey([min, max]) {
    if (min >= 0 && max >= min) this.#asked = [min, Math.min(max, mostMs)];
  }

  /// Whether the next wait is one that the server asked for.
  get obeys() {
    return this.#asked !== null;
  }

  /// The server does not expect to be back: waits long, until `reset`.
  slowDown() {
    this.#slow = true;
  }

  /// The server is overloaded: skips the shortest waits.
  yield() {
    this.#attempts = Math.max(this.#attempts, busyAttempts);
  }

  /// The connection has held: after its loss the shortest wait comes first again.
  reset() {
    this.#attempts = 0;
    this.#slow = false;
  }

  /// Milliseconds until the next attempt.
  next() {
    const [min, max] =
      this.#asked ??
      (this.#slow ? slowMs : [leastMs, Math.min(this.#cap, this.base * 2 ** this.#attempts)]);
    this.#asked = null;
    this.#attempts += 1;
    return min + Math.random() * Math.max(0, max - min);
  }
}
