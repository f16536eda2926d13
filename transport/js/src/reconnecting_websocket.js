import { Backoff } from './backoff.js';
import { callAll } from './emitter.js';
import { discard, findWebSocket } from './websocket.js';

const open = 1;

/// A WebSocket that reopens itself. Handlers get the raw events of the socket.
///
/// Options: `reconnectInterval` (3000): base of the waits in milliseconds,
///          each a random part of base * 2^n;
///          `maxReconnectInterval` (30000): the longest; `maxReconnectAttempts` (10): in a row;
///          `protocols`; `WebSocket`: the class to use;
///          `log`: true for the console, or a function that takes one line.
export class ReconnectingWebSocket {
  #options;
  #backoff;
  #timer;
  #closed = false;

  constructor(url, options = {}) {
    this.url = url;
    this.reconnectInterval = options.reconnectInterval ?? 3000;
    this.maxReconnectAttempts = options.maxReconnectAttempts ?? 10;
    this.reconnectAttempts = 0;
    this.handlers = { open: [], message: [], close: [], error: [] };
    this.ws = null;
    this.#options = options;
    this.#backoff = new Backoff(this.reconnectInterval, options.maxReconnectInterval ?? 30_000);
    this.connect();
  }

  /// Opens a new socket now, and discards the current one.
  connect() {
    clearTimeout(this.#timer);
    this.#closed = false;
    if (this.ws) discard(this.ws);
    this.ws = null;
    const found = findWebSocket(this.#options.WebSocket);
    if (typeof found === 'function') this.#open(found);
    else
      found.then(
        (type) => this.#closed || this.ws || this.#open(type),
        (error) => this.#emit('error', { type: 'error', error, message: error.message }),
      );
  }

  #open(WebSocket) {
    const { protocols } = this.#options;
    const socket = (this.ws =
      protocols === undefined ? new WebSocket(this.url) : new WebSocket(this.url, protocols));
    socket.onopen = (e) => {
      this.#log('connected');
      this.reconnectAttempts = 0;
      this.#backoff.reset();
      this.#emit('open', e);
    };
    socket.onmessage = (e) => this.#emit('message', e);
    socket.onclose = (e) => {
      this.#log(`closed (${e.code})`);
      this.#emit('close', e);
      if (this.ws === socket) this.reconnect();
    };
    socket.onerror = (e) => {
      this.#log('error');
      this.#emit('error', e);
    };
  }

  /// Opens a new socket after a while, unless `close` was called or there were too many attempts.
  reconnect() {
    if (this.#closed) return;
    if (this.reconnectAttempts >= this.maxReconnectAttempts)
      return this.#log('too many attempts to reconnect');
    this.reconnectAttempts++;
    this.#log(`attempt ${this.reconnectAttempts} to reconnect...`);
    clearTimeout(this.#timer);
    this.#backoff.base = this.reconnectInterval;
    this.#timer = setTimeout(() => this.connect(), this.#backoff.next());
  }

  /// `event`: open, message, close or error; others are ignored.
  on(event, handler) {
    if (Object.hasOwn(this.handlers, event)) this.handlers[event].push(handler);
  }

  /// Returns whether the socket took `data`, which it does while it is open.
  send(data) {
    const isOpen = this.ws?.readyState === open;
    if (isOpen) this.ws.send(data);
    return isOpen;
  }

  /// Closes the socket for good, in whatever state it is.
  close(code, reason) {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.ws?.close(code, reason);
  }

  #emit(event, e) {
    callAll(this.handlers[event], e);
  }

  #log(line) {
    const { log } = this.#options;
    if (log) (log === true ? console.log : log)(line);
  }
}
