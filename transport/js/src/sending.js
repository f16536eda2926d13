import { Emitter } from './emitter.js';
import { handled } from './promise.js';

/// A command on its way: a promise of the server's answer that also tells where the command is.
///
/// `state`: queued (it waits for the connection, for its room or for the server's rate), sent,
///          acked (the server has done it), failed (it was refused, or never sent), unknown (it was
///          sent, and no answer came). The last three are final.
/// `error`: the TroupeError behind failed and unknown, else null.
export class Sending extends Promise {
  state = 'queued';
  error = null;

  #handlers = new Emitter();
  #settle;

  /// What `then` returns is a plain promise.
  static get [Symbol.species]() {
    return Promise;
  }

  /// {sending, move}; `move(state, error, frame)` changes the state, and settles the promise if the
  /// state is final.
  static make() {
    let settle;
    const sending = new Sending((resolve, reject) => (settle = { resolve, reject }));
    sending.#settle = settle;
    return { sending: handled(sending), move: (...args) => sending.#move(...args) };
  }

  /// `type`: `state`, told with this object after each change.
  /// Returns a function that removes the handler.
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  off(type, handler) {
    this.#handlers.off(type, handler);
  }

  #move(state, error, frame) {
    this.state = state;
    this.error = error ?? null;
    if (error) this.#settle.reject(error);
    else if (frame) this.#settle.resolve(frame);
    this.#handlers.emit('state', this);
  }
}
