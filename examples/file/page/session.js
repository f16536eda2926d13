/// The token by which the node knows this person, where it asks for one; kept for this tab.

const key = 'troupe.token';
const tokenForm = /^[\w.-]+$/;

function kept() {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null; // a browser may refuse to keep anything
  }
}

function keep(token) {
  try {
    sessionStorage.setItem(key, token);
  } catch {
    // Not kept: the page asks for it again when it is loaded again.
  }
}

export class Session {
  #token = kept();

  get hasToken() {
    return this.#token !== null;
  }

  /// What to offer when connecting: a page can send its token only as a subprotocol,
  /// beside one that the node speaks.
  get protocols() {
    return this.#token === null ? undefined : ['troupe.v1.json', `troupe.bearer.${this.#token}`];
  }

  /// Whether the node asks for another token than the one it is offered now.
  async isSignedOut() {
    const token = this.#token;
    return (await this.#isRefused(token)) && token === this.#token;
  }

  /// Returns whether the node takes `token`, as far as can be seen; it is then kept.
  async offer(token) {
    if (!tokenForm.test(token) || (await this.#isRefused(token))) return false;
    this.#token = token;
    keep(token);
    return true;
  }

  /// A node that does not answer has not refused anything.
  async #isRefused(token) {
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    const answer = await fetch('session', { headers, cache: 'no-store' }).catch(() => null);
    return answer?.status === 401;
  }
}
