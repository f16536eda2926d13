import { TroupeError } from './error.js';

const nodePackage = 'ws'; // a variable, so that bundlers for browsers do not resolve it

/// The class to connect with: `given`, else the platform's, else (Node 20) that of the package
/// `ws`, as a promise.
export function findWebSocket(given) {
  return given ?? globalThis.WebSocket ?? importWebSocket();
}

async function importWebSocket() {
  try {
    const found = await import(/* @vite-ignore */ /* webpackIgnore: true */ nodePackage);
    return found.WebSocket ?? found.default;
  } catch {
    const message =
      'There is no WebSocket here: npm install ws, or give one as the option WebSocket.';
    throw new TroupeError({ code: 'no_websocket', message, sent: false });
  }
}

/// Ends a socket whose events do not matter any more, with the close code `code`. A dead one is
/// terminated without a closing handshake, where that is possible.
export function discard(socket, { dead = false, code = 1000 } = {}) {
  socket.onopen = socket.onmessage = socket.onclose = null;
  // `ws` reports an early close as an error, and throws if nobody listens.
  socket.onerror = () => {};
  if (dead && socket.terminate) socket.terminate();
  else socket.close(code);
}
