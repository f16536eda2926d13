// Clients that come back by `resume` over a line that takes long for what they have missed.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadLine } from './support/bad_line.mjs';
import { areLevel, audit } from './support/book.mjs';
import { freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { Roamer } from './support/roamer.mjs';
import { until } from './support/wait.mjs';

// The kernel takes all of the first at once. Of the second much waits in the node.
for (const [kibPerSecond, bytes, least] of [[64, 64, 0], [1024, 2048, 16 * 1024]])
// Pins §4.105, §10.20.
test(`20 rooms, of each of which 256 messages of ${bytes} bytes were missed, come whole over ` +
  `${kibPerSecond} KiB a second, while others talk on`, { timeout: 120_000 }, async (t) => {
  const args = ['--message-rate', '0', '--history-messages', '1024'];
  const node = await startNode(t, 'relay_node', args);
  const line = await BadLine.open(t, node, { rate: kibPerSecond * 1024 });
  const rooms = Array.from({ length: 20 }, () => freshRoom('slow'));
  const bob = new Roamer({ name: 'bob', url: () => node.url(), rooms, giveUpMs: 60_000 });
  let url = node.url();
  const ann = new Roamer({
    name: 'ann', url: () => url, rooms, giveUpMs: 30_000, pauseMs: () => 500,
  });
  t.after(() => [ann, bob].forEach((r) => r.stop()));
  await until(() => ann.isThere && bob.isThere, 'both to be in');
  url = line.url();
  ann.lose();
  const text = 'x'.repeat(bytes);
  for (const room of rooms) for (let i = 0; i < 256; ++i) bob.say(room, { text });
  await until(() => bob.acked.size === 20 * 256, 'all to be said');
  await until(() => ann.counts.resumed === 1, 'ann to be back', 30_000);

  const start = performance.now();
  const talk = setInterval(() => rooms.forEach((room) => bob.say(room, { text })), 1000);
  t.after(() => clearInterval(talk));
  let highest = 0;
  const missed = () => ann.stays.reduce((sum, stay) => sum + stay.got.length, 0) < 20 * 256;
  for (; missed(); await sleep(100))
    highest = Math.max(highest, await node.metric('troupe_output_bytes'));
  const seconds = (performance.now() - start) / 1000;
  clearInterval(talk);
  await until(() => areLevel([ann, bob]), 'ann to be level');

  const said = audit([ann, bob]);
  t.diagnostic(`${said} messages in ${seconds.toFixed(1)} s; ${highest} bytes of output at most`);
  assert.ok(seconds > 5, 'the line was slow');
  assert.ok(highest >= least, 'what the node keeps for a slow reader');
  assert.ok(said > 20 * 256 + 100, 'others talked on');
  assert.equal(line.opened, 1);
  assert.equal(ann.counts.recovered, 20);
  assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
});
