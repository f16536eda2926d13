// When the server lets go of what clients have made it keep, and what its gauges say of it. How
// much memory that is, is in kept_bytes.test.mjs.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { fillRooms, large, part, unhurried } from './support/kept.mjs';
import { startNode } from './support/node.mjs';
import { frame, rawWebSocket, rawWebSockets, text } from './support/raw.mjs';

// Pins §13.10, §16.24.
test('messages in part beyond the budget end with the oldest; ' +
  'later ones and whole ones go on', async (t) => {
  const node = await startNode(t, 'relay_node', [...unhurried, '--inbound-budget', '150000']);
  const room = freshRoom();
  const witness = await connect(node);
  await witness.join(room);
  const [first, second, third] = await rawWebSockets(node, 3);
  first.write(part(50_000));
  await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= 50_000);
  second.write(part(50_000));
  await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= 100_000);
  witness.send({ type: 'message', text: 'whole'.repeat(10_000) });
  await witness.expect('message');

  third.write(part(60_000));

  const end = await first.closeFrame();
  assert.equal(end.code, 1013);
  assert.equal(end.reason, 'parts_limit');
  await node.untilMetric('troupe_inbound_bytes', '', (n) => n < 150_000);
  for (const [s, sent] of [[second, 50_000], [third, 60_000]]) {
    s.write(large.subarray(sent));
    assert.equal((await s.message()).code, 'malformed'); // it came whole and was handled
  }
  await witness.fence();
  await first.untilEnded();
  assert.equal(await node.metric('troupe_ws_closed_total', 'parts_limit'), 1);
});

for (const [what, write, payload] of [
  [
    'fragments',
    (s) => {
      for (let i = 0; i < 50; ++i)
        s.write(frame({ opcode: i ? 0 : 1, fin: false, payload: 'x'.repeat(1000) }));
    },
    50_000,
  ],
  [
    'a byte at a time',
    async (s) => {
      for (const byte of part(3_000)) {
        s.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    },
    2_992,
  ],
  ['a first segment alone', (s) => s.write(part(15_000)), 14_992],
])
  test(`messages in part count as ${what}`, async (t) => {
    const node = await startNode(t, 'relay_node', unhurried);
    const [few, socket] = await rawWebSockets(node, 2);
    few.write(part(10));
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n > 0);
    // The bytes of the reader itself count, too.
    const besides = (await node.metric('troupe_inbound_bytes')) - 10;
    few.destroy();
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n === 0);

    await write(socket);
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= besides + payload);
    assert.ok((await node.metric('troupe_inbound_bytes')) <= payload + 24 * 1024);
    socket.destroy();
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n === 0);
  });

test('histories keep nothing where --history is off, and grow old without a word', async (t) => {
  const off = await startNode(t, 'relay_node', [...unhurried, '--history', 'off']);
  await fillRooms(await connect(off), 2);
  assert.equal(await off.metric('troupe_history_bytes'), 0);

  const short = await startNode(t, 'relay_node', [...unhurried, '--history-age', '1s']);
  await fillRooms(await connect(short), 2);
  await short.untilMetric('troupe_history_bytes', '', (n) => n === 0);
});

// Pins §16.31.
test('who has gone has nothing kept', async (t) => {
  const node = await startNode(t, 'relay_node', unhurried);
  const room = freshRoom();
  const sockets = await rawWebSockets(node, 40);
  for (const [i, s] of sockets.entries()) {
    s.write(
      text({ type: 'join', roomId: i % 2 ? room : `own${i}`, profile: { x: 'p'.repeat(4000) } }),
    );
    await s.message();
    s.socket.pause();
  }
  for (const s of sockets)
    for (let i = 0; i < 3; ++i) s.write(text({ type: 'message', text: 'x'.repeat(30_000) }));
  for (const s of sockets) s.write(part(20_000));
  await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= 40 * 20_000);
  await node.untilMetric('troupe_history_bytes', '', (n) => n > 40 * 30_000);

  for (const [i, s] of sockets.entries()) i % 3 ? s.destroy() : s.reset();

  for (const gauge of [
    'troupe_connections', 'troupe_members', 'troupe_rooms', 'troupe_profile_bytes',
    'troupe_inbound_bytes', 'troupe_output_bytes', 'troupe_history_bytes',
  ])
    await node.untilMetric(gauge, '', (n) => n === 0);
});

// Pins §13.13, §16.31.
test('who is closed and does not answer has nothing kept 5 s later', async (t) => {
  const node = await startNode(t, 'relay_node', unhurried);
  const sockets = await Promise.all(
    Array.from({ length: 10 }, () => rawWebSocket(node, { allowHalfOpen: true })),
  );
  for (const [i, s] of sockets.entries()) {
    s.write(text({ type: 'join', roomId: `r${i}`, profile: { x: 'p'.repeat(4000) } }));
    await s.message();
    s.write(text({ type: 'message', text: 'x'.repeat(30_000) }));
    await s.message();
  }
  for (const s of sockets) s.write(frame({ fin: false, payload: 'x'.repeat(40_000) }));
  for (const s of sockets) s.write(frame({ opcode: 0, payload: 'x'.repeat(40_000) }));
  for (const s of sockets) assert.equal((await s.closeFrame()).code, 1009);
  const start = performance.now();

  for (const gauge of [
    'troupe_connections', 'troupe_members', 'troupe_rooms', 'troupe_profile_bytes',
    'troupe_inbound_bytes', 'troupe_output_bytes', 'troupe_history_bytes',
  ])
    await node.untilMetric(gauge, '', (n) => n === 0, 6_000);
  const took = performance.now() - start;

  t.diagnostic(`${took.toFixed(0)} ms`);
  assert.ok(took > 4_000 && took < 5_500, `${took} ms`);
  assert.ok(sockets.every((s) => !s.over), 'no socket has ended by itself');
  for (const s of sockets) s.destroy();
});

// Pins §13.15, §16.31.
test('who does not read its close frame has nothing kept 5 s later', async (t) => {
  const node = await startNode(t, 'relay_node', [...unhurried, '--history', 'off']);
  const room = freshRoom();
  const sender = await connect(node);
  await sender.join(room);
  const deaf = await rawWebSocket(node);
  deaf.write(text({ type: 'join', roomId: room }));
  await deaf.message();
  deaf.socket.pause();
  await sender.expect('userJoined');
  for (let i = 0; (await node.metric('troupe_slow_consumer_total')) === 0; ++i) {
    assert.ok(i < 2000, 'the reader was not cut');
    sender.send({ type: 'message', text: 'y'.repeat(60_000) });
    await sender.find('message');
  }
  const start = performance.now();
  await node.untilMetric('troupe_connections', '', (n) => n === 1, 6_000);
  await node.untilMetric('troupe_output_bytes', '', (n) => n === 0, 1_000);
  const took = performance.now() - start;

  t.diagnostic(`${took.toFixed(0)} ms`);
  assert.ok(took < 5_500, `${took} ms`);
  deaf.socket.resume();
  assert.equal((await deaf.closeFrame()).code, undefined);
});
