/// Handlers by event. One that throws does not keep the others, or the client, from going on.
export class Emitter {
  #handlers = new Map();

  /// Returns a function that takes the handler off again.
  on(type, handler) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(handler);
    return () => this.off(type, handler);
  }

  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  emit(type, detail) {
    callAll(this.#handlers.get(type) ?? [], detail);
  }
}

/// Calls those that were there when it began.
export function callAll(handlers, detail) {
  for (const handler of [...handlers]) {
    try {
      handler(detail);
    } catch (error) {
      report(error);
    }
  }
}

/// As if nobody had caught it: the console of a browser, `uncaughtException` of Node.
function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else queueMicrotask(() => { throw error; });
}
