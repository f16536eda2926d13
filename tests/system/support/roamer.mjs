// A client on npm's `ws` that comes back by `resume` whenever its connection is lost, or by `since`
// where its session is gone.

import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { decode, encode } from '@msgpack/msgpack';
import { Book } from './book.mjs';
import { subprotocols } from './client.mjs';

export class Roamer extends Book {
  /// `url()`: where to connect. `rooms`: those it wants to be in. `giveUpMs`: silence after which
  /// it takes its connection for lost. `pauseMs()`: how long it stays away each time.
  /// `eager`: it talks behind `resume` without waiting for the answer.
  constructor({ name, url, rooms, as = 'json', giveUpMs = 1_000, pauseMs = () => 50, eager }) {
    super(name, rooms);
    Object.assign(this, { url, as, giveUpMs, pauseMs, eager });
    this.#connect();
    this.watch = setInterval(() => this.#beat(), giveUpMs / 4);
  }

  // -- what a test tells it to do ----------------------------------------------------------------

  /// Says something and returns its id; undefined if it is not connected.
  say(roomId, fields = {}) {
    if (!this.ready) return undefined;
    const id = this.nextId();
    this.#send({ type: 'message', roomId, data: { id, ...fields }, ref: id });
    return id;
  }

  /// Its connection is lost, as it thinks, or it ends it with a close frame.
  lose(code) {
    const { socket } = this;
    this.onLost();
    socket?.on('error', () => {});
    if (code) socket?.close(code);
    else socket?.terminate();
  }

  /// The port that it has its connection from; undefined without one.
  get localPort() {
    return this.socket?._socket?.localPort;
  }

  /// The users in a room: id -> sessions. They have to fit into one answer.
  async present(room) {
    this.#send({ type: 'presence', roomId: room, limit: 1000, ref: 'who' });
    const answer = await new Promise((resolve) => (this.onPresence = resolve));
    assert.equal(answer.complete, true);
    return new Map(answer.members.map(({ userId, sessions = 1 }) => [userId, sessions]));
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    this.lose();
  }

  // -- its connection ----------------------------------------------------------------------------

  #connect() {
    const socket = new WebSocket(this.url(), [subprotocols[this.as]], { perMessageDeflate: false });
    this.socket = socket;
    this.heard = performance.now();
    const isCurrent = () => socket === this.socket;
    socket.on('error', () => {});
    socket.on('unexpected-response', () => (++this.counts.refused, isCurrent() && this.lose()));
    socket.on('close', (code, reason) => isCurrent() && this.onLost(code, String(reason)));
    socket.on('message', (bytes) => {
      if (!isCurrent()) return;
      this.heard = performance.now();
      this.onFrame(this.as === 'msgpack' ? decode(bytes) : JSON.parse(bytes));
    });
  }

  onLost(code, reason) {
    super.onLost(code, reason);
    this.socket = undefined;
    this.ready = false;
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.#connect(), this.pauseMs());
  }

  #send(map) {
    this.socket.send(this.as === 'msgpack' ? encode(map) : JSON.stringify(map));
  }

  #beat() {
    const silence = performance.now() - this.heard;
    if (!this.socket) return;
    if (silence > this.giveUpMs) this.lose();
    else if (this.ready) this.#send({ type: 'ping' });
  }

  // -- frames that it answers --------------------------------------------------------------------

  on_welcome(welcome) {
    super.on_welcome(welcome);
    if (!this.isAsking) return;
    const rooms = [...this.place].map(([roomId, at]) => ({ roomId, ...at }));
    this.#send({ type: 'resume', resume: this.session, rooms, ref: 'back' });
    this.ready = this.eager === true;
  }

  begin() {
    const former = this.clientId;
    super.begin();
    this.ready = true;
    for (const roomId of this.rooms) this.#join(roomId, former);
  }

  on_resumed(resumed) {
    super.on_resumed(resumed);
    this.ready = true;
    for (const roomId of this.rooms) if (!this.held.has(roomId)) this.#join(roomId, this.clientId);
  }

  on_presence(answer) {
    this.onPresence(answer);
  }

  #join(roomId, clientId) {
    const at = this.place.get(roomId);
    this.#send({ type: 'join', roomId, ...(at && { since: { ...at, clientId } }) });
  }
}
