import { clock } from './clock.js';

/// Keeps below the server's rate limit: the server drops messages above it, without saying which.
/// The bucket has half the size of the server's, so that messages which the network delays and then
/// delivers together still fit.
export class Pace {
  #perMs = 0;
  #size = 0;
  #tokens = 0;
  #filledAt = 0;

  /// `messagesPerSecond` 0 or absent: no limit.
  start({ messagesPerSecond = 0, burstMessages = 0 } = {}) {
    this.#perMs = messagesPerSecond / 1000;
    this.#size = this.#tokens = Math.max(1, burstMessages / 2);
    this.#filledAt = clock.now();
  }

  /// Milliseconds until the next message may go.
  get waitMs() {
    if (this.#perMs === 0) return 0;
    const now = clock.now();
    this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  /// A message has gone.
  count() {
    this.#tokens -= 1;
  }
}
