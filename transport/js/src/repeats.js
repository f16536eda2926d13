import { hasIds, lineOf } from './delivery.js';

const firstIds = 2 ** 31;

/// The messages that may be sent again after a loss, since the server knows them by their ids:
/// those that were sent and are not answered. Of each line it knows only the latest ids of a
/// session; so while one message is not answered, only so many follow it.
export class Repeats {
  #most; // ids known of a line; 0: the server knows none; undefined: it is not known yet
  #lines = new Map(); // line -> {count, open}: ids given since `open` was empty; what is open
  // Begins anywhere: a page that is loaded again goes on with its session, where its first messages
  // would count as those of the page before, and be lost, if ids always began with 1.
  #lastId = Math.floor(Math.random() * firstIds);

  /// `dedupe`: that of the server's limits.
  start({ dedupe = 0 }) {
    this.#most = dedupe;
  }

  /// An id for a message ({type, delivery}) that has none; undefined where they mean nothing.
  newId(message) {
    return this.#most === 0 || !hasIds(message) ? undefined : ++this.#lastId;
  }

  /// Whether the message can be told from others. What is for a moment only has passed by the time
  /// of a return, and its id means nothing.
  knows(message) {
    return hasIds(message) && lineOf(message) !== undefined && message.id !== undefined;
  }

  /// Whether the entry has to wait until others are answered.
  isFull(entry) {
    const line = entry.isKnown && this.#lines.get(entry.line);
    if (!line || line.open.has(entry)) return false;
    const [oldest] = line.open;
    return line.count - oldest.nth >= this.#most;
  }

  /// The entry is being sent.
  add(entry) {
    if (!entry.isKnown || !this.#most || this.has(entry)) return;
    if (!this.#lines.has(entry.line)) this.#lines.set(entry.line, { count: 0, open: new Set() });
    const line = this.#lines.get(entry.line);
    entry.nth = line.count++;
    line.open.add(entry);
  }

  /// Whether the entry may be sent again if it is lost.
  has(entry) {
    return this.#lines.get(entry.line)?.open.has(entry) ?? false;
  }

  /// The entry is answered, or given up. Returns whether it was here.
  delete(entry) {
    const line = this.#lines.get(entry.line);
    if (!line?.open.delete(entry)) return false;
    if (line.open.size === 0) this.#lines.delete(entry.line);
    return true;
  }
}
