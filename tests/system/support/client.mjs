// A WebSocket client on npm's `ws` in one of the three encodings. It keeps every frame, in order.

import { decode, encode } from '@msgpack/msgpack';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { Inbox, within } from './wait.mjs';

export const subprotocols = {
  json: 'troupe.v1.json', msgpack: 'troupe.v1.msgpack', plain: undefined,
};

let rooms = 0;
/// A room name that no other test uses.
export const freshRoom = (hint = 'room') => `${hint}-${++rooms}`;

let refs = 0;
export const freshRef = () => `ref-${++refs}`;

/// Connects as `json`, `msgpack` or `plain`, and for the first two takes the `welcome`.
export async function connect(
  node,
  as = 'json',
  { path = '/', host = '127.0.0.1', welcome = as !== 'plain', ...options } = {},
) {
  const protocol = subprotocols[as];
  const socket = new WebSocket(node.url(path, host), protocol ? [protocol] : [], {
    perMessageDeflate: false, ...options,
  });
  const client = new Client(as, socket);
  await within(client.opened, `an ${as} client to be connected`);
  if (welcome) client.welcome = await client.expect('welcome');
  return client;
}

/// Tries to connect and returns the HTTP answer that refused it: {status, headers, body}.
export async function refused(
  node,
  as = 'json',
  { path = '/', host = '127.0.0.1', ...options } = {},
) {
  const protocol = subprotocols[as];
  const socket = new WebSocket(node.url(path, host), protocol ? [protocol] : [], options);
  const answer = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('the client was let in'));
    });
    socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (bytes) => (body += bytes));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      );
    });
  });
  return within(answer, 'a refusal');
}

export class Client {
  #inbox = new Inbox();

  constructor(as, socket) {
    this.as = as;
    this.socket = socket;
    this.pongs = new Inbox();
    this.opened = once(socket, 'open');
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => {
        this.#inbox.end(`the connection was closed with ${code} ${reason}`);
        this.pongs.end('the connection was closed');
        resolve({ code, reason: reason.toString() });
      }),
    );
    socket.on('error', () => {});
    socket.on('pong', (data) => this.pongs.push(data.toString()));
    socket.on('message', (data, isBinary) => this.#inbox.push(this.#read(data, isBinary)));
  }

  #read(data, isBinary) {
    if (this.as === 'msgpack') {
      assert.ok(isBinary, 'a MessagePack client gets binary frames only');
      return decode(data, { useBigInt64: this.bigInts === true });
    }
    return isBinary ? data : JSON.parse(data.toString());
  }

  get userId() {
    return this.welcome.userId;
  }

  /// Sends a map in the client's codec.
  send(message) {
    this.socket.send(this.as === 'msgpack' ? encode(message) : JSON.stringify(message));
  }

  /// Sends bytes as they are: a string as text, anything else as binary.
  sendRaw(bytes) {
    this.socket.send(bytes);
  }

  /// The next frame, whatever it is.
  take(what = 'a frame', ms) {
    return this.#inbox.take(what, ms);
  }

  /// Takes the next frame, which must be of `type` and hold `fields`; it may hold more.
  async expect(type, fields = {}, ms) {
    const frame = await this.take(type, ms);
    assert.equal(frame.type, type, `expected ${type}, got ${JSON.stringify(frame)}`);
    for (const [key, value] of Object.entries(fields))
      assert.deepEqual(frame[key], value, `field ${key} of ${JSON.stringify(frame)}`);
    return frame;
  }

  /// Takes the next frame, which must be exactly this one, with its fields in this order.
  async expectExactly(expected) {
    const frame = await this.take(expected.type);
    assert.deepEqual(frame, expected);
    assert.deepEqual(Object.keys(frame), Object.keys(expected), 'the order of fields');
    return frame;
  }

  /// Skips frames until one is of `type` and holds `fields`.
  async find(type, fields = {}) {
    for (;;) {
      const frame = await this.take(`${type} ${JSON.stringify(fields)}`);
      if (
        frame.type === type &&
        Object.entries(fields).every(([key, value]) => frame[key] === value)
      )
        return frame;
    }
  }

  async join(roomId, fields = {}) {
    this.send({ type: 'join', roomId, ...fields });
    return this.expect('joined', { roomId });
  }

  /// Waits until everything sent before is handled; fails if any frame but the answer comes.
  async fence() {
    const ref = freshRef();
    this.send({ type: 'ping', ref });
    return this.expect('pong', { ref });
  }

  /// The frames that have come and were not taken.
  get pending() {
    return this.#inbox.pending;
  }

  /// How the connection ended: {code, reason}.
  end(ms) {
    return within(this.closed, 'the connection to be closed', ms);
  }

  async close(code = 1000) {
    this.socket.close(code);
    return this.end();
  }
}

/// A room with one member in each of the given encodings, all quiet.
export async function roomOf(node, roomId, ...encodings) {
  const members = [];
  for (const as of encodings) {
    const member = await connect(node, as);
    await member.join(roomId);
    for (const other of members) await other.expect('userJoined');
    members.push(member);
  }
  return members;
}
