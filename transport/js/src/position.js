/// Where one stands in a room: its epoch, and the last `seq` of that epoch which was seen.
export class Position {
  #epoch;
  #seq = -1;

  /// What a join tells the server to get what was missed; undefined if there is nothing to go on from.
  get since() {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#seq };
  }

  /// `joined` came, for a join that named `since` if it named any. Returns the place after which something was missed, if something was.
  onJoined({ epoch, seq, recovered }, since) {
    if (recovered && epoch === this.#epoch) return undefined; // what was missed follows
    this.restart(epoch, seq);
    const isSame = since?.epoch === epoch && since.seq === seq;
    return recovered === false && !isSame ? since : undefined;
  }

  restart(epoch, seq) {
    this.#epoch = epoch;
    this.#seq = seq;
  }

  /// All up to `seq` has been seen.
  reach(seq) {
    if (seq > this.#seq) this.#seq = seq;
  }

  /// Whether a frame with this `seq` (undefined: it has no place) was not seen before; it is now.
  isNew(seq) {
    if (seq === undefined) return true;
    if (seq <= this.#seq) return false;
    this.#seq = seq;
    return true;
  }

  forget() {
    this.#epoch = undefined;
    this.#seq = -1;
  }
}
