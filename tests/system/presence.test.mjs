// Who is in a room: what its members are told of users, who may have several sessions.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { secretFile, sign } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const secret = 'a secret that is long enough for hs256!!';

const nodeOfUsers = (t, args = []) =>
  startNode(t, 'relay_node', [
    '--jwt-secret-file', secretFile(t, secret), '--message-rate', '0', ...args,
  ]);

/// Connects as one of the user's sessions.
const connectAs = (node, user, as = 'json') =>
  connect(node, as, { headers: { Authorization: `Bearer ${sign({ sub: user }, secret)}` } });

for (const as of ['json', 'msgpack', 'plain'])
  describe(`a ${as} client`, () => {
    const notice = (type, room, userId, more = {}) =>
      as === 'plain' ? { type, userId } : { type, roomId: room, userId, ...more };

    // Pins §5.18, §5.12.
    test('is told of a user\'s first session and of its last, and of none between', async (t) => {
      const node = await nodeOfUsers(t);
      const room = freshRoom();
      const ann = await connectAs(node, 'ann', as);
      await ann.join(room);
      const [first, second] = [
        await connectAs(node, 'bob'), await connectAs(node, 'bob', 'msgpack'),
      ];

      await first.join(room);
      await ann.expectExactly(notice('userJoined', room, 'bob'));
      await second.join(room);
      await ann.fence();
      await first.fence();
      await first.close();
      await until(async () => {
        second.send({ type: 'presence' });
        const { members } = await second.expect('presence');
        return members[1].sessions === undefined;
      }, 'the first session to be gone');
      await ann.fence();
      second.send({ type: 'leave' });
      await ann.expectExactly(notice('userLeft', room, 'bob', { reason: 'left' }));
    });

    // Pins §4.65, §4.66, §4.67, §5.19.
    test('brings a new profile, and hears of others\'', async (t) => {
      const node = await nodeOfUsers(t);
      const room = freshRoom();
      const [ann, bob] = [await connectAs(node, 'ann', as), await connectAs(node, 'bob')];
      await bob.join(room, { profile: { n: 1 } });
      await ann.join(room);
      await bob.expect('userJoined');

      ann.send({ type: '$profile', profile: { mood: 'glad', n: 2 }, ref: 'p' });
      await ann.expectExactly({ type: 'ack', ref: 'p', roomId: room, seq: 0 });
      await bob.expectExactly({
        type: '$profile', roomId: room, userId: 'ann', profile: { mood: 'glad', n: 2 },
      });
      bob.send({ type: '$profile', roomId: room, profile: { n: 3 } });
      if (as !== 'plain')
        await ann.expectExactly({
          type: '$profile', roomId: room, userId: 'bob', profile: { n: 3 },
        });
      await bob.fence();
      await until(async () => {
        ann.send({ type: 'presence' });
        const { members } = await ann.expect('presence');
        return members[1].profile.n === 3 && members[0].profile.n === 2;
      }, 'both profiles to be shown');
      ann.send({ type: '$profile', profile: { x: 'x'.repeat(4100) }, ref: 'large' });
      await ann.expect('error', { ref: 'large', code: 'bad_request', request: '$profile' });
      await bob.fence();
    });
  });

// Pins §5.20.
test('who joins is told who is there, if the node is set to it', async (t) => {
  const node = await nodeOfUsers(t, ['--list-members', 'on']);
  const room = freshRoom();
  const ann = await connectAs(node, 'ann');
  const first = await ann.join(room, { profile: { n: 1 } });
  assert.deepEqual(first.members, [{ userId: 'ann', profile: { n: 1 } }]);
  assert.equal(first.total, 1);

  for (const as of ['json', 'msgpack']) {
    const bob = await connectAs(node, 'bob', as);
    bob.send({ type: 'join', roomId: room, ref: 5 });
    const joined = await bob.expect('joined', { ref: 5, total: 2 });
    assert.deepEqual(joined.members, [{ userId: 'ann', profile: { n: 1 } }, { userId: 'bob' }]);
    assert.deepEqual(Object.keys(joined).slice(-2), ['members', 'total']);
    await ann.expect('userJoined', { userId: 'bob' });
    await bob.close();
    await ann.expect('userLeft', { userId: 'bob' });
  }
  const plain = await connectAs(node, 'eve', 'plain');
  plain.send({ type: 'join', roomId: room });
  await plain.expectExactly({ type: 'joined', roomId: room });
});
