// Directs at the built nodes.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { secretFile, sign } from '../../../tests/system/support/tokens.mjs';
import { Client } from '../src/index.js';
import { badLine } from './support/bad_line.mjs';
import { codecs, connect, inState, startNode, until, within } from './support/live.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const numbers = (count, from = 1) => Array.from({ length: count }, (_, i) => i + from);

/// A client over a line of its own that can be broken: {line, client, heard}. `heard`: the directs
/// that it is told, and `resumed` frames.
async function onLine(t, node, codec = 'json', options = {}) {
  const line = await badLine(t, node);
  const client = new Client(line.url, {
    codec: codecs[codec], reconnectInterval: 100, ...options,
  });
  t.after(() => client.close());
  await within(client.ready, 'a client to be ready');
  const heard = [];
  for (const type of ['direct', 'resumed']) client.on(type, (frame) => heard.push(frame));
  return { line, client, heard };
}

const directNode = (t, args = []) => startNode(t, 'relay_node', ['--directs', 'all', ...args]);
const textsOf = (heard) => heard.flatMap(({ text }) => text ?? []);
const untilHeard = (heard, text) => until(() => textsOf(heard).includes(text), `${text} to be heard`);

for (const [mine, theirs] of [['json', 'msgpack'], ['msgpack', 'json']])
  test(`a ${mine} client says something to a ${theirs} client, in no room`, async (t) => {
    const node = await directNode(t);
    const [ann, bob] = [await onLine(t, node, mine), await onLine(t, node, theirs)];
    const value = { move: 'e4', board: new Uint8Array([0, 255]) };
    for (const body of ['Hello!', value]) await ann.client.direct(bob.client.userId, body);
    await until(() => bob.heard.length === 2, 'both directs');
    const [text, data] = bob.heard;
    assert.deepEqual([text.userId, text.seq, text.text], [ann.client.userId, 1, 'Hello!']);
    assert.ok(Math.abs(Date.parse(text.timestamp) - Date.now()) < 60_000, text.timestamp);
    assert.deepEqual([data.seq, { ...data.data }], [2, value]);
    assert.deepEqual(ann.heard, []);
  });

test('a user hears it on all clients, and nobody else does', async (t) => {
  const secret = 'only this test knows it, and no one else does';
  const node = await directNode(t, ['--jwt-secret-file', secretFile(t, secret)]);
  const [ann, ann2, bob] = await Promise.all(
    ['ann', 'ann', 'bob'].map((sub) => onLine(t, node, 'json', { token: sign({ sub }, secret) })),
  );
  await bob.client.direct('ann', 'to ann');
  await ann.client.direct('bob', 'to bob');
  for (const { heard } of [ann, ann2]) await untilHeard(heard, 'to ann');
  await untilHeard(bob.heard, 'to bob');
  assert.deepEqual([ann, ann2, bob].map(({ heard }) => heard.length), [1, 1, 1]);
});

test('a user that is not there is away, also once its only client is closed', async (t) => {
  const node = await directNode(t);
  const [ann, bob] = [await onLine(t, node), await onLine(t, node)];
  const away = { code: 'user_away', retryable: true, sent: true };
  await assert.rejects(ann.client.direct('nobody', 'x'), away);
  await ann.client.direct(bob.client.userId, 'x');
  bob.client.close();
  await until(async () => (await node.metric('troupe_connections')) === 1, 'the client to be gone');
  const late = ann.client.direct(bob.client.userId, 'too late');
  await assert.rejects(late, away);
  assert.equal(late.state, 'failed');
});

