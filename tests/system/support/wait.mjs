// Waiting for events, always under a deadline; nothing here waits for time to pass.

export const patience = Number(process.env.TROUPE_PATIENCE_MS ?? 15_000);

/// Settles as `promise` does, or fails after `ms` saying what was waited for.
export function within(promise, what, ms = patience) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited ${ms} ms for ${typeof what === 'function' ? what() : what}`)),
      ms,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// Asks `probe` again and again until it answers something truthy, and returns that.
/// For states that nobody announces: a gauge, a file of /proc.
export async function until(probe, what, ms = patience) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/// Calls `check` again and again until it does not fail any more, or fails as it does at last.
export async function eventually(check, ms = patience) {
  const end = Date.now() + ms;
  for (;;)
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/// Resolves once a socket has closed; it may hear of the end by a reset. (`once` of node:events
/// rejects then, whoever else listens for errors.)
export function closed(socket) {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', resolve));
}

/// A queue that can be waited on.
export class Inbox {
  #items = [];
  #waiting = [];
  #end = null;

  push(item) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve(item);
    else this.#items.push(item);
  }

  /// Ends the queue: whoever waits, now or later, fails with `why`.
  end(why) {
    this.#end ??= why;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(new Error(this.#end));
  }

  take(what, ms = patience) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#end) return Promise.reject(new Error(`${this.#end}, while waiting for ${what}`));
    let waiter;
    const promise = new Promise((resolve, reject) =>
      this.#waiting.push((waiter = { resolve, reject })),
    );
    return within(promise, what, ms).catch((error) => {
      this.#waiting = this.#waiting.filter((w) => w !== waiter);
      throw error;
    });
  }

  /// The items that have come and were not taken.
  get pending() {
    return [...this.#items];
  }
}
