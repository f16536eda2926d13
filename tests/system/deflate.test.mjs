// permessage-deflate: one deflated frame for all who can take it, and hostile clients.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { connect } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { until } from './support/wait.mjs';
import { frame, ping, rawRequest, rawWebSocket, upgradeRequest } from './support/raw.mjs';

const text = (i) => `message ${i} `.repeat(200);

test('members with and without deflate, of all encodings and windows, get the same', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate', '--message-rate', '0']);
  const clients = [];
  for (const as of ['json', 'msgpack', 'plain'])
    for (const perMessageDeflate of [
      false, true,
      { serverMaxWindowBits: 9 }, { serverMaxWindowBits: 15, clientMaxWindowBits: 10 },
      { serverNoContextTakeover: true, threshold: 0 },
    ]) {
      const client = await connect(node, as, { perMessageDeflate });
      client.send({ type: 'join', roomId: 'r' });
      await client.find('joined');
      clients.push(client);
    }

  for (let i = 0; i < 30; ++i)
    clients[(i * 7) % clients.length].send({
      type: 'message', text: text(i), ...(i % 2 ? { echo: true } : {}),
    });

  for (const client of clients) {
    const heard = [];
    while (heard.length < 30) heard.push((await client.find('message')).text);
    assert.deepEqual(heard.sort(), Array.from({ length: 30 }, (_, i) => text(i)).sort());
  }
});

test('a deflated broadcast takes fewer bytes', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const [small, large] = [
    await connect(node, 'json', { perMessageDeflate: true }), await connect(node, 'json'),
  ];
  for (const c of [small, large]) await c.join('r').catch(() => {});
  await small.find('userJoined');
  const before = [small, large].map((c) => c.socket._socket.bytesRead);

  large.send({ type: 'message', text: text(1) });
  await small.find('message');
  await large.find('message');

  const [deflated, plain] = [small, large].map((c, i) => c.socket._socket.bytesRead - before[i]);
  assert.ok(deflated * 4 < plain, `${deflated} and ${plain} bytes`);
});

test('the echo node gives back what came deflated and in fragments', async (t) => {
  const node = await startNode(t, 'echo_node', ['--mode', 'plain', '--deflate']);
  const { default: WebSocket } = await import('ws');
  const socket = new WebSocket(node.url(), { perMessageDeflate: { threshold: 0 } });
  await new Promise((resolve) => socket.on('open', resolve));
  const answer = new Promise((resolve) => socket.on('message', (data) => resolve(data.toString())));
  for (let i = 0; i < 10; ++i) socket.send(text(i), { fin: i === 9, compress: true });
  assert.equal(await answer, Array.from({ length: 10 }, (_, i) => text(i)).join(''));
  socket.terminate();
});

// Pins §1.5.
test('deflate is agreed on without context takeover on both sides, ' +
  'with who offers it', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const agreed = async (offer) => {
    const { headers } = await rawRequest(
      node,
      upgradeRequest({ headers: { 'Sec-WebSocket-Extensions': offer } }),
    );
    return headers['sec-websocket-extensions']?.split(';').map((part) => part.trim());
  };

  for (const offer of [
    'permessage-deflate', 'permessage-deflate; client_max_window_bits',
    'permessage-deflate; server_max_window_bits=10',
  ]) {
    const parts = await agreed(offer);
    for (const part of [
      'permessage-deflate', 'server_no_context_takeover', 'client_no_context_takeover',
    ])
      assert.ok(parts.includes(part), `${offer}: ${parts}`);
  }
  assert.equal(await agreed(undefined), undefined);
});

// Pins §1.6, §1.7.
test('messages are deflated unless they are short, ' +
  'or the client has asked for a smaller window', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const isDeflated = async (offer, said) => {
    const socket = await rawWebSocket(node, { headers: { 'Sec-WebSocket-Extensions': offer } });
    socket.write(frame({ opcode: 1, payload: '{"type":"join","roomId":"r"}' }));
    assert.equal((await socket.message()).type, 'joined');
    socket.write(frame({ opcode: 1, payload: JSON.stringify({ type: 'message', text: said }) }));
    const { rsv } = await socket.frame();
    socket.destroy();
    return rsv === 4;
  };

  assert.ok(await isDeflated('permessage-deflate', 'x'.repeat(1000)));
  assert.ok(await isDeflated('permessage-deflate; server_max_window_bits=15', 'x'.repeat(1000)));
  assert.ok(!(await isDeflated('permessage-deflate', 'x')));
  for (const bits of [9, 14])
    assert.ok(
      !(await isDeflated(`permessage-deflate; server_max_window_bits=${bits}`, 'x'.repeat(1000))),
    );
});

const offer = {
  headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
};

test('an offer of deflate changes nothing else of what an upgrade may look like', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const socket = await rawWebSocket(node, {
    headers: {
      ...offer.headers, Connection: ['keep-alive', 'Upgrade'], Upgrade: ['h2c', 'websocket'],
    },
  });
  socket.write(frame({ opcode: 1, payload: '{"type":"join","roomId":"r"}' }));
  assert.equal((await socket.message()).type, 'joined');
  socket.destroy();
});

test('a bomb is refused with 1009 and costs no memory', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const bomb = deflateRawSync(Buffer.alloc(50 * 1024 * 1024));
  const before = node.kib('VmHWM');
  const socket = await rawWebSocket(node, offer);
  socket.write(frame({ rsv: 4, payload: bomb.subarray(0, 60_000) }));
  assert.equal((await socket.closeFrame()).code, 1009);
  assert.ok(node.kib('VmHWM') - before < 8 * 1024);
});

