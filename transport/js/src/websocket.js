import { TroupeError } from './error.js';

const nodePackage = 'ws'; // a variable, so that bundlers for browsers do not look for it

/// The class to connect with: `given`, else the platform's, else (Node 20) that of the package `ws`, which comes as a promise.
export function findWebSocket(given) {
  return given ?? globalThis.WebSocket ?? importWebSocket();
}

async function importWebSocket() {
  try {
    const found = await import(/* @vite-ignore */ /* webpackIgnore: true */ nodePackage);
    return found.WebSocket ?? found.default;
  } catch {
    const message = 'There is no WebSocket here: npm install ws, or give one as the option WebSocket.';
    throw new TroupeError({ code: 'no_websocket', message, sent: false });
  }
}

/// Ends a socket whose events do not matter any more. A dead one is not asked to agree.
export function discard(socket, dead = false) {
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.onerror = () => {}; // `ws` reports a connection that is given up early, and throws if nobody listens
  if (dead && socket.terminate) socket.terminate();
  else socket.close(1000);
}
