// Clients that come back by `resume` over lines that cut, stall and lag.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadLine, draws } from './support/bad_line.mjs';
import { areLevel, audit, sums } from './support/book.mjs';
import { freshRoom } from './support/client.mjs';
import { longRun, startNode } from './support/node.mjs';
import { PackageRoamer } from './support/package_roamer.mjs';
import { Roamer } from './support/roamer.mjs';
import { RoamingClient } from './support/roaming_client.mjs';
import { eventually, until, within } from './support/wait.mjs';

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const seedOf = (t) => {
  const seed = Number(process.env.TROUPE_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`TROUPE_SEED=${seed}`);
  return seed;
};

/// Fails unless each room has each of its roamers' users once, and nobody else, as soon as the node
/// has noticed which connections are silent, and who has lost one meanwhile is back. Comes before
/// the audit, in which the line stands still, so that the node takes connections for lost.
async function checkPresence(node, roamers) {
  const rooms = new Map();
  for (const r of roamers)
    for (const room of r.rooms) rooms.set(room, [...(rooms.get(room) ?? []), r]);
  const members = [...rooms.values()].reduce((sum, inside) => sum + inside.length, 0);
  await node.untilMetric('troupe_members', '', (n) => n === members);
  for (const [room, inside] of rooms)
    await eventually(async () => {
      const present = await inside.find((r) => r.present).present(room);
      const expected = inside.map((r) => [r.userId, 1]).sort();
      assert.deepEqual([...present].sort(), expected, `who is in ${room}`);
    });
}

/// Lets everybody say last words, until all are acked. A client that is overtaken by a connection
/// that it has given up says them once more.
async function sayLastWords(roamers, far) {
  const speechless = new Set(roamers);
  const speak = async (r) => {
    const ids = r.rooms.map((room) => r.say(room));
    const isAcked = () => ids.every((id) => r.acked.has(id));
    await until(isAcked, `the acks of ${ids}`, 3_000).then(() => speechless.delete(r), () => {});
  };
  far.settle();
  for (let tries = 0; speechless.size > 0; ++tries) {
    assert.ok(tries < 10, `no acks for ${[...speechless].map((r) => r.name)}`);
    await Promise.all([...speechless].map(speak));
  }
  await until(() => far.all.every((b) => b.isFinished), 'the acks of the clients in C++', 30_000);
}

// Pins §4.105, §4.106, §10.29.
test('on a line that does all bad things nothing that was acked is lost or comes twice',
  { timeout: 600_000 }, async (t) => {
  const seed = seedOf(t);
  const draw = draws(seed);
  const node = await startNode(t, 'relay_node', [
    '--resume-window', '2s', '--ping-interval', '4s', '--ping-timeout', '2s',
  ]);
  const line = await BadLine.open(t, node);
  const url = line.url();
  const rooms = range(1, 20).map((n) => `storm-${n}`);
  const roomsOf = (n) => [...new Set([rooms[n % 20], rooms[(n * 7 + 3) % 20]])];
  const [giveUpMs, forMs] = [1_500, longRun ? 300_000 : 20_000];
  // Half of them are the clients of the npm package, half those in C++, and some more are bare.
  const far = await RoamingClient.start(t, {
    port: line.port, rooms: rooms.join(), clients: 100, seconds: forMs / 1000, seed,
    'patience-ms': giveUpMs, 'away-ms': 150, 'long-away-ms': 3_000, leaves: 1,
  });
  let isStormy = false;
  const away = (often) => (draw(20) || !isStormy ? often : 3_000); // rarely beyond the window
  const near = range(0, 99).map((n) => new PackageRoamer({
    name: `p${n}`, url, rooms: roomsOf(n), as: n % 2 ? 'json' : 'msgpack', giveUpMs,
    pauseMs: () => away(0),
  }));
  const bare = range(0, 39).map((n) => new Roamer({
    name: `c${n}`, url: () => url, rooms: roomsOf(n), as: n % 2 ? 'json' : 'msgpack',
    giveUpMs, pauseMs: () => away(draw(300)), eager: n % 4 === 0,
  }));
  const ours = [...near, ...bare];
  const all = [...ours, ...far.all];
  t.after(() => ours.forEach((r) => r.stop()));
  await until(() => all.every((r) => r.isThere), 'everybody to be in');

  isStormy = true;
  const hurts = new Map();
  const end = Date.now() + forMs;
  while (Date.now() < end) {
    for (const r of ours) if (draw(8) === 0) r.say(r.rooms[draw(r.rooms.length)]);
    const whole = [...line.legs].filter(BadLine.isWhole);
    for (let i = 0; i < 3 && whole.length > 0; ++i) {
      const what = line.hurt(whole[draw(whole.length)], draw);
      hurts.set(what, (hurts.get(what) ?? 0) + 1);
    }
    if (draw(14) === 0) ours[draw(ours.length)].lose(draw(2) ? 1000 : 1001);
    await sleep(50);
  }
  isStormy = false;
  line.heal();
  for (const r of near) r.say(r.rooms[0]); // who waits for no answer looks for none
  const isOnWhole = ({ localPort }) => BadLine.isWhole(line.legFrom(localPort));
  await until(() => areLevel(all) && all.every(isOnWhole), 'everybody to be back', 30_000);
  for (const r of bare) r.giveUpMs = 60_000; // from now on the line is good
  await sayLastWords(ours, far);
  await until(() => areLevel(all), 'the last words to be heard', 30_000);

  await checkPresence(node, all);
  const said = audit(all);
  t.diagnostic(`${said} messages; ${JSON.stringify([...hurts])}`);
  for (const [kind, books] of Object.entries({ package: near, 'C++': far.all, bare })) {
    const { resumed, recovered, anew, ...counts } = sums(books);
    t.diagnostic(`${kind}: ${JSON.stringify({ resumed, recovered, anew, ...counts })}`);
    assert.ok(resumed > books.length / 2 && recovered > anew, kind);
  }
  assert.ok(sums(all).gone > 0, 'sessions that were gone');
});

