// A node that is restarted while its clients talk: all come back when its goodbye has asked them
// to, and not at once.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { areLevel, audit, sums } from './support/book.mjs';
import { longRun, startLastingNode, startNode } from './support/node.mjs';
import { RoamingClient } from './support/roaming_client.mjs';
import { until } from './support/wait.mjs';

const count = 2_000;
const binMs = 250;

/// Fails unless all in a room have heard the same of it up to the goodbye, and all that was acked.
function checkEnds(books) {
  const ends = new Map(); // room and epoch -> the last that was heard
  const keyOf = ({ roomId, epoch }) => `${roomId} ${epoch}`;
  for (const b of books) {
    const stay = b.stays.at(-1);
    const last = stay.got.at(-1)?.seq ?? stay.from;
    const key = keyOf(stay);
    if (!ends.has(key)) ends.set(key, last);
    assert.equal(last, ends.get(key), `the last that ${b.name} has heard in ${key}`);
  }
  for (const b of books)
    for (const [id, ack] of b.acked)
      assert.ok(ack.seq <= (ends.get(keyOf(ack)) ?? Infinity), `${id} was acked and not heard`);
}

/// When a client was told to come back, and when it did: behind its latest goodbye.
function returnOf({ name, moments }) {
  const from = moments.findLastIndex(({ what }) => what === 'goodbye');
  const at = (what) => moments.slice(from).find((m) => m.what === what)?.at;
  const [least, most] = moments[from].reconnectAfterMs;
  return { name, told: moments[from].at, lost: at('lost'), back: at('welcome'), least, most };
}

/// How many have come back in each span of 250 ms, from the first to the last of them.
function binsOf(returns) {
  const first = Math.min(...returns.map((r) => r.back));
  const bins = [];
  for (const { back } of returns) {
    const bin = Math.floor((back - first) / binMs);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return Array.from(bins, (n) => n ?? 0);
}

// Pins §10.32, §15.1, §15.15.
test('2,000 clients of a node that is restarted while they talk are all back in the time that it ' +
  'has told them, in no 250 ms more than twice as many as in others', { timeout: 600_000 },
  async (t) => {
  let node = await startLastingNode(t, 'relay_node');
  const { port } = node;
  const rooms = Array.from({ length: 100 }, (_, i) => `crowd-${i}`);
  const rounds = longRun ? 10 : 1;
  const far = await RoamingClient.start(t, {
    port, rooms: rooms.join(), 'rooms-each': 1, clients: count, messages: 400, seconds: 600,
    'patience-ms': 20_000, 'away-ms': 500,
  });
  const books = far.all;
  for (let round = 1; round <= rounds; ++round) {
    await until(() => books.every((b) => b.isThere), 'everybody to be in', 30_000);
    const acked = books.reduce((sum, b) => sum + b.acked.size, 0);
    const hasTalked = () => books.reduce((sum, b) => sum + b.acked.size, 0) > acked + 400;
    await until(() => far.check() && hasTalked(), 'some talk');

    const start = performance.now();
    node.signal('SIGTERM');
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
    await until(() => books.every((b) => b.goodbye && b.held.size === 0), 'all goodbyes');
    checkEnds(books);
    const stopMs = performance.now() - start;
    node = await startNode(t, 'relay_node', [], { port });
    const downMs = performance.now() - start;
    await until(() => books.every((b) => b.isThere), 'everybody to be back', 30_000);

    const returns = books.map(returnOf);
    const bins = binsOf(returns);
    const mean = count / bins.length;
    const told = returns.map((r) => r.told);
    const toldMs = Math.max(...told) - Math.min(...told);
    t.diagnostic(`told within ${toldMs} ms, ended after ${stopMs.toFixed()} ms, again there ` +
      `after ${downMs.toFixed()} ms; back in each ${binMs} ms: ${bins.join(' ')}, at most ` +
      `${(Math.max(...bins) / mean).toFixed(2)} of the mean`);
    for (const { name, lost, back, least, most } of returns)
      assert.ok(back - lost >= least && back - lost <= most + binMs, `${name}: ${back - lost} ms`);
    assert.ok(toldMs <= returns[0].least + binMs, `the last was told ${toldMs} ms later`);
    for (const n of bins) assert.ok(n <= 2 * mean, `${n} clients in ${binMs} ms`);
  }
  far.settle();
  await until(() => books.every((b) => b.isFinished), 'the last words', 30_000);
  await until(() => areLevel(books), 'everybody to have heard all', 30_000);

  const said = audit(books);
  const { gone, anew, recovered, resumed } = sums(books);
  t.diagnostic(`${said} messages`);
  assert.deepEqual([gone, anew, recovered, resumed], [rounds * count, rounds * count, 0, 0]);
  assert.equal(await node.metric('troupe_members'), count);
});
