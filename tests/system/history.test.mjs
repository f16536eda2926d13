// What rooms keep of what was said: who comes back gets what it has missed, who asks reads it.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/// Cuts a client off, and returns what it says when it comes back.
async function cut(client, { epoch, seq }) {
  client.socket.terminate();
  await client.closed;
  return { epoch, seq, clientId: client.welcome.clientId };
}

/// Takes frames until the ack of `ref`. Returns what was said: texts, and bytes as arrays.
async function said(client, ref) {
  const all = [];
  for (;;) {
    const frame = await client.take('what was said');
    if (frame.type === 'ack') {
      assert.equal(frame.ref, ref);
      return all;
    }
    if (frame.type === 'message') all.push(frame.text);
    else if (frame.type === 'binary' && frame.data) all.push([...frame.data]);
    else if (frame.type === 'binary') all.push([...(await client.take('bytes'))]);
    else assert.ok(['userJoined', 'userLeft'].includes(frame.type), frame.type);
  }
}

for (const as of ['json', 'msgpack'])
  for (const perMessageDeflate of [false, true])
    describe(`a ${as} client ${perMessageDeflate ? 'with' : 'without'} deflate`, () => {
      // Pins §4.90, §4.92.
      test('comes back after a cut, and has everything once and in order', async (t) => {
        const node = await startNode(t, 'relay_node', ['--deflate', '--message-rate', '0']);
        const room = freshRoom();
        const [bob, eve] = await roomOf(node, room, 'json', 'msgpack');
        let ann = await connect(node, as, { perMessageDeflate });
        const { epoch } = await ann.join(room);
        ann.send({ type: 'message', text: 'heard', ref: 'a' });
        ann.send({ type: 'message', text: 'own, unheard', echo: false, ref: 'b' });
        assert.deepEqual(await said(ann, 'a'), ['heard']);
        const { seq } = await ann.expect('ack', { ref: 'b' });

        // It says once more what it does not want back, and is gone before the ack comes.
        ann.send({ type: 'message', text: 'own, unacked', echo: false });
        await bob.find('message', { text: 'own, unacked' });
        const since = await cut(ann, { epoch, seq });
        bob.send({ type: 'message', text: 'one' });
        await eve.find('message', { text: 'one' });
        eve.send({ type: 'binary', data: Buffer.from([1, 2, 3]) });
        await bob.find('binary');
        bob.sendRaw(Buffer.from([4]));
        bob.send({ type: 'message', text: 'x'.repeat(500), echo: false });
        await eve.find('message', { text: 'x'.repeat(500) });
        eve.send({ type: 'message', text: 'five' });
        await bob.find('message', { text: 'five' });
        await eve.find('message', { text: 'five' });

        for (let i = 0; i < 2; ++i) {
          ann = await connect(node, as, { perMessageDeflate });
          ann.send({ type: 'join', roomId: room, since, ref: 'back' });
          await ann.expect('joined', { ref: 'back', epoch, recovered: true });
          ann.send({ type: 'message', text: `live ${i}`, ref: 'c' });
          const missed = ['one', [1, 2, 3], [4], 'x'.repeat(500), 'five', 'live 0', 'live 1'];
          assert.deepEqual(await said(ann, 'c'), missed.slice(0, 6 + i));
          await ann.fence();
          ann.socket.terminate();
          await ann.closed;
        }
      });
    });

// Pins §10.20, §10.21.
test('much that was missed comes whole to one who reads slowly, while others go on', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const [bob, eve] = await roomOf(node, room, 'json', 'json');
  let ann = await connect(node, 'json');
  const since = await cut(ann, await ann.join(room));
  const body = 'x'.repeat(3000);
  const talk = async (from, to) => {
    for (const n of range(from, to)) bob.send({ type: 'message', data: [n, body], echo: false });
    for (const n of range(from, to)) assert.equal((await eve.find('message')).data[0], n);
  };
  await talk(1, 200);

  ann = await connect(node, 'json');
  ann.socket.pause();
  ann.send({ type: 'join', roomId: room, since });
  ann.send({ type: 'message', data: ['mine'], ref: 'r' });
  await eve.find('message');
  const got = [];
  let n = 200;
  for (let round = 0; round < 40; ++round) {
    await talk(n + 1, n + 5);
    n += 5;
    ann.socket.resume();
    got.push(await ann.take());
    ann.socket.pause();
  }
  ann.socket.resume();
  while (got.at(-1).data?.[0] !== n) got.push(await ann.take());

  const seqs = got.filter((f) => f.type === 'message').map((f) => f.seq);
  assert.deepEqual(seqs, range(1, n + 1));
  const at = got.findIndex((f) => f.type === 'ack');
  const before = got.slice(0, at);
  assert.ok(before.some((f) => f.seq === got[at].seq), 'its ack comes behind its message');
  assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
});

