// What a `resume` finds, and what the answer to one is that finds nothing.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/// Asks for a session, and returns the answer.
async function resume(client, name, rooms) {
  client.send({ type: 'resume', resume: name, rooms, ref: 'back' });
  const answer = await client.take('an answer to resume');
  assert.equal(answer.ref, 'back');
  return answer;
}

async function cut(client) {
  client.socket.terminate();
  await client.closed;
}

/// Bob, and ann's session of one room, which has lost its connection.
async function setUp(t, args = []) {
  const node = await startNode(t, 'relay_node', args);
  const roomId = freshRoom();
  const [bob, ann] = await roomOf(node, roomId, 'json', 'json');
  const { epoch, seq } = await ann.join(roomId);
  await cut(ann);
  await bob.expect('userLeft');
  return { node, bob, roomId, epoch, seq, ...ann.welcome };
}

// Pins §4.107.
test('with another epoch, or of a position that was not reached, the rooms are joined anew',
  async (t) => {
  const { node, bob, roomId, epoch, seq, resume: name } = await setUp(t);
  let next = name;
  for (const at of [{ epoch: 'x', seq }, { epoch, seq: 99 }, { epoch, seq: 2 ** 53 - 1 }]) {
    const ann = await connect(node);
    const { rooms, resume: given } = await resume(ann, next, [{ roomId, ...at }]);
    assert.deepEqual(rooms.map((r) => r.recovered), [false]);
    await bob.find('userJoined');
    bob.send({ type: 'message', text: 'now' });
    await ann.expect('message', { text: 'now' });
    await ann.fence();
    await cut(ann);
    await bob.find('userLeft');
    next = given;
  }
});

// Pins §4.110.
test('a string that differs in any character, or is none at all, finds nothing', async (t) => {
  const { node, roomId, epoch, seq, resume: name } = await setUp(t);
  const changed = [...name].map(
    (c, i) => name.slice(0, i) + (c === 'A' ? 'B' : 'A') + name.slice(i + 1),
  );
  const odd = [
    '', 'x', name.slice(1), name + 'A', ' ' + name, name.repeat(2), '='.repeat(44),
    'x'.repeat(50_000), 'é'.repeat(22), '\0'.repeat(44), '-'.repeat(44), 'A'.repeat(44),
  ];
  for (const other of [...changed, ...odd]) {
    const stranger = await connect(node);
    const { code } = await resume(stranger, other);
    assert.equal(code, 'session_gone', other.slice(0, 60));
    await stranger.join(freshRoom());
    await stranger.close();
  }
  for (const none of [undefined, null, 5, {}, [name], true]) {
    const stranger = await connect(node);
    assert.equal((await resume(stranger, none)).code, 'bad_request');
    await stranger.close();
  }
  const back = await resume(await connect(node), name, [{ roomId, epoch, seq }]);
  assert.equal(back.type, 'resumed');
});

// Pins §4.96.
test('a second one on a connection is refused, whatever became of the first', async (t) => {
  const { node, roomId, resume: name } = await setUp(t);
  const [ann, stranger] = [await connect(node), await connect(node)];
  assert.equal((await resume(ann, name)).type, 'resumed');
  assert.equal((await resume(stranger, 'x')).code, 'session_gone');

  for (const client of [ann, stranger])
    assert.equal((await resume(client, name)).code, 'bad_request');
  ann.send({ type: 'presence', roomId });
  assert.equal((await ann.find('presence')).total, 2);
});

