/// The token by which the node knows this person, where it asks for one.
///
/// Events: `needed` when the person has to give one;
/// `detail` is whether the one before was refused.

export class Session extends EventTarget {
  #memory;
  #taken; // the token that the node is known to take

  constructor(memory) {
    super();
    this.#memory = memory;
  }

  /// The token to connect with; null if the node asks for none.
  /// Throws while the person has to give one first.
  async token() {
    const { token } = this.#memory;
    if (token === this.#taken || !(await this.#isRefused(token))) return token;
    // The person gave one while the node refused the one before.
    if (token !== this.#memory.token) return this.token();
    this.dispatchEvent(new CustomEvent('needed', { detail: token !== null }));
    throw new Error('the node asks for a token');
  }

  /// Returns whether the node takes `token`; it is then kept for this tab.
  async offer(token) {
    if (await this.#isRefused(token)) return false;
    this.#memory.token = token;
    return true;
  }

  /// The connection failed, or the token has expired:
  /// forgets that the node took the token.
  doubt() {
    this.#taken = undefined;
  }

  /// A node that does not answer has not refused anything.
  async #isRefused(token) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch('session', { headers, cache: 'no-store' }).catch(() => null);
    if (answer?.ok) this.#taken = token;
    return answer?.status === 401;
  }
}
