import { hasIds, isMessage } from './delivery.js';

const firstIds = 2 ** 31;

/// The messages that may be sent again after a loss, since their room knows them by their ids:
/// those that were sent and are not answered. A room knows only the latest ids of a session; so
/// while one message is not answered, only so many follow it.
export class Repeats {
  #most; // ids that a room knows; 0: the server knows none; undefined: it is not known yet
  #rooms = new Map(); // room id -> {count, open}: ids given since `open` was empty; what is open
  // Begins anywhere: a page that is loaded again goes on with its session, where its first messages
  // would count as those of the page before, and be lost, if ids always began with 1.
  #lastId = Math.floor(Math.random() * firstIds);

  /// `dedupe`: that of the server's limits.
  start({ dedupe = 0 }) {
    this.#most = dedupe;
  }

  /// An id for a message of that `delivery`; undefined where they mean nothing.
  newId(delivery) {
    return this.#most === 0 || !hasIds(delivery) ? undefined : ++this.#lastId;
  }

  /// Whether the message can be told from others.
  knows(message) {
    const { roomId, id, delivery } = message;
    return isMessage(message) && hasIds(delivery) && roomId !== undefined && id !== undefined;
  }

  /// Whether the entry has to wait until others are answered.
  isFull(entry) {
    const room = entry.isKnown && this.#rooms.get(entry.roomId);
    if (!room || room.open.has(entry)) return false;
    const [oldest] = room.open;
    return room.count - oldest.nth >= this.#most;
  }

  /// The entry is being sent.
  add(entry) {
    if (!entry.isKnown || !this.#most || this.has(entry)) return;
    const { roomId } = entry;
    if (!this.#rooms.has(roomId)) this.#rooms.set(roomId, { count: 0, open: new Set() });
    const room = this.#rooms.get(roomId);
    entry.nth = room.count++;
    room.open.add(entry);
  }

  /// Whether the entry may be sent again if it is lost.
  has(entry) {
    return this.#rooms.get(entry.roomId)?.open.has(entry) ?? false;
  }

  /// The entry is answered, or given up. Returns whether it was here.
  delete(entry) {
    const room = this.#rooms.get(entry.roomId);
    if (!room?.open.delete(entry)) return false;
    if (room.open.size === 0) this.#rooms.delete(entry.roomId);
    return true;
  }
}
