/// Handlers by event. A handler that throws stops neither the others nor the client.
export class Emitter {
  #handlers = new Map();

  /// Returns a function that removes the handler.
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

/// Calls the handlers that exist when it begins.
export function callAll(handlers, detail) {
  for (const handler of [...handlers]) {
    try {
      handler(detail);
    } catch (error) {
      report(error);
    }
  }
}

/// Reports as uncaught: to the console of a browser, or as `uncaughtException` of Node.
function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else queueMicrotask(() => { throw error; });
}
