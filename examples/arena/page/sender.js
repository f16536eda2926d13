/// Tells the arena what the player wants, when that has changed, and at most once in a tick.

const everyMs = 33;

export class Sender {
  #match;
  #last = null;
  #sentAt = 0;

  constructor(match) {
    this.#match = match;
  }

  /// The server may not know what it was told last.
  forget() {
    this.#last = null;
  }

  send(intent, now) {
    if (now - this.#sentAt >= everyMs && this.sendNow(intent)) this.#sentAt = now;
  }

  /// The same without waiting for the next tick. Returns whether it was sent.
  sendNow(intent) {
    const { room } = this.#match;
    if (!room?.joined || isSame(intent, this.#last) || !room.notify('input', intent)) return false;
    this.#last = { ...intent };
    return true;
  }
}

const isSame = (a, b) =>
  b !== null && a.x === b.x && a.y === b.y && a.aim === b.aim && a.fire === b.fire;
