/// Commands that wait to be sent, in their order, with a bound.
export class Queue {
  #entries = [];
  #bytes = 0;
  #options;

  /// `options`: queueLimit, queueBytes.
  constructor(options) {
    this.#options = options;
  }

  /// All, in their order.
  get entries() {
    return [...this.#entries];
  }

  /// Whether there is more than may wait.
  get isOverfull() {
    const { queueLimit, queueBytes } = this.#options;
    return this.#entries.length > queueLimit || this.#bytes > queueBytes;
  }

  /// An entry has `size` (in bytes), and `first` if it goes before all that have not.
  add(entry) {
    this.#insert(entry.first ? this.#behindFirst : this.#entries.length, [entry]);
  }

  /// Puts entries without `first` before all others without it.
  putBack(entries) {
    this.#insert(this.#behindFirst, entries);
  }

  /// Does nothing if the entry does not wait.
  remove(entry) {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1);
    this.#bytes -= entry.size;
  }

  /// Asks in their order; undefined if none fits.
  find(fits) {
    return this.#entries.find(fits);
  }

  get #behindFirst() {
    return this.#entries.findLastIndex((e) => e.first) + 1;
  }

  #insert(at, entries) {
    this.#entries.splice(at, 0, ...entries);
    for (const { size } of entries) this.#bytes += size;
  }
}
