/// A client's position in a room: the epoch, and the last `seq` seen in that epoch.
export class Position {
  #epoch;
  #seq = -1;

  /// What a join sends so that the server repeats what was missed; undefined without a position.
  get since() {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#seq };
  }

  /// Handles `joined`, the answer to a join that named `since` (or undefined). Returns the position
  /// after which frames are lost, if any are.
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

  /// Everything up to `seq` has been seen.
  reach(seq) {
    if (seq > this.#seq) this.#seq = seq;
  }

  /// Whether a frame with this `seq` (undefined: it has no place) is new. Marks it as seen.
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
