/// Calls `wake` when the page is shown again or the network is back.
/// Returns a function that stops this.
export function onWake(wake) {
  const page = globalThis.document;
  if (!page || typeof addEventListener !== 'function') return () => {};
  const shown = () => page.hidden || wake();
  addEventListener('online', wake);
  addEventListener('pageshow', wake);
  page.addEventListener('visibilitychange', shown);
  return () => {
    removeEventListener('online', wake);
    removeEventListener('pageshow', wake);
    page.removeEventListener('visibilitychange', shown);
  };
}