// Pins §4.91.
test('who comes back after too much is told so, and starts anew', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0', '--history-messages', '5']);
  const room = freshRoom();
  const [bob] = await roomOf(node, room, 'json');
  let ann = await connect(node, 'json');
  const since = await cut(ann, await ann.join(room));
  for (const n of range(1, 6)) bob.send({ type: 'message', data: n });
  while ((await bob.find('message')).data !== 6);

  ann = await connect(node, 'json');
  ann.send({ type: 'join', roomId: room, since });
  await ann.expect('joined', { seq: 6, recovered: false });
  await ann.fence();
  ann.send({ type: 'leave' });
  await ann.expect('left');
  ann.send({ type: 'join', roomId: room, since: { ...since, seq: 1 } });
  await ann.expect('joined', { seq: 6, recovered: true });
  for (const n of range(2, 6)) await ann.expect('message', { seq: n, data: n });
});

for (const as of ['json', 'msgpack'])
  // Pins §4.80, §4.81, §4.82, §4.83, §4.86.
  test(`a ${as} client reads what was said, page by page`, async (t) => {
    const args = ['--message-rate', '0', '--history-messages', '6'];
    const node = await startNode(t, 'relay_node', args);
    const room = freshRoom();
    const [bob, ann] = await roomOf(node, room, as === 'json' ? 'msgpack' : 'json', as);
    for (const n of range(1, 4)) bob.send({ type: 'message', data: [n, 1.5] });
    bob.send({ type: 'binary', data: as === 'json' ? Buffer.from([9]) : { $bin: 'CQ==' } });
    await ann.find('binary');
    ann.send({ type: 'message', text: 'not for me', echo: false });
    while ((await bob.find('message')).text !== 'not for me');
    bob.send({ type: 'message', text: 'last' });
    await ann.find('message', { text: 'last' });

    ann.send({ type: 'history', limit: 2, ref: 1 });
    const latest = await ann.expect('history', {
      ref: 1, roomId: room, complete: false, dropped: 1,
    });
    const [bytes, last] = latest.messages;
    assert.deepEqual(Object.keys(latest), [
      'type', 'ref', 'roomId', 'epoch', 'messages', 'complete', 'dropped',
    ]);
    assert.deepEqual(Object.keys(last), ['type', 'roomId', 'userId', 'seq', 'timestamp', 'text']);
    assert.equal(last.seq, 7);
    assert.deepEqual(
      { ...bytes, data: as === 'json' ? bytes.data : [...bytes.data] },
      { type: 'binary', roomId: room, userId: bob.userId, seq: 5,
        data: as === 'json' ? { $bin: 'CQ==' } : [9] },
    );
    ann.send({ type: 'history', before: bytes.seq });
    const before = await ann.expect('history', { complete: true, dropped: 1 });
    assert.deepEqual(before.messages.map((m) => m.data), [[2, 1.5], [3, 1.5], [4, 1.5]]);
    ann.send({ type: 'history', after: 3, limit: 2 });
    const after = await ann.expect('history', { complete: false });
    assert.deepEqual(after.messages.map((m) => m.seq), [4, 5]);
    ann.send({ type: 'history', after: 7 });
    assert.deepEqual((await ann.expect('history', { complete: true })).messages, []);
    bob.send({ type: 'history' });
    const others = await bob.find('history');
    assert.deepEqual(others.messages.map((m) => m.seq), range(2, 7));
  });

// Pins §4.88.
test('a plain client reads what was said as troupe.v1.json has it', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const plain = await connect(node, 'plain');
  plain.send({ type: 'join', roomId: 'r' });
  await plain.expect('joined');
  plain.send({ type: 'message', text: 'hi' });
  await plain.expect('message');

  plain.send({ type: 'history', ref: 1 });
  const { messages } = await plain.expect('history', { ref: 1, roomId: 'r', complete: true });

  assert.equal(messages.length, 1);
  assert.deepEqual(Object.keys(messages[0]), [
    'type', 'roomId', 'userId', 'seq', 'timestamp', 'text',
  ]);
});
