// Many sessions at once: how soon and at what cost they are taken up, and what each holds while it
// is kept.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { BadLine } from './support/bad_line.mjs';
import { areLevel, audit } from './support/book.mjs';
import { connect } from './support/client.mjs';
import { nothingSpare, startNode } from './support/node.mjs';
import { rawWebSocket, text } from './support/raw.mjs';
import { resident } from './support/resident.mjs';
import { Roamer } from './support/roamer.mjs';
import { until } from './support/wait.mjs';

// Pins §4.105.
test('2,000 clients whose network restarts are all back within 30 s', { timeout: 120_000 },
  async (t) => {
  const node = await startNode(t, 'relay_node');
  const line = await BadLine.open(t, node);
  const count = 2_000;
  const roamers = [];
  t.after(() => roamers.forEach((r) => r.stop()));
  while (roamers.length < count) {
    for (let i = 0; i < 200; ++i) {
      const n = roamers.length;
      roamers.push(new Roamer({
        name: `c${n}`, url: () => line.url(), rooms: [`crowd-${n % 100}`], giveUpMs: 60_000,
        pauseMs: () => Math.random() * 1_000,
      }));
    }
    await until(() => roamers.every((r) => r.isThere), 'the next 200 to be in');
  }
  roamers.forEach((r) => r.say(r.rooms[0]));
  await until(() => areLevel(roamers) && roamers.every((r) => r.acked.size === 1), 'all words');

  const cpu = node.cpuMs();
  const start = performance.now();
  for (const leg of line.legs) leg.reset();
  await until(() => roamers.every((r) => !r.isThere), 'everybody to be cut');
  await until(() => roamers.every((r) => r.isThere), 'everybody to be back', 30_000);
  const ms = performance.now() - start;
  const each = ((node.cpuMs() - cpu) * 1000) / count;

  t.diagnostic(`${(ms / 1000).toFixed(1)} s; ${each.toFixed(0)} µs of the node for each, with ` +
    'what 19 others in its room hear of its loss and return');
  roamers.forEach((r) => r.say(r.rooms[0]));
  await until(() => areLevel(roamers) && roamers.every((r) => r.acked.size === 2), 'all words');
  audit(roamers);
  for (const r of roamers) assert.deepEqual([r.counts.resumed, r.counts.gone], [1, 0]);
  assert.equal(await node.metric('troupe_members'), count);
});

test('100 clients of the same 20 rooms who come back at once hear of each other, and none is cut',
  async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const rooms = Array.from({ length: 20 }, (_, i) => `shared-${i}`);
  const headers = { 'Sec-WebSocket-Protocol': 'troupe.v1.json' };
  const open = () => Promise.all(
    Array.from({ length: 100 }, async () => {
      const raw = await rawWebSocket(node, { headers });
      return { raw, name: (await raw.message()).resume };
    }),
  );
  const first = await open();
  for (const { raw } of first)
    for (const roomId of rooms) raw.write(text({ type: 'join', roomId }));
  await node.untilMetric('troupe_members', '', (n) => n === 100 * rooms.length);
  for (const { raw } of first) raw.reset();
  await node.untilMetric('troupe_connections', '', (n) => n === 0);

  const back = await open();
  for (const [i, { raw }] of back.entries())
    raw.write(text({ type: 'resume', resume: first[i].name }));

  for (const { raw } of back)
    while ((await raw.message()).type !== 'resumed');
  await node.untilMetric('troupe_members', '', (n) => n === 100 * rooms.length);
  assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
  assert.equal(await node.metric('troupe_connections'), 100);
});

// Pins §16.63.
test('a session that is kept holds at most 1 KiB beside its rooms', { timeout: 120_000 },
  async (t) => {
  const node = await startNode(t, 'relay_node', [
    '--max-kept-sessions', '0', '--max-kept-sessions-per-ip', '0', '--resume-window', '5m',
    '--admission-rate', '0', '--max-connections', '0',
  ], { env: nothingSpare });
  const names = [];
  const batch = async (count) => {
    const headers = { 'Sec-WebSocket-Protocol': 'troupe.v1.json' };
    const sockets = await Promise.all(
      Array.from({ length: count }, () => rawWebSocket(node, { headers })),
    );
    for (const s of sockets) {
      names.push((await s.message()).resume);
      s.write(text({ type: 'join', roomId: `own-${names.length}` }));
    }
    for (const s of sockets) assert.equal((await s.message()).type, 'joined');
    for (const s of sockets) s.reset();
    await node.untilMetric('troupe_connections', '', (n) => n === 0);
    await node.untilMetric('troupe_rooms', '', (n) => n === 0);
  };
  await batch(500);
  await batch(500);
  const before = await resident(node);

  const kept = 10_000;
  for (let i = 0; i < kept / 500; ++i) await batch(500);
  const each = ((await resident(node)) - before) / kept;

  t.diagnostic(`${each.toFixed(2)} KiB for each of ${kept} sessions`);
  assert.ok(each <= 1, `${each.toFixed(2)} KiB`);
  for (let i = 0; i < names.length; i += 100) {
    const client = await connect(node);
    client.send({ type: 'resume', resume: names[i] });
    const { rooms } = await client.expect('resumed');
    assert.deepEqual(rooms.map((r) => r.roomId), [`own-${i + 1}`]);
    await client.close();
  }
});
