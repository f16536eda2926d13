// Ends of connections that nobody announces.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { deflateRawSync } from 'node:zlib';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import {
  close, frame, RawSocket, rawWebSocket, text, upgradeRequest,
} from './support/raw.mjs';
import { makeCertificate, temporaryFolder } from './support/tokens.mjs';
import { until, within } from './support/wait.mjs';

// While the node is stopped, the kernel collects the pongs and the end, and reports both at once.
for (const [how, end] of [
  ['a reset', (client) => client.reset()],
  ['the end of the stream', (client) => client.socket.end()],
])
  for (const pongs of [1, 2, 40])
    test(`${how} right behind ${pongs} pongs is noticed at once`, async (t) => {
      const node = await startNode(t, 'relay_node', [
        '--ping-interval', '0', '--announce', 'on', '--max-connections-per-ip', '0',
      ]);
      const room = freshRoom();
      const witness = await connect(node);
      await witness.join(room);
      const members = [];
      for (let i = 0; i < 10; ++i) {
        const member = await rawWebSocket(node, {
          headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' },
        });
        await member.message(); // `welcome`
        member.write(text(`{"type":"join","roomId":"${room}"}`));
        await member.message();
        members.push(member);
      }
      for (let i = 0; i < 10; ++i) await witness.expect('userJoined');

      node.child.kill('SIGSTOP');
      for (const member of members) {
        member.write(
          Buffer.concat(
            Array.from({ length: pongs }, () => frame({ opcode: 10, payload: Buffer.alloc(100) })),
          ),
        );
        end(member);
      }
      await new Promise((resolve) => setImmediate(resolve));
      node.child.kill('SIGCONT');

      for (let i = 0; i < members.length; ++i) await witness.expect('userLeft', {}, 2000);
    });

// Some counts exceed what one handler passes on at once.
for (const [how, last, code] of [
  ['a close', close(1000), 1000],
  ['a frame that breaks a rule', frame({ opcode: 3, payload: 'x' }), 1002],
  ['text that is no UTF-8', frame({ payload: Buffer.from([0xff]) }), 1007],
])
  for (const count of [1, 47, 48, 49, 60, 200])
    test(`${count} messages in one segment are answered before ${how}`, async (t) => {
      const node = await startNode(t, 'echo_node', ['--mode', 'plain', '--message-rate', '0']);
      const client = await rawWebSocket(node);
      client.write(
        Buffer.concat([
          ...Array.from({ length: count }, (_, i) => frame({ payload: `${i}` })),
          last,
        ]),
      );

      for (let i = 0; i < count; ++i)
        assert.equal((await client.frame()).payload.toString(), `${i}`);
      const end = await client.frame();
      assert.equal(end.opcode, 8);
      assert.equal(end.payload.readUInt16BE(0), code);
    });

// -- what a client has sent whole takes effect -----------------------------------------------------

const count = 150; // messages; more than a connection's credit

/// A client over TCP or TLS that reads nothing once it is paused.
async function rawClient(node, headers = {}) {
  if (!node.isSecure) return rawWebSocket(node, { headers });
  const tcp = net.connect(node.port, '127.0.0.1');
  tcp.on('error', () => {});
  const socket = tls.connect({ socket: tcp, rejectUnauthorized: false });
  await within(once(socket, 'secureConnect'), 'a handshake');
  const client = Object.assign(new RawSocket(socket), { tcp });
  client.write(upgradeRequest({ headers }));
  assert.equal((await client.response()).status, 101);
  return client;
}

const deflated = (bytes) => {
  const all = deflateRawSync(bytes, { finishFlush: 2 /* Z_SYNC_FLUSH */ });
  return frame({ rsv: 4, payload: all.subarray(0, -4) });
};

