const taken = new Set(); // keys of the clients that this page has
// The 1 is the version of what lies there.
const keyOf = (url, n) => `troupe-client/1 ${n} ${url}`;

/// Hands something over from a page to its next load. It lies in the storage only from `pagehide`
/// to the next load, so that a duplicated tab finds nothing.
///
/// Clients of one page with one URL are told apart by the order in which they start. A storage that
/// refuses to work holds nothing.
export class Handover {
  #url;
  #storage;
  #leave;
  #key = null; // while it has started

  /// `url`: the server's. `storage`: has getItem, setItem and removeItem; undefined: the tab's own.
  /// `leave()`: returns what is to be handed over, a value that JSON has; null: nothing.
  constructor({ url, storage }, leave) {
    this.#url = url;
    this.#leave = leave;
    try {
      this.#storage = storage ?? globalThis.sessionStorage;
    } catch {
      // The page may not use it.
    }
  }

  /// Returns what the former load has left, which is gone from the storage then; null: nothing.
  start() {
    if (this.#key || !this.#storage || typeof addEventListener !== 'function') return null;
    for (let n = 1; taken.has((this.#key = keyOf(this.#url, n))); ) n += 1;
    taken.add(this.#key);
    addEventListener('pagehide', this.#onHide);
    addEventListener('pageshow', this.#onShow);
    return this.#take();
  }

  stop() {
    if (!this.#key) return;
    removeEventListener('pagehide', this.#onHide);
    removeEventListener('pageshow', this.#onShow);
    taken.delete(this.#key);
    this.#key = null;
  }

  #onHide = () => {
    const left = this.#leave();
    try {
      if (left) this.#storage.setItem(this.#key, JSON.stringify(left));
    } catch {
      // It is full.
    }
  };

  /// The page was not unloaded, and comes back.
  #onShow = ({ persisted }) => {
    if (persisted) this.#take();
  };

  #take() {
    try {
      const text = this.#storage.getItem(this.#key);
      this.#storage.removeItem(this.#key);
      return JSON.parse(text);
    } catch {
      return null;
    }
  }
}
