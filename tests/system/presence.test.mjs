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

/// What a client knows of the users of a room, from `joined` and what it is told later.
class Follower {
  constructor({ members }) {
    this.users = new Map(members.map(({ userId, profile }) => [userId, profile]));
  }

  hear({ type, userId, profile, ...notice }) {
    if (type === 'userJoined' || type === '$profile') this.users.set(userId, profile);
    if (type === 'userLeft') this.users.delete(userId);
    if (type !== '$presence') return;
    for (const user of [...notice.joined, ...notice.changed])
      this.users.set(user.userId, user.profile);
    for (const user of notice.left) this.users.delete(user.userId);
    this.total = notice.total;
  }
}

// Pins §5.22, §5.23.
test('of a room with many members v1 clients are told once a second, plain ones at once',
  async (t) => {
    const node = await nodeOfUsers(t, ['--gather-beyond', '2']);
    const room = freshRoom();
    const ann = await connectAs(node, 'ann');
    await ann.join(room);
    const bob = await connectAs(node, 'bob', 'msgpack');
    await bob.join(room);
    await ann.expect('userJoined');
    const pat = await connectAs(node, 'pat', 'plain');
    await pat.join(room);
    for (const client of [ann, bob]) await client.expect('userJoined', { userId: 'pat' });
    const eve = await connectAs(node, 'eve');
    const began = Date.now();
    await eve.join(room, { profile: { n: 1 } });
    await pat.expectExactly({ type: 'userJoined', userId: 'eve' });
    const dan = await connectAs(node, 'dan');
    await dan.join(room);
    await dan.close();
    await pat.expectExactly({ type: 'userJoined', userId: 'dan' });
    await pat.expectExactly({ type: 'userLeft', userId: 'dan' });

    for (const client of [ann, bob, eve])
      await client.expectExactly({
        type: '$presence', roomId: room, joined: [{ userId: 'eve', profile: { n: 1 } }], left: [],
        changed: [], total: 4,
      });
    assert.ok(Date.now() - began >= 990);
    for (const client of [ann, bob, eve, pat]) await client.fence();
  });

// Pins §5.23.
test('whoever follows a room that is never quiet knows the truth once it is', async (t) => {
  const node = await nodeOfUsers(t, ['--gather-beyond', '3', '--list-members', 'on']);
  const room = freshRoom();
  const names = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'hal'];
  const clients = await Promise.all(
    names.flatMap((name, i) =>
      [0, 1].map((n) => connectAs(node, name, (i + n) % 3 ? 'json' : 'msgpack')),
    ),
  );
  const followers = new Map();
  const read = async (client) => {
    for (;;) {
      const frame = await client.take('a frame', 600_000).catch(() => null);
      if (!frame) return;
      if (frame.type === 'joined') followers.set(client, new Follower(frame));
      else if (frame.type === 'left') followers.delete(client);
      else if (frame.type === 'presence') client.listed = frame;
      else if (frame.type === 'ack') // who brings a profile is not told it
        followers.get(client).users.set(client.userId, { n: frame.ref });
      else followers.get(client)?.hear(frame);
    }
  };
  const reading = clients.map(read);
  let seed = 7;
  const profiles = [() => ({}), (n) => ({ profile: { n } })];
  const draw = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 60; ++round) {
    for (let i = draw(6); i >= 0; --i) {
      const client = clients[draw(clients.length)];
      const n = draw(3);
      const what = client.inside ? ['$profile', 'presence', 'leave', 'leave'][draw(4)] : 'join';
      if (what === 'join') client.send({ type: 'join', roomId: room, ...profiles[draw(2)](n) });
      else client.send({ type: what, ...(what === '$profile' && { profile: { n }, ref: n }) });
      client.inside = what !== 'leave';
      await new Promise((resolve) => setTimeout(resolve, draw(12)));
    }
  }
  for (const client of clients)
    if (!client.inside) client.send({ type: 'join', roomId: room });
  await until(() => followers.size === clients.length, 'all to be in the room');
  for (const client of clients) client.send({ type: 'presence', ref: 'last' });
  await until(
    () => clients.every((client) => {
      const { listed } = client;
      const { users } = followers.get(client);
      return listed?.ref === 'last' && listed.total === names.length
        && listed.members.every(({ userId, profile }) =>
          users.has(userId) && users.get(userId)?.n === profile?.n)
        && users.size === listed.members.length;
    }),
    'everybody to know the truth',
    3000,
  );
  for (const client of clients) client.socket.terminate();
  await Promise.all(reading);
});
