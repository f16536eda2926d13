export { Client } from './client.js';
export { TroupeError } from './error.js';
export { ReconnectingWebSocket } from './reconnecting_websocket.js';