const kinds = {
  v1: { headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' } },
  plain: {},
  deflate: {
    args: ['--deflate'],
    headers: {
      'Sec-WebSocket-Protocol': 'troupe.v1.json',
      'Sec-WebSocket-Extensions': 'permessage-deflate',
    },
    encode: (message) => deflated(JSON.stringify(message)),
  },
  TLS: { secure: true, headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' } },
};

/// What the client does behind its messages. It has not read what it was sent.
const ends = {
  'a reset': (client) => (client.tcp ?? client.socket).resetAndDestroy(),
  'a close of its socket': (client) => client.socket.destroy(),
  'the end of its stream': (client) => client.socket.end(),
  'a close frame and a close of its socket': (client) => {
    client.socket.write(close(1000), () => client.socket.destroy());
  },
  'a bad frame and a close of its socket': (client) => {
    client.socket.write(frame({ opcode: 3 }), () => client.socket.destroy());
  },
};

/// Starts a node whose members hear of joins and leaves.
async function startedFor(t, kind, name = 'relay_node', args = []) {
  const files = kind.secure ? makeCertificate(temporaryFolder(t)) : {};
  const node = await startNode(t, name, [
    '--message-rate', '0', ...(kind.args ?? []), ...args,
    ...(kind.secure ? ['--tls-cert', files.cert, '--tls-key', files.key] : []),
  ]);
  return Object.assign(node, { isSecure: kind.secure });
}

/// Reads until `member` has heard all the messages and the end of who has sent them.
async function hears(member) {
  const heard = [];
  for (;;) {
    const message = await member.message();
    assert.ok(message, `the member is still connected, and has heard ${heard.length} messages`);
    if (message.type === 'message') heard.push(message.text);
    if (message.type === 'userLeft') return heard;
  }
}

const all = Array.from({ length: count }, (_, i) => `${i}`);

for (const [name, kind] of Object.entries(kinds))
  for (const [how, end] of Object.entries(ends))
    for (const stalled of [false, true])
      // Pins §10.14.
      test(`all messages of a client (${name}) before ${how} reach the others` +
        (stalled ? ', if both meet the server at once' : ''), async (t) => {
        const node = await startedFor(t, kind);
        const encode = kind.encode ?? text;
        const member = await rawClient(node, kinds.v1.headers);
        member.write(text({ type: 'join', roomId: 'r' }));
        let frame;
        do frame = await member.message();
        while (frame.type !== 'joined');
        const client = await rawClient(node, kind.headers);
        client.socket.pause();
        client.write(encode({ type: 'join', roomId: 'r' }));
        assert.equal((await member.message()).type, 'userJoined');

        if (stalled) node.child.kill('SIGSTOP');
        const messages = Buffer.concat(all.map((t) => encode({ type: 'message', text: t, ref: t })));
        await new Promise((resolve) => client.socket.write(messages, resolve));
        end(client);
        if (stalled) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          node.child.kill('SIGCONT');
        }

        assert.deepEqual(await hears(member), all);
      });

for (const [how, end] of Object.entries(ends))
  // Pins §10.14.
  test(`all messages of a raw endpoint's client before ${how} reach the others`, async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'others']);
    const [member, client] = [await rawWebSocket(node), await rawWebSocket(node)];
    client.socket.pause();

    await new Promise((resolve) =>
      client.socket.write(Buffer.concat(all.map((t) => frame({ payload: t }))), resolve),
    );
    end(client);

    const heard = [];
    while (heard.length < count) heard.push((await member.frame()).payload.toString());
    assert.deepEqual(heard, all);
  });

const speaking = {
  'a room': {
    node: 'relay_node',
    headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' },
    enter: { type: 'join', roomId: 'r' },
    encode: (t) => text({ type: 'message', text: t }),
    // what a frame says, or undefined if it is no member's message
    said: (payload) => {
      const { type, text } = JSON.parse(payload);
      return type === 'message' ? text : undefined;
    },
  },
  'a raw endpoint': {
    node: 'echo_node',
    args: ['--mode', 'broadcast'],
    encode: (t) => frame({ payload: t }),
    said: (payload) => payload,
  },
};
for (const [where, kind] of Object.entries(speaking))
  for (const sent of [3, count])
    // Pins §10.14, §13.19.
    test(`a client of ${where} that closes behind ${sent} messages is heard whole, ` +
      'and gets a beginning of its own, then the close', async (t) => {
      const node = await startNode(t, kind.node, ['--message-rate', '0', ...(kind.args ?? [])]);
      const enter = async () => {
        const client = await rawWebSocket(node, { headers: kind.headers });
        if (kind.enter) client.write(text(kind.enter));
        while (kind.enter && (await client.message()).type !== 'joined');
        return client;
      };
      const [member, client] = [await enter(), await enter()];
      const saidTo = (f) => kind.said(f.payload.toString());

      client.write(Buffer.concat([...all.slice(0, sent).map(kind.encode), close(1000)]));

      const heard = [];
      while (heard.length < sent) {
        const said = saidTo(await member.frame());
        if (said !== undefined) heard.push(said);
      }
      assert.deepEqual(heard, all.slice(0, sent));
      const { code, frames } = await client.closeFrame();
      const own = frames.map(saidTo).filter((said) => said !== undefined);
      assert.equal(code, 1000);
      assert.deepEqual(own, all.slice(0, own.length));
      assert.equal(await client.frame(), undefined, 'nothing comes behind the close frame');
    });

const bad = {
  'a reserved opcode': frame({ opcode: 3, payload: 'x' }),
  'no mask': frame({ mask: false, payload: 'x' }),
  'a size beyond the limit': frame({ declare: 1_000_000_000n }),
  'text that is no UTF-8': frame({ payload: Buffer.from([0xff]) }),
};
for (const [how, last] of Object.entries(bad))
  // Pins §10.14, §13.17.
  test(`messages before ${how} take effect, wherever a segment ends`, async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const good = ['one', 'two'].map((t) => text({ type: 'message', text: t }));
    const bytes = Buffer.concat([text({ type: 'join', roomId: 'r' }), ...good, last]);
    const member = await connect(node);
    await member.join('r');
    for (let cut = 0; cut <= bytes.length; ++cut) {
      const client = await rawWebSocket(node, { headers: kinds.v1.headers });
      client.write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(bytes.subarray(cut));

      await member.expect('userJoined');
      await member.expect('message', { text: 'one' });
      await member.expect('message', { text: 'two' });
      await member.expect('userLeft', {}, 2000); // though the client goes on
      client.destroy();
    }
    await until(async () => (await node.metric('troupe_connections')) === 1, 'the clients to go');
  });
