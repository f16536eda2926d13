/// One WebSocket to the node that served the page, opened again whenever it is lost.
///
/// Events: `state` after `state` or `retryAt` changed; `frame` with the server's frame as `detail`.

import { Backoff } from './backoff.js';

const answerMs = 10_000; // for `welcome`, and for any sign of life after a ping
const steadyMs = 10_000; // a connection that held so long was a good one
const quietMs = 5_000; // after so much silence a page that wakes up asks whether the server is there

export class Connection extends EventTarget {
  /// `connecting` until the first `welcome` or loss, then `connected` or `reconnecting`.
  state = 'connecting';
  /// When the next attempt starts (as Date.now()), 0 while one is under way.
  retryAt = 0;
  /// Whether the server said goodbye for good.
  stopped = false;

  #url;
  #socket = null;
  #timer = 0;
  #backoff = new Backoff();
  #heartbeatMs = 25_000;
  #heardAt = 0;
  #pingedAt = 0;
  #welcomedAt = 0;

  constructor(url) {
    super();
    this.#url = url;
  }

  start() {
    addEventListener('online', () => this.#wake());
    addEventListener('pageshow', () => this.#wake());
    document.addEventListener('visibilitychange', () => document.hidden || this.#wake());
    this.#connect();
  }

  /// Whether the message was handed to the socket; it may still be lost.
  send(message) {
    if (this.state !== 'connected') return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /// Does not wait for the next attempt's time.
  retryNow() {
    if (!this.#socket) this.#connect();
  }

  #connect() {
    const socket = new WebSocket(this.#url, ['troupe.v1.json']);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onclose = () => this.#lose();
    this.#heardAt = this.#pingedAt = performance.now();
    this.#wait(answerMs, () => this.#lose());
    this.retryAt = 0;
    this.#tell();
  }

  #onMessage(data) {
    this.#heardAt = performance.now();
    if (typeof data !== 'string') return; // the bytes after a `binary` frame
    const frame = JSON.parse(data);
    if (frame.type === 'welcome') this.#onWelcome(frame);
    if (frame.type === 'goodbye') this.#onGoodbye(frame);
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
  }

  #onWelcome({ heartbeatMs }) {
    this.#heartbeatMs = heartbeatMs;
    this.#welcomedAt = this.#heardAt;
    this.state = 'connected';
    this.stopped = false;
    this.#beat();
    this.#tell();
  }

  #onGoodbye({ reconnectAfterMs }) {
    this.stopped = !reconnectAfterMs;
    if (reconnectAfterMs) this.#backoff.obey(reconnectAfterMs);
    else this.#backoff.slowDown();
  }

  /// Browsers do not show the server's pings, so a silent server is asked by one of ours.
  #beat() {
    if (!this.#heartbeatMs) return this.#wait(0, null);
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs < this.#heartbeatMs) this.#wait(this.#heartbeatMs - silentMs, () => this.#beat());
    else this.#ping();
  }

  #ping() {
    this.#pingedAt = performance.now();
    this.send({ type: 'ping' });
    this.#wait(answerMs, () => (this.#heardAt < this.#pingedAt ? this.#lose() : this.#beat()));
  }

  /// The page was asleep or the network away: what was true before may not be any more.
  #wake() {
    if (!this.#socket) this.retryNow();
    else if (this.state === 'connected' && performance.now() - this.#heardAt > quietMs) this.#ping();
  }

  #lose() {
    this.#drop();
    if (this.#welcomedAt && performance.now() - this.#welcomedAt >= steadyMs && !this.stopped) this.#backoff.reset();
    this.#welcomedAt = 0;
    const delay = this.#backoff.next();
    this.#wait(delay, () => this.#connect());
    this.retryAt = Date.now() + delay;
    this.state = 'reconnecting';
    this.#tell();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #wait(ms, then) {
    clearTimeout(this.#timer);
    if (then) this.#timer = setTimeout(then, ms);
  }

  #tell() {
    this.dispatchEvent(new Event('state'));
  }
}
