// HTTP and WebSocket by hand, for what no decent client sends.

import net from 'node:net';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { within } from './wait.mjs';

/// A TCP connection and all that came over it.
export class RawSocket {
  /// `allowHalfOpen`: the socket stays open after the server has half-closed it.
  static async open(node, { host = '127.0.0.1', allowHalfOpen = false } = {}) {
    const socket = net.connect({ host, port: node.port, allowHalfOpen });
    const raw = new RawSocket(socket);
    await within(once(socket, 'connect'), 'a TCP connection');
    return raw;
  }

  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.ended = new Promise((resolve) => socket.on('close', resolve));
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake?.();
    });
    this.ended.then(() => {
      this.over = true;
      this.wake?.();
    });
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  /// Waits until `parse(received)` returns something; undefined if the connection ends before.
  async read(parse, what, ms) {
    for (;;) {
      const found = parse(this.received);
      if (found !== undefined) return found;
      if (this.over) return undefined;
      await within(new Promise((resolve) => (this.wake = resolve)), what, ms);
    }
  }

  /// The next HTTP answer: {status, headers, body}, undefined if there is none.
  response(ms) {
    return this.read((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(
        lines.map((l) => [
          l.slice(0, l.indexOf(':')).toLowerCase(),
          l.slice(l.indexOf(':') + 1).trim(),
        ]),
      );
      const length = Number(headers['content-length'] ?? 0);
      if (bytes.length < end + 4 + length) return undefined;
      this.received = bytes.subarray(end + 4 + length);
      return {
        status: Number(first.split(' ')[1]),
        headers,
        body: bytes.subarray(end + 4, end + 4 + length).toString(),
      };
    }, 'an HTTP answer', ms);
  }

  /// The next WebSocket frame of the server: {fin, rsv, opcode, masked, payload}, undefined if the
  /// connection ends before.
  frame(ms) {
    return this.read((bytes) => {
      if (bytes.length < 2) return undefined;
      let at = 2;
      let length = bytes[1] & 0x7f;
      if (length === 126) {
        if (bytes.length < 4) return undefined;
        length = bytes.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (bytes.length < 10) return undefined;
        length = Number(bytes.readBigUInt64BE(2));
        at = 10;
      }
      if (bytes.length < at + length) return undefined;
      this.received = bytes.subarray(at + length);
      return {
        fin: bytes[0] >= 0x80,
        rsv: (bytes[0] >> 4) & 7,
        opcode: bytes[0] & 0x0f,
        masked: bytes[1] >= 0x80,
        payload: bytes.subarray(at, at + length),
      };
    }, 'a WebSocket frame', ms);
  }

  /// Reads to the end: {code, reason, frames}. `code` is undefined if no close frame came.
  async closeFrame(ms) {
    const frames = [];
    for (;;) {
      const frame = await this.frame(ms);
      if (!frame) return { code: undefined, frames };
      if (frame.opcode === 8)
        return {
          code: frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005,
          reason: frame.payload.subarray(2).toString(),
          frames,
        };
      frames.push(frame);
    }
  }

  /// The next text frame as a map.
  async message(ms) {
    const frame = await this.frame(ms);
    return frame && JSON.parse(frame.payload.toString());
  }

  untilEnded(ms) {
    return within(this.ended, 'the connection to end', ms);
  }

  reset() {
    resetConnection(this.socket);
  }

  destroy() {
    this.socket.destroy();
  }
}

/// Resets a connection. One that is already shutting down is only closed: libuv refuses to reset
/// it, and Node 20 then waits for it at its exit, for ever.
export function resetConnection(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/// The text of an upgrade request. A header that is undefined is left out, an array is repeated.
export function upgradeRequest({ line = 'GET / HTTP/1.1', headers = {} } = {}) {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return `${line}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/// Sends a request by hand and returns the answer, undefined if the connection ends without one.
export async function rawRequest(node, text) {
  const socket = await RawSocket.open(node);
  socket.write(text);
  const response = await socket.response();
  socket.destroy();
  return response;
}

/// An upgraded connection without subprotocol, unless headers say otherwise.
export async function rawWebSocket(node, options = {}) {
  const socket = await RawSocket.open(node, options);
  socket.write(upgradeRequest(options));
  const response = await socket.response();
  if (response?.status !== 101) throw new Error(`the upgrade was answered by ${response?.status}`);
  return socket;
}

/// `count` of them, opened at once.
export async function rawWebSockets(node, count) {
  return Promise.all(Array.from({ length: count }, () => rawWebSocket(node)));
}

/// One client frame. `form`: bits of the length field (7, 16, 64), the shortest unless given;
/// `declare`: a length other than the payload's.
export function frame({
  fin = true, rsv = 0, opcode = 1, mask = true, payload = '', form, declare,
} = {}) {
  const body = Buffer.from(payload);
  const length = declare ?? BigInt(body.length);
  form ??= length < 126n ? 7 : length < 65536n ? 16 : 64;
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = mask ? 0x80 : 0;
  if (form === 7) head[1] |= Number(length);
  if (form === 16) {
    head[1] |= 126;
    head.writeUInt16BE(Number(length), 2);
  }
  if (form === 64) {
    head[1] |= 127;
    head.writeBigUInt64BE(length, 2);
  }
  if (!mask) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, body.map((byte, i) => byte ^ key[i % 4])]);
}

export const text = (payload, more = {}) =>
  frame({
    opcode: 1,
    payload:
      typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    ...more,
  });
export const close = (code, reason = '') => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame({ opcode: 8, payload });
};
export const ping = (payload = '') => frame({ opcode: 9, payload });

