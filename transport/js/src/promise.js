/// Marks the rejection of a promise as handled: a message that nobody waits for must not end the
/// program.
export function handled(promise) {
  promise.catch(() => {});
  return promise;
}

/// {promise, resolve, reject}, handled.
export function deferred() {
  const d = {};
  d.promise = handled(new Promise((resolve, reject) => Object.assign(d, { resolve, reject })));
  return d;
}
