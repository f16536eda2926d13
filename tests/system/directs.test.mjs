// What users say to each other outside of rooms.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { secretFile, sign } from './support/tokens.mjs';

const secret = 'a secret that is long enough for hs256!!';

const startWith = (t, ...args) =>
  startNode(t, 'relay_node', ['--jwt-secret-file', secretFile(t, secret), ...args]);

/// Connects as one of the user's sessions.
const connectAs = (node, user, as = 'json') =>
  connect(node, as, { headers: { Authorization: `Bearer ${sign({ sub: user }, secret)}` } });

for (const as of ['json', 'msgpack', 'plain'])
  // Pins §4.140, §4.141, §4.142, §4.146.
  test(`a ${as} client says a direct and hears one`, async (t) => {
    const node = await startWith(t, '--directs', 'all');
    const [ann, bob] = [await connectAs(node, 'ann', as), await connectAs(node, 'bob')];
    const data = { list: [1, 2.5, null], 방: 'ok' };

    ann.send({ type: 'direct', ref: 1, to: 'bob', data, id: 'a' });
    assert.deepEqual(await ann.expect('ack'), { type: 'ack', ref: 1 });
    const heard = await bob.expect('direct');
    assert.deepEqual(
      heard, { type: 'direct', userId: 'ann', seq: 1, timestamp: heard.timestamp, data },
    );
    ann.send({ type: 'direct', ref: 2, to: 'bob', data, id: 'a' });
    assert.deepEqual(await ann.expect('ack'), { type: 'ack', ref: 2, duplicate: true });
    ann.send({ type: 'direct', ref: 3, to: 'carl', text: 'x' });
    assert.equal((await ann.expect('error')).code, 'user_away');

    bob.send({ type: 'direct', to: 'ann', text: 'hi' });
    const answer = await ann.expect('direct');
    assert.deepEqual([answer.userId, answer.text], ['bob', 'hi']);
    assert.equal(answer.seq, as === 'plain' ? undefined : 1);
    await bob.fence();
  });

// Pins §4.143, §4.144.
test('a node lets clients say directs as it is told', async (t) => {
  const off = await startWith(t);
  const shared = await startWith(t, '--directs', 'shared-room');
  const codeOf = async (client, to) => {
    client.send({ type: 'direct', ref: 1, to, text: 'x' });
    const answer = await client.take();
    return answer.code ?? answer.type;
  };
  assert.equal(await codeOf(await connectAs(off, 'ann'), 'ann'), 'unsupported');

  const [ann, bob] = [await connectAs(shared, 'ann'), await connectAs(shared, 'bob')];
  await ann.join('hall');
  assert.equal(await codeOf(ann, 'bob'), 'forbidden');
  await bob.join('hall');
  await ann.expect('userJoined');
  assert.equal(await codeOf(ann, 'bob'), 'ack');
});

// Pins §10.51.
test('directs that were missed follow resumed, over a reset', async (t) => {
  const node = await startWith(t, '--directs', 'all');
  const [ann, bob] = [await connectAs(node, 'ann'), await connectAs(node, 'bob', 'msgpack')];
  const say = async (text) => {
    ann.send({ type: 'direct', ref: text, to: 'bob', text });
    await ann.expect('ack');
  };
  await say('one');
  await bob.expect('direct');
  bob.socket._socket.resetAndDestroy();
  await bob.closed;
  await node.untilMetric('troupe_kept_sessions', '', (n) => n === 1);
  await say('two');
  await say('three');
  assert.ok(await node.metric('troupe_direct_bytes') > 0);

  const back = await connectAs(node, 'bob', 'msgpack');
  back.send({ type: 'resume', resume: bob.welcome.resume, direct: 1 });
  assert.deepEqual((await back.expect('resumed')).direct, { seq: 3, recovered: true });
  assert.equal((await back.expect('direct')).text, 'two');
  assert.equal((await back.expect('direct')).text, 'three');
});
