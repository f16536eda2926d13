import { clock } from './clock.js';

/// The client's session at the server, which keeps it for a while after a loss of the connection:
/// the next connection may resume it.
export class Session {
  /// Its public name; null before the first.
  clientId = null;
  /// The number of the last direct that was seen; 0: none.
  direct = 0;

  #resume = null;
  #windowMs = 0;
  #endsAt = Infinity; // by the client's clock; Infinity: there is a connection

  /// The secret that names the session in a `resume`; null if the server keeps none, or not any
  /// more.
  get resume() {
    return this.leftMs > 0 ? this.#resume : null;
  }

  /// For how long it may be resumed, if the connection is lost now; 0: not at all.
  get leftMs() {
    if (this.#resume === null) return 0;
    const isHeld = this.#endsAt === Infinity;
    return isHeld ? this.#windowMs : Math.max(0, this.#endsAt - clock.now());
  }

  /// `welcome` begins a session.
  onBegin(welcome) {
    this.direct = 0;
    this.onResumed(welcome);
  }

  /// It goes on, as `welcome` with the fields of `resumed` tells.
  /// Servers that keep no sessions name neither `resume` nor `resumeMs`.
  onResumed({ clientId, resume = null, resumeMs = 0 }) {
    this.clientId = clientId;
    this.#resume = resume;
    this.#windowMs = resumeMs;
    this.#endsAt = Infinity;
  }

  /// Whether the direct of that number is new. Marks it as seen.
  isNew(seq) {
    if (seq <= this.direct) return false;
    this.direct = seq ?? this.direct;
    return true;
  }

  /// Only the loss of a connection on which the session was starts its time; not that of one on
  /// which it was still to be resumed, or a server that fails over it would be asked for ever.
  onLost() {
    if (this.#endsAt === Infinity) this.#endsAt = clock.now() + this.#windowMs;
  }

  /// There is nothing left to resume.
  end() {
    this.#resume = null;
  }

  /// For another load of the page: {resume, clientId, direct, endsAt} with `endsAt` by the wall
  /// clock; null if there is nothing to resume.
  save() {
    const { clientId, direct, resume, leftMs } = this;
    if (resume === null) return null;
    return { resume, clientId, direct, endsAt: Date.now() + leftMs };
  }

  /// Takes what `save` has returned.
  restore({ resume, clientId, direct, endsAt }) {
    this.clientId = clientId;
    this.direct = direct;
    this.#resume = resume;
    this.#endsAt = clock.now() + (endsAt - Date.now());
  }
}
