// A `Client` of troupe-client, the npm package, as its application sees it: what its rooms tell and
// what becomes of its messages.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { Client } from '../../../transport/js/src/index.js';
import { msgpack } from '../../../transport/js/src/msgpack.js';
import { Book } from './book.mjs';

const codecs = { json: 'json', msgpack };

export class PackageRoamer extends Book {
  /// `giveUpMs`: silence after which it takes its connection for lost. `pauseMs()`: how long it
  /// waits for the token that it has no use for, each time before it connects.
  constructor({ name, url, rooms, as = 'json', giveUpMs = 1_000, pauseMs = () => 0 }) {
    super(name, rooms);
    const roamer = this;
    class Socket extends WebSocket {
      constructor(to, offers) {
        super(to, offers, { perMessageDeflate: false });
        roamer.socket = this;
      }
    }
    this.client = new Client(url, {
      WebSocket: Socket, codec: codecs[as], token: () => sleep(pauseMs()), reconnectInterval: 50,
      maxReconnectInterval: 150, pingAfter: giveUpMs / 2, pongTimeout: giveUpMs / 2,
    });
    this.client.on('frame', (frame) => this.#countGone(frame));
    this.client.on('resumed', () => ++this.counts.resumed);
    this.client.on('error', (error) => this.faults.push(`${error.code}: ${error.message}`));
    this.client.on('state', () => this.#onState());
    for (const roomId of rooms) this.#enter(roomId);
  }

  // -- what a test tells it to do ----------------------------------------------------------------

  /// Says something, now or once it is connected, and returns its id.
  say(roomId) {
    const id = this.nextId();
    const message = this.client.room(roomId).sendData({ id });
    message.then(
      (ack) => this.on_ack({ ...ack, ref: id }),
      ({ code }) => message.state === 'failed' && this.refused.set(id, code),
    );
    return id;
  }

  /// Its connection ends: by a close frame with `code`, or its socket breaks.
  lose(code) {
    this.ownCode = code;
    if (code) this.socket?.close(code);
    else this.socket?.terminate();
  }

  get localPort() {
    return this.socket?._socket?.localPort;
  }

  get userId() {
    return this.client.userId;
  }

  /// The users in a room: id -> sessions.
  async present(roomId) {
    const users = new Map();
    for await (const { userId, sessions = 1 } of this.client.room(roomId).users())
      users.set(userId, sessions);
    return users;
  }

  stop() {
    this.client.close();
  }

  // -- what its client tells ---------------------------------------------------------------------

  #onState() {
    const { state, error } = this.client;
    if (error === this.lastError) return;
    this.lastError = error;
    if (state === 'stopped') this.faults.push(`stopped: ${error.message}`);
    else if (state === 'reconnecting')
      this.onLost(error.closeCode === this.ownCode ? undefined : error.closeCode, error.message);
  }

  /// Its session is over, as the server says or as it knows by itself: it did not ask for it.
  #countGone({ type, code, clientId }) {
    const isAnew = type === 'welcome' && clientId === this.client.clientId;
    if (code === 'session_gone' || (isAnew && this.isKnown)) ++this.counts.gone;
    this.isKnown ||= isAnew;
  }

  #enter(roomId) {
    const room = this.client.room(roomId);
    for (const type of ['joined', 'message', 'userJoined', 'userLeft'])
      room.on(type, (frame) => this.onFrame(frame));
    for (const type of ['left', 'roomClosed', 'error'])
      room.on(type, ({ code, reason }) => this.faults.push(`${roomId}: ${type} ${code ?? reason}`));
    room.join().catch((error) => this.faults.push(`no join of ${roomId}: ${error.message}`));
  }
}
