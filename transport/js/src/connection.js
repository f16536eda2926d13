import { Backoff } from './backoff.js';
import { clock, startLimit } from './clock.js';
import { givenUp, isEnding, isOverload, isRefusal } from './close_code.js';
import { TroupeError, connectionLost, sessionEnded } from './error.js';
import { Heartbeat } from './heartbeat.js';
import { onWake } from './wake.js';
import { discard, findWebSocket } from './websocket.js';

const steadyMs = 10_000; // a connection that has held this long resets the back-off
// After this much silence, a page that wakes up pings the server.
const quietMs = 5_000;

/// One WebSocket that speaks troupe.v1 and is opened again whenever it is lost.
export class Connection {
  /// connecting (until the first welcome or loss), connected, reconnecting, stopped (the server
  /// refuses, or there were too many attempts), closed.
  state = 'connecting';
  /// When the next attempt starts (as Date.now()); 0 if none is scheduled.
  retryAt = 0;
  /// What ended the last connection or attempt; null while connected.
  error = null;
  /// The server's goodbye since the last welcome, or null.
  goodbye = null;

  #options;
  #events;
  #backoff;
  #heartbeat;
  #attempt = null; // a new object for each attempt, from before its socket to the loss
  #socket = null;
  #decode;
  #timer;
  #losses = 0; // since the last welcome
  #welcomedAt = 0;
  #obeys = false; // whether the server asked for the current wait
  #token;
  #refused = null;
  #sleep = null;

