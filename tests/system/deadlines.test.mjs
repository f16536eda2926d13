// Peers that take their time. The deadlines are the real ones, so these tests run side by side.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { close, frame, RawSocket, rawWebSocket, text, upgradeRequest } from './support/raw.mjs';
import { temporaryFolder } from './support/tokens.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node')));
after(() => node.end());

/// Writes `bytes` one by one until the connection ends; returns the milliseconds that it took.
async function drip(socket, bytes, everyMs) {
  const began = Date.now();
  let at = 0;
  const timer = setInterval(
    () => socket.write(bytes.subarray(at % bytes.length, (at++ % bytes.length) + 1)),
    everyMs,
  );
  await socket.untilEnded(25_000).finally(() => clearInterval(timer));
  return Date.now() - began;
}

const between = (low, high, ms) => assert.ok(low <= ms && ms <= high, `took ${ms} ms`);

describe('within its deadline ends', { concurrency: true }, () => {
  // Pins §1.48.
  test('a connection that sends nothing (10 s)', async () => {
    const began = Date.now();
    const socket = await RawSocket.open(node);
    await socket.untilEnded(25_000);
    between(8000, 14_000, Date.now() - began);
    assert.equal(socket.received.length, 0);
  });

  // Pins §1.48.
  test('a request whose headers come one byte at a time (10 s)', async () => {
    const socket = await RawSocket.open(node);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    between(8000, 14_000, await drip(socket, Buffer.from('X-Slow: yes\r\n'), 500));
    assert.equal(socket.received.length, 0);
  });

  // Pins §13.5.
  test('a message whose parts come one at a time, with 1008 (10 s)', async () => {
    const socket = await rawWebSocket(node);
    const began = Date.now();
    socket.write(text('{', { fin: false }));
    const timer = setInterval(
      () => socket.write(frame({ opcode: 0, fin: false, payload: ' ' })),
      500,
    );
    const { code } = await socket.closeFrame(25_000).finally(() => clearInterval(timer));
    assert.equal(code, 1008);
    between(8000, 14_000, Date.now() - began);
    socket.destroy();
  });

  // Pins §13.5.
  test('a frame whose payload comes one byte at a time, with 1008 (10 s)', async () => {
    const socket = await rawWebSocket(node);
    const began = Date.now();
    const bytes = text('x'.repeat(1000));
    let at = 20;
    socket.write(bytes.subarray(0, at));
    const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 500);
    const { code } = await socket.closeFrame(25_000).finally(() => clearInterval(timer));
    assert.equal(code, 1008);
    between(8000, 14_000, Date.now() - began);
    socket.destroy();
  });

  // Pins §13.13, §13.14.
  test('a socket whose peer never answers the close (5 s)', async () => {
    const socket = await rawWebSocket(node, { allowHalfOpen: true });
    socket.write(frame({ opcode: 3 }));
    assert.equal((await socket.closeFrame()).code, 1002);
    const began = Date.now();
    const timer = setInterval(() => socket.write(text('{"type":"ping"}')), 200);
    await socket.untilEnded(25_000).finally(() => clearInterval(timer));
    between(4000, 8000, Date.now() - began);
  });

  test('a peer that takes a refusal, and goes on (10 s)', async () => {
    const socket = await RawSocket.open(node, { allowHalfOpen: true });
    socket.write('GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assert.equal((await socket.response()).status, 404);
    const began = Date.now();
    const timer = setInterval(() => socket.write('more'), 200);
    await socket.untilEnded(25_000).finally(() => clearInterval(timer));
    between(8000, 14_000, Date.now() - began);
  });

  // Pins §16.43.
  test('a body of which one byte comes in 3 s (10 s)', async () => {
    const socket = await RawSocket.open(node);
    socket.write('POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n');
    between(8000, 14_000, await drip(socket, Buffer.from('x'), 3000));
    assert.equal(socket.received.length, 0);
  });

  // Pins §16.43.
  test('no request whose body comes slowly', async () => {
    const socket = await RawSocket.open(node);
    socket.write('POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1600\r\n\r\n');
    const timer = setInterval(() => socket.write('x'.repeat(50)), 500);
    const { status } = await socket.response(25_000).finally(() => clearInterval(timer));
    assert.equal(status, 405); // behind 16 s
    socket.destroy();
  });

  // Pins §16.41.
  test('an HTTP connection between two requests (--keep-alive)', async (t) => {
    const hasty = await startNode(t, 'relay_node', ['--keep-alive', '2s']);
    const socket = await RawSocket.open(hasty);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await socket.response()).status, 200);
    const began = Date.now();
    await socket.untilEnded(25_000);
    between(1500, 6000, Date.now() - began);
  });

  // Pins §16.41.
  test('none between two requests, unless it is told to', async () => {
    const socket = await RawSocket.open(node);
    const ask = () => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    ask();
    assert.equal((await socket.response()).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    ask();
    assert.equal((await socket.response()).status, 200);
    socket.destroy();
  });

  // Pins §13.15, §16.9.
  test('a WebSocket whose peer takes nothing of what it is sent (10 s)', async (t) => {
    const image = path.join(temporaryFolder(t), 'image.png');
    writeFileSync(image, Buffer.alloc(48 * 1024 * 1024)); // more than the kernel takes
    const files = await startNode(t, 'file_node', [
      '--folder', temporaryFolder(t), '--image', image,
    ]);
    const socket = await rawWebSocket(files);
    socket.socket.pause();
    const began = Date.now();
    await files.untilMetric('troupe_ws_closed_total', 'write_timeout', (n) => n === 1, 25_000);
    between(8000, 14_000, Date.now() - began);
    assert.equal(await files.metric('troupe_connections'), 0);
    socket.socket.resume();
    assert.equal((await socket.closeFrame()).code, undefined);
  });

  // Pins §4.58, §16.9.
  test('nobody who reads 50 KiB a second, and lags by what it has said', async (t) => {
    // Linux tells of room once a third of its buffer is free: after some 20 s here.
    const echo = await startNode(t, 'echo_node', ['--mode', 'plain', '--message-rate', '0']);
    const socket = await rawWebSocket(echo);
    socket.socket.pause();
    const said = frame({ opcode: 2, payload: Buffer.alloc(30_000) });
    for (let i = 0; i < 400; ++i) socket.socket.write(said);
    await echo.untilMetric('troupe_output_queued_bytes', 'data', (n) => n > 500_000);
    const reader = setInterval(() => socket.socket.read(5 * 1024), 100);
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    clearInterval(reader);
    assert.equal(await echo.metric('troupe_connections'), 1);
    socket.destroy();
  });

  test('nobody else', async () => {
    const [a, b] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    const slow = await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(node)));
    for (const socket of slow) socket.write(upgradeRequest().slice(0, 30));
    await Promise.all(slow.map((socket) => socket.untilEnded(25_000)));
    a.send({ type: 'message', text: 'x' });
    await b.expect('message', { text: 'x' });
    await (await connect(node)).fence();
  });

  test('no idle member: it outlives them all', async () => {
    const socket = await rawWebSocket(node);
    const other = await RawSocket.open(node);
    await other.untilEnded(25_000);
    socket.write(close(1000));
    assert.equal((await socket.closeFrame()).code, 1000);
  });
});