// Pins §4.108, §13.20.
test('of many at once one is left with the session, and each is answered or replaced',
  async (t) => {
  const { node, bob, roomId, epoch, seq, userId, resume: name } = await setUp(t);
  const clients = await Promise.all(range(1, 20).map(() => connect(node)));
  for (const c of clients)
    c.send({ type: 'resume', resume: name, rooms: [{ roomId, epoch, seq }], ref: 'back' });
  const answers = await Promise.all(
    clients.map((c) => c.take('an answer').then((f) => f.code ?? f.type, () => c.closed)),
  );
  const told = answers.map((a) => a.reason ?? a);

  assert.ok(told.every((a) => ['resumed', 'session_gone', 'replaced'].includes(a)), told.join());
  assert.ok(told.includes('resumed'));
  bob.send({ type: 'message', text: 'to one' });
  const heard = await Promise.all(
    clients.map((c, i) => told[i] === 'resumed' &&
      c.find('message', { text: 'to one' }).then(() => true, () => c.closed)),
  );
  assert.equal(heard.filter((h) => h === true).length, 1);
  for (const h of heard) if (h.code) assert.deepEqual(h, { code: 1008, reason: 'replaced' });
  bob.send({ type: 'presence' });
  const { members } = await bob.find('presence');
  assert.deepEqual(
    members.map((m) => [m.userId, m.sessions ?? 1]).sort(),
    [[bob.userId, 1], [userId, 1]].sort(),
  );
});

test('connections that claim each other\'s sessions are answered, and the node stops in time',
  async (t) => {
  const node = await startNode(t, 'relay_node');
  for (let round = 0; round < 50; ++round) {
    const ring = await Promise.all(range(1, 2 + (round % 3)).map(() => connect(node)));
    ring.forEach((c, i) =>
      c.send({ type: 'resume', resume: ring[(i + 1) % ring.length].welcome.resume }),
    );
    const answers = await Promise.all(
      ring.map((c) => c.take('an answer').then((f) => f.code ?? f.type, () => c.closed)),
    );
    const told = answers.map((a) => a.reason ?? a);
    assert.ok(told.every((a) => ['resumed', 'session_gone', 'replaced'].includes(a)), told.join());
    ring.forEach((c) => c.socket.terminate());
  }

  node.signal('SIGTERM');
  assert.deepEqual(await node.ended(), { code: 0, signal: null });
});

// Pins §10.27, §10.28.
for (const [code, is] of [[1000, 'gone'], [undefined, 'gone'], [1001, 'kept'], [4000, 'kept']])
  test(`a session whose client has closed with ${code ?? 'no code'} is ${is}`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const ann = await connect(node);
    await ann.join(freshRoom());
    ann.socket.close(code);
    await ann.end();

    const { type } = await resume(await connect(node), ann.welcome.resume);

    assert.equal(type, is === 'kept' ? 'resumed' : 'error');
  });

// Pins §10.26, §16.63.
test('a session is there within its window, and gone behind it', async (t) => {
  const { node, resume: name, resumeMs } = await setUp(t, ['--resume-window', '1s']);
  assert.equal(resumeMs, 1000);
  const ann = await connect(node);
  const { resume: next } = await resume(ann, name);
  await ann.join(freshRoom());
  await cut(ann);
  await sleep(1_200);

  for (const gone of [name, next])
    assert.equal((await resume(await connect(node), gone)).code, 'session_gone');
});

// Pins §4.95, §4.102.
test('5,000 rooms may be named, of which those are told that the session was not in',
  async (t) => {
  const args = ['--max-message-bytes', '1MiB'];
  const { node, roomId, epoch, seq, resume: name } = await setUp(t, args);
  const others = range(1, 4999).map((n) => ({ roomId: `other-${n}`, epoch: '', seq: n }));
  const twice = await connect(node);
  const { code } = await resume(twice, name, [...others, others[17]]);
  assert.equal(code, 'bad_request');

  const ann = await connect(node);
  const back = await resume(ann, name, [...others, { roomId, epoch, seq }]);

  assert.deepEqual(back.rooms, [{ roomId, epoch, seq, recovered: true }]);
  assert.deepEqual(
    back.lost.map((l) => `${l.roomId} ${l.code}`).sort(),
    others.map((o) => `${o.roomId} not_joined`).sort(),
  );
  await ann.fence();
});