// Pins §4.105, §4.108, §4.109.
test('a telephone that changes its connection all the time misses and doubles nothing, ' +
  'and others hear of it only where it was lost', { timeout: 300_000 }, async (t) => {
  const node = await startNode(t, 'relay_node');
  const line = await BadLine.open(t, node);
  const rooms = [freshRoom('phone')];
  const phone = new Roamer({ name: 'phone', url: () => line.url(), rooms });
  const witness = new Roamer({ name: 'witness', url: () => node.url(), rooms, giveUpMs: 60_000 });
  const both = [phone, witness];
  const talk = setInterval(() => both.forEach((r) => r.say(rooms[0])), 50);
  t.after(() => (clearInterval(talk), both.forEach((r) => r.stop())));
  await until(() => both.every((r) => r.isThere), 'both to be in');
  await until(() => witness.stay.get(rooms[0]).got.length > 0, 'the first word');

  const [everyMs, forMs] = longRun ? [10_000, 120_000] : [1_000, 12_000];
  const end = Date.now() + forMs;
  const heard = { reset: [], silence: [] };
  for (let i = 0; Date.now() < end; ++i) {
    const before = witness.changes.length;
    await sleep(everyMs);
    const leg = line.legFrom(phone.localPort);
    const resumed = phone.counts.resumed;
    i % 2 ? leg.reset() : leg.swallow();
    await until(() => phone.counts.resumed > resumed && phone.isThere, 'the telephone to be back');
    const word = `phone:${phone.counts.said + 1}`;
    const hasHeard = new Promise((done) => (witness.onMessage = (id) => id === word && done()));
    await within(hasHeard, 'its next word');
    heard[i % 2 ? 'reset' : 'silence'].push(witness.changes.slice(before).map(([type]) => type));
  }
  clearInterval(talk);
  await until(() => areLevel(both), 'both to have heard all');

  await checkPresence(node, both);
  const said = audit(both);
  t.diagnostic(`${said} messages, ${phone.counts.resumed} changes of connection`);
  assert.ok(heard.silence.length > 2 && heard.reset.length > 2);
  assert.deepEqual(heard.silence.flat(), []);
  // Who is back before the node has read the reset has been there all the while.
  const pair = ['userLeft', 'userJoined'];
  for (const types of heard.reset) if (types.length > 0) assert.deepEqual(types, pair);
  assert.ok(heard.reset.some((types) => types.length > 0));
  assert.ok(witness.changes.every(([, userId]) => userId === phone.userId));
  assert.equal(phone.counts.gone, 0);
});