  /// `options`: the client's, completed.
  /// `events`: welcome(frame), frame(frame), lost(error), failed(error), changed(), and
  /// unanswered(), which returns {since, bytes} of the commands that wait for their answers;
  /// mayResume(), whether the next `welcome` will be answered by `resume`.
  constructor(options, events) {
    this.#options = options;
    this.#events = events;
    this.#backoff = new Backoff(options.reconnectInterval, options.maxReconnectInterval);
    this.#heartbeat = new Heartbeat(options, {
      unanswered: events.unanswered,
      ping: () => this.#socket.send(options.codec.encode({ type: 'ping' })),
      dead: () => this.giveUp('the server did not answer in time'),
    });
  }

  /// Connects now, without waiting for the next attempt; starts again if it was stopped or closed.
  connect() {
    if (this.#attempt) return;
    if (this.state !== 'reconnecting') this.state = 'connecting';
    this.#sleep ??= onWake(() => this.#wake());
    this.#open();
  }

  /// Ends the connection for good, and the session with it.
  close() {
    this.#end('closed', new TroupeError({ code: 'closed', message: 'The client was closed.' }));
  }

  /// Ends a connection that does not do what it should; the next attempt follows.
  giveUp(reason) {
    this.#lose(connectionLost(0, reason), true);
  }

  send(bytes) {
    this.#socket.send(bytes);
    this.#heartbeat.sent();
  }

  /// A command was answered, `ms` after it was sent.
  answered(ms) {
    this.#heartbeat.answered(ms);
  }

  get bufferedAmount() {
    return this.#socket.bufferedAmount;
  }

  // -- to the welcome -----------------------------------------------------------------------------

  async #open() {
    const attempt = (this.#attempt = {});
    const { url, token: tokenOption, timeout, codec } = this.#options;
    this.retryAt = 0;
    this.#obeys = false;
    clearTimeout(this.#timer);
    this.#timer = startLimit(timeout, () => this.giveUp('no welcome in time'));
    this.#events.changed();
    try {
      const found = findWebSocket(this.#options.WebSocket);
      const WebSocket = typeof found === 'function' ? found : await found;
      const token = typeof tokenOption === 'function' ? await tokenOption() : tokenOption;
      if (this.#attempt !== attempt) return;
      if (this.#refused && this.#refused.token === token)
        return this.#end('stopped', this.#refused.error);
      this.#token = token;
      const offers = [codec.subprotocol];
      if (this.#events.mayResume()) offers.push('troupe.resume');
      if (token) offers.push(`troupe.bearer.${token}`);
      this.#attach(new WebSocket(url, offers));
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#events.failed(error);
      if (error.code === 'no_websocket') this.#end('stopped', error);
      else this.#lose(error);
    }
  }

  #attach(socket) {
    this.#socket = socket;
    this.#decode = this.#options.codec.decoder();
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.#onMessage(data);
    let isUnauthorized = false; // Node tells the status of a refused upgrade; browsers do not
    socket.onerror = (event) => (isUnauthorized = /response: 401$/.test(event?.message));
    socket.onclose = ({ code, reason }) => this.#onClose(code, reason, isUnauthorized);
  }

  #onMessage(data) {
    this.#heartbeat.heard();
    let frame;
    try {
      frame = this.#decode(data);
    } catch (cause) {
      this.#events.failed(
        new TroupeError({
          code: 'undecodable', message: `The server sent what is no message: ${cause.message}`,
        }),
      );
      return this.#lose(connectionLost(0, 'the server sent what is no message'));
    }
    if (typeof frame?.type !== 'string') return;
    if (frame.type === 'welcome') this.#onWelcome(frame);
    else if (frame.type === 'goodbye') this.#onGoodbye(frame);
    this.#events.frame(frame);
  }

  #onWelcome(frame) {
    clearTimeout(this.#timer);
    this.state = 'connected';
    this.error = this.goodbye = this.#refused = null;
    this.#losses = 0;
    this.#welcomedAt = clock.now();
    this.#heartbeat.start(frame.heartbeatMs);
    this.#events.welcome(frame);
    this.#events.changed();
  }

  #onGoodbye(frame) {
    this.goodbye = frame;
    if (frame.reconnectAfterMs) this.#backoff.obey(frame.reconnectAfterMs);
    else this.#backoff.slowDown();
  }

  // -- from the loss ------------------------------------------------------------------------------

  #onClose(code, reason, isUnauthorized) {
    if (isEnding(code, reason)) return this.#end('stopped', sessionEnded(reason));
    const error = connectionLost(code, isUnauthorized ? 'the token was refused' : reason);
    if (isUnauthorized || isRefusal(code, reason)) {
      if (typeof this.#options.token !== 'function') return this.#end('stopped', error);
      this.#refused = { token: this.#token, error };
    }
    this.#lose(error);
  }

  #lose(error, dead = false) {
    this.#drop({ dead, code: givenUp });
    const held = this.#welcomedAt > 0 && clock.now() - this.#welcomedAt >= steadyMs;
    this.#welcomedAt = 0;
    if (isOverload(error.closeCode)) this.#backoff.yield();
    else if (held && (!this.goodbye || this.goodbye.reconnectAfterMs)) this.#backoff.reset();
    if (++this.#losses > this.#options.maxReconnectAttempts) return this.#end('stopped', error);
    this.#obeys = this.#backoff.obeys;
    const delay = this.#backoff.next();
    this.#timer = setTimeout(() => this.#open(), delay);
    this.retryAt = Date.now() + delay;
    this.state = 'reconnecting';
    this.error = error;
    this.#events.lost(error);
    this.#events.changed();
  }

  #end(state, error) {
    if (this.state === 'closed') return;
    this.#drop();
    this.#sleep?.();
    this.#sleep = null;
    this.#losses = 0;
    this.#refused = null;
    this.retryAt = 0;
    this.state = state;
    this.error = error;
    this.#events.lost(error);
    this.#events.changed();
  }

  #drop(how) {
    clearTimeout(this.#timer);
    this.#heartbeat.stop();
    if (this.#socket) discard(this.#socket, how);
    this.#socket = this.#attempt = null;
  }

  /// The page was asleep or the network was away: the connection may be dead, or the server back.
  #wake() {
    if (this.state === 'connected') {
      if (this.#heartbeat.silentMs > quietMs) this.#heartbeat.ask();
    } else if (!this.#attempt && !this.#obeys) {
      this.#open();
    }
  }
}