test('a node that allows no directs says so', async (t) => {
  const node = await startNode(t, 'relay_node');
  const client = await connect(t, node);
  await assert.rejects(client.direct(client.userId, 'x'), { code: 'unsupported' });
});

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client that was away hears what was said meanwhile, each once`, async (t) => {
    const node = await directNode(t);
    const [ann, bob] = [await onLine(t, node), await onLine(t, node, codec)];
    const { userId } = bob.client;
    await ann.client.direct(userId, 'before');
    await untilHeard(bob.heard, 'before');
    for (const [i, way] of ['cut', 'end'].entries()) {
      bob.line[way]();
      await inState(bob.client, 'reconnecting');
      for (const n of [1, 2]) await ann.client.direct(userId, `meanwhile ${i} ${n}`);
      await untilHeard(bob.heard, `meanwhile ${i} 2`);
    }
    await ann.client.direct(userId, 'after');
    await untilHeard(bob.heard, 'after');
    assert.deepEqual(
      bob.heard.map(({ type, seq, direct }) => (type === 'direct' ? seq : { ...direct })),
      [1, { seq: 3, recovered: true }, 2, 3, { seq: 5, recovered: true }, 4, 5, 6],
    );
  });

test('a client that was away for long is told that something is missing', async (t) => {
  const node = await directNode(t);
  const [ann, bob] = [await onLine(t, node), await onLine(t, node)];
  const { userId } = bob.client;
  bob.line.cut();
  await inState(bob.client, 'reconnecting');
  for (const n of numbers(40)) ann.client.direct(userId, `meanwhile ${n}`);
  await ann.client.direct(userId, 'the last');
  await untilHeard(bob.heard, 'the last');
  const [{ direct }, ...directs] = bob.heard;
  assert.deepEqual({ ...direct }, { seq: 41, recovered: false });
  assert.deepEqual(directs.map(({ seq }) => seq), numbers(32, 10));
  bob.line.cut();
  await inState(bob.client, 'reconnecting');
  await ann.client.direct(userId, 'and on');
  await untilHeard(bob.heard, 'and on');
  const { type, direct: next } = bob.heard.at(-2);
  assert.deepEqual([type, { ...next }], ['resumed', { seq: 42, recovered: true }]);
});

test('a direct whose ack is lost is sent again and heard once', async (t) => {
  const node = await directNode(t);
  const [ann, bob] = [await onLine(t, node), await onLine(t, node)];
  ann.line.mute();
  const sending = ann.client.direct(bob.client.userId, 'x');
  await untilHeard(bob.heard, 'x');
  ann.line.cut();
  await inState(ann.client, 'reconnecting');
  assert.equal(sending.state, 'sent');
  assert.equal((await within(sending, 'the second ack')).duplicate, true);
  await ann.client.direct(bob.client.userId, 'y');
  await untilHeard(bob.heard, 'y');
  assert.deepEqual(textsOf(bob.heard), ['x', 'y']);
});

// Both lines are cut every 500 ms; for the last 100 ms before that all that is sent is lost, or what
// the server says only.
for (const [mine, theirs] of [['json', 'msgpack'], ['msgpack', 'json']])
  test(`a ${mine} and a ${theirs} client on bad lines lose nothing, double nothing`, async (t) => {
    const node = await directNode(t);
    const options = { reconnectInterval: 40, maxReconnectInterval: 100 };
    const both = [await onLine(t, node, mine, options), await onLine(t, node, theirs, options)];
    const cuts = both.map(async ({ line }, who) => {
      await pause(250 * who);
      for (let i = 0; i < 8; ++i) {
        await pause(400);
        line[i % 2 === 0 ? 'mute' : 'stall']();
        await pause(100);
        line.cut();
      }
    });
    const users = both.map(({ client }) => client.userId);
    const sendings = [];
    for (const n of numbers(100)) {
      sendings.push(...both.map(({ client }, i) => client.direct(users[1 - i], String(n))));
      await pause(40);
    }
    await Promise.all(cuts);
    const acks = await within(Promise.all(sendings), 'all acks');
    for (const { client, heard } of both) {
      await untilHeard(heard, '100');
      const directs = heard.filter(({ type }) => type === 'direct');
      assert.deepEqual(directs.map(({ text }) => Number(text)), numbers(100));
      assert.deepEqual(directs.map(({ seq }) => seq), numbers(100));
      const returns = heard.filter(({ type }) => type === 'resumed');
      assert.ok(returns.length > 4, `${returns.length} returns`);
      assert.ok(returns.every(({ direct }) => direct.recovered));
      assert.ok(users.includes(client.userId), 'the session is the first one');
    }
    const repeats = acks.filter(({ duplicate }) => duplicate).length;
    t.diagnostic(`${acks.length} directs, ${repeats} acks of repeats`);
    assert.ok(repeats > 0, 'the lines were good');
  });
