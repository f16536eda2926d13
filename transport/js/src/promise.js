/// Whoever does not look at this promise does not get its error either: a message that nobody waits for must not end a program.
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