test('a deflated frame that declares too much is refused with 1009', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  for (const declare of [1n << 30n, 1n << 62n]) {
    const socket = await rawWebSocket(node, offer);
    socket.write(frame({ rsv: 4, declare, form: 64 }));
    assert.equal((await socket.closeFrame()).code, 1009);
  }
});

test('garbage in place of deflated bytes closes with 1007', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  for (const bytes of ['ffffffffffff', '0500ff']) {
    const socket = await rawWebSocket(node, offer);
    socket.write(frame({ rsv: 4, payload: Buffer.from(bytes, 'hex') }));
    const { code } = await socket.closeFrame();
    assert.equal(code, 1007, bytes);
  }
});

test('offers that RFC 7692 does not allow get a connection without deflate', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  for (const value of [
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; x',
    'permessage-deflate; server_no_context_takeover=1',
    `permessage-deflate${'; client_max_window_bits'.repeat(50)}`,
  ]) {
    const { status, headers } = await rawRequest(
      node,
      upgradeRequest({ headers: { 'Sec-WebSocket-Extensions': value } }),
    );
    assert.deepEqual([status, headers['sec-websocket-extensions']], [101, undefined], value);
  }
  const loose = await rawRequest(
    node,
    upgradeRequest({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate;;;' } }),
  );
  assert.equal(loose.status, 101, 'empty parameters are overlooked');
  const alive = await connect(node, 'json', { perMessageDeflate: true });
  await alive.fence();
});

/// Empty DEFLATE blocks with as many and as different code lengths as possible (RFC 1951, 3.2.7):
/// the most work for the fewest bytes.
function costlyBlocks(bytes) {
  const bits = [];
  const put = (value, count) => {
    for (let i = 0; i < count; ++i) bits.push((value >> i) & 1);
  };
  const reversed = (value) =>
    parseInt(value.toString(2).padStart(4, '0').split('').reverse().join(''), 2);
  // Lengths of codes that occur: 16 codes of 4 bits.
  const used = [...Array.from({ length: 15 }, (_, i) => i + 1), 18];
  const length = (symbol) => put(reversed(used.indexOf(symbol)), 4);
  const block = () => {
    put(0, 1), put(2, 2), put(0, 5), put(0, 5), put(15, 4);
    for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])
      put(used.includes(symbol) ? 4 : 0, 3);
    length(18), put(127, 7), length(18), put(103 - 11, 7); // 241 that do not occur
    // 241 to 256
    for (const symbol of [15, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) length(symbol);
    length(1), put(0, 1); // one distance; the end of the block
  };
  for (let i = 0; i < 8; ++i) block(); // together whole bytes
  const eight = Buffer.alloc(bits.length / 8);
  bits.forEach((bit, i) => { eight[i >> 3] |= bit << (i & 7); });
  return Buffer.alloc(Math.floor(bytes / eight.length) * eight.length, eight);
}

const costly = Buffer.concat([costlyBlocks(18_000_000), Buffer.from([0])]); // an empty message
const largeMessages = ['--mode', 'plain', '--deflate', '--max-message-bytes', '16MiB'];

test('a message that takes long to inflate holds nobody else', async (t) => {
  const node = await startNode(t, 'echo_node', largeMessages);
  const [sender, other] = [await rawWebSocket(node, offer), await rawWebSocket(node)];
  const started = performance.now();
  sender.write(frame({ rsv: 4, payload: costly }));
  let answered = false;
  const answer = sender.frame(60_000).then((frame) => { answered = true; return frame; });
  const waits = [];
  while (!answered) {
    const at = performance.now();
    other.write(ping('x'));
    await other.frame();
    waits.push(performance.now() - at);
    await delay(5);
  }
  assert.equal((await answer).payload.length, 0);
  assert.ok(performance.now() - started > 300, 'it did take long');
  assert.ok(Math.max(...waits) < 250, `a ping took ${Math.max(...waits)} ms`);
});

// Pins §15.6, §16.35.
test('a message that is being inflated takes effect before a node ends', async (t) => {
  const patient = ['--drain-timeout', '30s']; // a busy machine takes its time
  const node = await startNode(t, 'echo_node', [...largeMessages, ...patient]);
  const sender = await rawWebSocket(node, offer);
  // "a" behind the costly blocks.
  const payload = Buffer.concat([costly.subarray(0, -1), Buffer.from('4a0400', 'hex')]);
  const message = frame({ rsv: 4, payload });
  sender.write(message);
  await until(async () => {
    const now = await node.metrics();
    return now.get('troupe_received_bytes_total{protocol="websocket"}') >= message.length
      && now.get('troupe_inbound_bytes') >= payload.length;
  }, 'all of it to have come, and to count');
  node.signal('SIGTERM');
  const { code, frames } = await sender.closeFrame(30_000);
  assert.deepEqual([frames.map((f) => f.payload.toString()), code], [['a'], 1012]);
});

// Pins §14.3.
test('a client whose message is being inflated is not taken for dead', async (t) => {
  const message = frame({ rsv: 4, payload: costly });
  const node = await startNode(t, 'echo_node', [
    ...largeMessages, '--ping-interval', '150ms', '--ping-timeout', '150ms',
  ]);
  const sender = await rawWebSocket(node, offer);
  sender.write(message);
  const heard = [];
  for (let answer; !answer;) {
    const f = await sender.frame(30_000);
    assert.ok(f, `the connection has ended; heard were opcodes ${heard}`);
    heard.push(f.opcode);
    if (f.opcode === 9) sender.write(frame({ opcode: 10, payload: f.payload }));
    answer = f.opcode === 1;
  }
});
