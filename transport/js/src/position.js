/// A client's position in a room: the epoch, the last `seq` seen in that epoch, and the connection
/// on which it was seen (the server leaves out what that one has said without echo).
export class Position {
  #epoch;
  #seq = -1;
  #clientId;
  #next = null; // {clientId, seq}: the present connection, which counts from that place on

  /// What a join sends so that the server repeats what was missed; undefined without a position.
  get since() {
    if (this.#epoch === undefined) return undefined;
    return { epoch: this.#epoch, seq: this.#seq, clientId: this.#clientId };
  }

  /// Handles `joined`, the answer to a join that named `since` (or undefined), on the connection
  /// `clientId`. Returns whether frames behind `since` may be lost.
  onJoined({ epoch, seq, recovered }, since, clientId) {
    this.#next = { clientId, seq };
    if (recovered && epoch === this.#epoch) this.#advance(this.#seq); // what was missed follows
    else this.restart(epoch, seq);
    const isSame = since?.epoch === epoch && since.seq === seq;
    return since !== undefined && recovered === false && !isSame;
  }

  /// Takes a former `since`.
  restore({ epoch, seq, clientId }) {
    this.#epoch = epoch;
    this.#seq = seq;
    this.#clientId = clientId;
  }

  restart(epoch, seq) {
    this.#epoch = epoch;
    if (this.#next) this.#next.seq = seq;
    this.#advance(seq);
  }

  /// Everything up to `seq` has been seen.
  reach(seq) {
    if (seq > this.#seq) this.#advance(seq);
  }

  /// Whether a frame with this `seq` (undefined: it has no place) is new. Marks it as seen.
  isNew(seq) {
    if (seq === undefined) return true;
    if (seq <= this.#seq) return false;
    this.#advance(seq);
    return true;
  }

  forget() {
    this.#epoch = this.#clientId = undefined;
    this.#seq = -1;
    this.#next = null;
  }

  #advance(seq) {
    this.#seq = seq;
    if (!this.#next || seq < this.#next.seq) return;
    this.#clientId = this.#next.clientId;
    this.#next = null;
  }
}
