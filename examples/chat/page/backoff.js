/// How long to wait before the next attempt to connect: exponential with full jitter, or what the server asked for.

const baseMs = 500;
const capMs = 30_000;
const leastMs = 100;
const slowMs = [10_000, 30_000];

export class Backoff {
  #attempts = 0;
  #asked = null;
  #slow = false;

  /// The server asks for a time between `min` and `max`, in milliseconds; it counts for the next attempt only.
  obey([min, max]) {
    this.#asked = [min, max];
  }

  /// The server does not expect to be back: ask rarely, until `reset`.
  slowDown() {
    this.#slow = true;
  }

  /// The connection held: the next loss starts from the shortest wait.
  reset() {
    this.#attempts = 0;
    this.#slow = false;
  }

  /// Milliseconds until the next attempt.
  next(random = Math.random) {
    const [min, max] = this.#asked ?? (this.#slow ? slowMs : [leastMs, Math.min(capMs, baseMs * 2 ** this.#attempts)]);
    this.#asked = null;
    this.#attempts += 1;
    return min + random() * (max - min);
  }
}
