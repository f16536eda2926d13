import { startLimit } from './clock.js';
import { deferred } from './promise.js';

/// Promises that one event settles, each under a time limit of its own.
export class Waiters {
  #waiting = new Set();

  /// Returns a promise, which is rejected with `late()` after `ms` milliseconds; 0: never.
  wait(ms, late) {
    const waiter = deferred();
    this.#waiting.add(waiter);
    waiter.timer = startLimit(ms, () => {
      this.#waiting.delete(waiter);
      waiter.reject(late());
    });
    return waiter.promise;
  }

  /// Rejects all with `error`, or resolves them with `value` if it is null.
  settle(error, value) {
    for (const waiter of this.#waiting) {
      clearTimeout(waiter.timer);
      if (error) waiter.reject(error);
      else waiter.resolve(value);
    }
    this.#waiting.clear();
  }
}
