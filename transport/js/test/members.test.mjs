// The list of a room's users: a listing, and what the room tells from then on.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connectedClient, joinedRoom, longestWaits } from './support/fake_websocket.mjs';

const named = (...ids) => ids.map((userId) => ({ userId }));
const idsOf = (members) => members.users.map((u) => u.userId).sort().join('');
const say = (made, fields) => made.sockets.last.say({ roomId: 'lobby', ...fields });

/// Answers the one `presence` that was sent, and returns it.
function answer(made, members, { complete = true, total = members.length } = {}) {
  const { ref, ...asked } = made.sockets.last.takeOne();
  assert.equal(asked.type, 'presence');
  say(made, { type: 'presence', ref, members, total, complete });
  return asked;
}

/// Loses the connection and joins again; `fields` are those of `joined`.
async function rejoin(made, fields = {}) {
  made.sockets.last.end();
  await made.pass(made.client.retryAt - Date.now());
  made.sockets.last.welcome();
  const { ref } = made.sockets.last.takeOne();
  say(made, { type: 'joined', ref, epoch: 'e1', seq: 10, recovered: true, ...fields });
}

/// A client in a room whose list holds these users.
async function following(t, ...ids) {
  const made = await connectedClient(t);
  const room = await joinedRoom(made);
  const { members } = room;
  const started = members.start();
  answer(made, named(...ids));
  await started;
  return { ...made, room, members };
}

describe('the users of a room', () => {
  test('are listed page by page, then followed', async (t) => {
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    const told = [];
    members.on('change', (list) => told.push([idsOf(list), list.total, list.live]));
    const started = members.start();
    assert.equal(members.start(), started);

    const profile = { name: 'Ann' };
    const first = answer(made, [{ userId: 'a', profile, sessions: 2 }, { userId: 'b' }], {
      complete: false, total: 3,
    });
    const second = answer(made, named('c'), { total: 3 });
    assert.equal(await started, members);
    say(made, { type: 'userJoined', userId: 'd', profile });
    say(made, { type: 'userLeft', userId: 'b', reason: 'left' });
    say(made, { type: '$profile', userId: 'c', profile });
    say(made, { type: '$profile', userId: 'a' });

    assert.deepEqual([first, second].map(({ type, ...asked }) => asked), [
      { roomId: 'lobby', limit: 1000 }, { roomId: 'lobby', limit: 1000, after: 'b' },
    ]);
    assert.deepEqual(told, [
      ['ab', 3, false],
      ['abc', 3, true],
      ['abcd', 4, true],
      ['acd', 3, true],
      ['acd', 3, true],
      ['acd', 3, true],
    ]);
    const profiles = ['a', 'b', 'c', 'd'].map((id) => members.get(id)?.profile?.name);
    assert.deepEqual(profiles, [undefined, undefined, 'Ann', 'Ann']);
  });

  test('are those of the room although they come and go during the listing', async (t) => {
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    members.start();
    answer(made, named('a', 'c'), { complete: false });
    say(made, { type: 'userLeft', userId: 'a' }); // listed, then gone
    say(made, { type: 'userJoined', userId: 'b' }); // came where the listing has been
    say(made, { type: 'userJoined', userId: 'e' }); // will be listed
    say(made, { type: 'userJoined', userId: 'f' });
    say(made, { type: 'userLeft', userId: 'f' }); // will not
    answer(made, named('d', 'e'));
    assert.deepEqual([idsOf(members), members.total, members.live], ['bcde', 4, true]);
  });

  test('follow at once what comes right behind the listing', async (t) => {
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    members.start();
    answer(made, named('a', 'b'));
    say(made, { type: 'userLeft', userId: 'a' });
    await made.pass();
    assert.equal(idsOf(members), 'b');
  });

  test('change many at a time', async (t) => {
    const made = await following(t, 'a', 'b', 'c');
    let count = 0;
    made.members.on('change', () => count++);
    say(made, {
      type: '$presence',
      joined: [{ userId: 'd', profile: { n: 1 } }],
      left: [{ userId: 'a', reason: 'left' }, { userId: 'never known', reason: 'left' }],
      changed: [{ userId: 'b', profile: { n: 2 } }],
      total: 3,
    });
    assert.equal(idsOf(made.members), 'bcd');
    assert.deepEqual(['b', 'd'].map((id) => made.members.get(id).profile.n), [2, 1]);
    assert.equal(count, 1);
  });

  describe('that are away', () => {
    const plain = (users) => JSON.parse(JSON.stringify(users));
    const awayOf = ({ members }) => members.users.filter((u) => u.away).map((u) => u.userId).join();

    test('are told by the listing, and then one by one', async (t) => {
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      const { members } = room;
      const heard = [];
      for (const type of ['$away', '$back']) room.on(type, (f) => heard.push([type, f.userId]));
      members.start();
      const profile = { name: 'Ann' };
      answer(made, [{ userId: 'a', profile, away: true }, { userId: 'b', profile }]);
      assert.equal(awayOf({ members }), 'a');
      let count = 0;
      members.on('change', () => count++);
      say(made, { type: '$back', userId: 'a' });
      say(made, { type: '$away', userId: 'b' });
      assert.deepEqual(plain(members.users), [
        { userId: 'a', profile }, { userId: 'b', profile, away: true },
      ]);
      assert.deepEqual([count, members.total], [2, 2]);
      assert.deepEqual(heard, [['$back', 'a'], ['$away', 'b']]);
    });

    test('are still away with another profile', async (t) => {
      const made = await following(t, 'a');
      say(made, { type: '$away', userId: 'a' });
      say(made, { type: '$profile', userId: 'a', profile: { n: 1 } });
      const users = plain(made.members.users);
      assert.deepEqual(users, [{ userId: 'a', profile: { n: 1 }, away: true }]);
    });

    test('are gone once they have left, and here once they have come', async (t) => {
      const made = await following(t, 'a', 'b');
      for (const userId of ['a', 'b']) say(made, { type: '$away', userId });
      say(made, { type: 'userLeft', userId: 'a', reason: 'disconnected' });
      assert.deepEqual([idsOf(made.members), awayOf(made)], ['b', 'b']);
      say(made, { type: 'userJoined', userId: 'b' });
      assert.equal(awayOf(made), '');
    });

    test('are told many at a time, each as it is now', async (t) => {
      const made = await following(t, 'a', 'b');
      const batch = { type: '$presence', left: [], total: 3 };
      say(made, {
        ...batch, joined: [{ userId: 'c', away: true }], changed: [{ userId: 'a', away: true }],
      });
      assert.equal(awayOf(made), 'a,c');
      say(made, { ...batch, joined: [], changed: [{ userId: 'a' }] });
      assert.equal(awayOf(made), 'c');
    });

    test('are in the list although they go while it is made', async (t) => {
      const made = await connectedClient(t);
      const { members } = await joinedRoom(made);
      members.start();
      answer(made, named('a'), { complete: false, total: 3 });
      say(made, { type: '$away', userId: 'a' }); // listed
      say(made, { type: '$away', userId: 'c' }); // will be listed
      answer(made, [{ userId: 'b' }, { userId: 'c', profile: { n: 1 }, away: true }]);
      assert.deepEqual([idsOf(members), awayOf({ members })], ['abc', 'a,c']);
      assert.equal(members.get('c').profile.n, 1);
    });
  });

  test('are listed again after a loss, and shown meanwhile', async (t) => {
    longestWaits(t);
    const made = await following(t, 'a', 'b', 'c');
    assert.equal(made.members.live, true);
    made.sockets.last.end();
    assert.deepEqual([idsOf(made.members), made.members.live], ['abc', false]);
    await rejoin(made);
    answer(made, named('b'), { complete: false, total: 2 });
    assert.deepEqual([idsOf(made.members), made.members.live], ['abc', false]);
    answer(made, named('d'), { total: 2 });
    assert.deepEqual([idsOf(made.members), made.members.live], ['bd', true]);
  });

  test('a listing that the loss has ended is begun again', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    const started = members.start();
    answer(made, named('a'), { complete: false, total: 2 });
    made.sockets.last.take();
    await rejoin(made);
    assert.equal(answer(made, named('b')).after, undefined);
    await started;
    assert.equal(idsOf(members), 'b');
    await made.pass(10_000);
    assert.equal(made.sockets.last.take().filter((c) => c.type === 'presence').length, 0);
  });

  test('are listed once the room is joined', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    const started = room.members.start();
    assert.deepEqual(made.sockets.last.take(), []);
    await joinedRoom(made);
    answer(made, named('a'));
    await started;
    assert.equal(idsOf(room.members), 'a');
  });

  for (const [total, asks] of [[2, false], [3, true]])
    test(`that came with the join ${asks ? 'are the first page' : 'are the list'}`, async (t) => {
      const made = await connectedClient(t);
      const room = made.client.room('lobby');
      const started = room.members.start();
      await joinedRoom(made, 'lobby', { members: named('a', 'b'), total });
      if (asks) assert.equal(answer(made, named('c'), { total }).after, 'b');
      assert.deepEqual(made.sockets.last.take(), []);
      await started;
      assert.equal(room.members.total, total);
    });

  test('are not followed if the server does not list them', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    const started = members.start();
    const { ref } = made.sockets.last.takeOne();
    say(made, { type: 'error', ref, code: 'unsupported', message: '', retryable: false });
    await assert.rejects(started, { code: 'unsupported' });
    await rejoin(made);
    say(made, { type: 'userJoined', userId: 'a' });
    assert.deepEqual([made.sockets.last.take(), idsOf(members)], [[], '']);
  });

  test('are listed later if the server asks for time', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    const started = members.start();
    const { ref } = made.sockets.last.takeOne();
    const when = { retryable: true, retryAfterMs: 7000 };
    say(made, { type: 'error', ref, code: 'rate_limited', message: '', ...when });
    await made.pass(6999);
    assert.deepEqual(made.sockets.last.take(), []);
    await made.pass(1);
    answer(made, named('a'));
    await started;
    assert.equal(members.live, true);
  });

  for (const [what, leave] of [
    ['leaves', (made) => made.room.leave()],
    ['is thrown out', (made) => say(made, { type: 'left', seq: 10, reason: 'kicked' })],
    ['sees the end of the room', (made) => say(made, { type: 'roomClosed', reason: 'ended' })],
    ['leaves without a connection', (made) => {
      made.sockets.last.end();
      made.room.leave();
    }],
  ])
    test(`are gone for who ${what}`, async (t) => {
      const made = await following(t, 'a', 'b');
      let count = 0;
      made.members.on('change', () => count++);
      leave(made);
      say(made, { type: 'userJoined', userId: 'c' });
      const { users, total, live } = made.members;
      assert.deepEqual([users, total, live, count], [[], 0, false, 1]);
    });

  test('are listed anew for who comes back', async (t) => {
    const made = await following(t, 'a', 'b');
    made.room.leave();
    const { ref } = made.sockets.last.takeOne();
    say(made, { type: 'left', ref, seq: 10 });
    await joinedRoom(made);
    answer(made, named('b', 'c'));
    assert.deepEqual([idsOf(made.members), made.members.live], ['bc', true]);
  });

  test('stay as they are once one has stopped, until one starts again', async (t) => {
    const made = await following(t, 'a');
    made.members.stop();
    say(made, { type: 'userJoined', userId: 'b' });
    assert.deepEqual([idsOf(made.members), made.members.live], ['a', false]);
    const started = made.members.start();
    answer(made, named('b'));
    await started;
    assert.deepEqual([idsOf(made.members), made.members.live], ['b', true]);
  });

  test('a start that is stopped before it is done fails', async (t) => {
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    const started = members.start();
    members.stop();
    await assert.rejects(started, { code: 'left' });
    answer(made, named('a'));
    assert.equal(idsOf(members), '');
  });

  for (const joined of [true, false])
    test(`a start fails when the client is closed, joined: ${joined}`, async (t) => {
      const made = await connectedClient(t);
      const room = joined ? await joinedRoom(made) : made.client.room('lobby');
      const started = room.members.start();
      made.client.close();
      await assert.rejects(started, { code: 'closed' });
    });

  test('a handler may stop it', async (t) => {
    const made = await connectedClient(t);
    const { members } = await joinedRoom(made);
    members.on('change', () => members.stop());
    const started = members.start();
    answer(made, named('a'));
    await assert.rejects(started, { code: 'left' });
    assert.deepEqual(made.errors, []);
  });
});

/// Random numbers that are the same in each run.
function randomOf(seed) {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/// A room of a server that tells one client everything in one order, but late.
class ModelRoom {
  users = new Map(); // id -> version of the profile
  away = new Set(); // ids
  line = []; // frames that are on their way
  #changed = new Set(); // users to be told of together
  #gathers;
  #made;

  constructor(made, gathers) {
    this.#made = made;
    this.#gathers = gathers;
  }

  entry(userId) {
    const away = this.away.has(userId) || undefined;
    return { userId, profile: { version: this.users.get(userId) }, away };
  }

  /// A user that is here is away now, or the other way round.
  turn(userId) {
    if (!this.users.has(userId)) return;
    if (!this.away.delete(userId)) this.away.add(userId);
    if (this.#gathers) this.#changed.add(userId);
    else this.line.push({ type: this.away.has(userId) ? '$away' : '$back', userId });
  }

  change(userId, version) {
    const before = this.users.get(userId);
    if (version === undefined) this.away.delete(userId);
    if (version === undefined) this.users.delete(userId);
    else this.users.set(userId, version);
    if (this.#gathers) this.#changed.add(userId);
    else if (version === undefined) this.line.push({ type: 'userLeft', userId });
    else this.line.push({ type: before ? '$profile' : 'userJoined', ...this.entry(userId) });
  }

  tellTogether() {
    const ids = [...this.#changed];
    this.#changed.clear();
    const here = ids.filter((id) => this.users.has(id)).map((id) => this.entry(id));
    const left = ids.filter((id) => !this.users.has(id)).map((userId) => ({ userId }));
    const [joined, changed] = [here.slice(1), here.slice(0, 1)];
    this.line.push({ type: '$presence', joined, left, changed, total: this.users.size });
  }

  /// Answers what the client has asked.
  list(pageSize) {
    for (const { type, ref, after = '' } of this.#made.sockets.last.take()) {
      if (type !== 'presence') continue;
      const behind = [...this.users.keys()].filter((id) => id > after).sort();
      const members = behind.slice(0, pageSize).map((id) => this.entry(id));
      const complete = behind.length <= pageSize;
      this.line.push({ type: 'presence', ref, members, total: this.users.size, complete });
    }
  }

  deliver(count) {
    for (const frame of this.line.splice(0, count)) say(this.#made, frame);
  }
}

test('the list converges, whatever happens in whatever order', async (t) => {
  longestWaits(t);
  const made = await connectedClient(t, { pingAfter: 0 });
  const { members } = await joinedRoom(made);
  for (let seed = 1; seed <= 200; ++seed) {
    const random = randomOf(seed);
    const room = new ModelRoom(made, seed % 2 === 0);
    members.stop();
    members.start();
    for (let step = 0; step < 60; ++step) {
      const userId = 'abcdefgh'[random(8)];
      const what = random(22);
      if (what < 6) room.change(userId, step + 1);
      else if (what < 9 && room.users.has(userId)) room.change(userId);
      else if (what < 12) room.list(1 + random(3));
      else if (what < 14) room.tellTogether();
      else if (what < 19) room.deliver(random(4));
      else if (what < 21) room.turn(userId);
      else {
        room.line = [];
        await rejoin(made);
      }
    }
    for (room.tellTogether(); !members.live || room.line.length > 0; room.deliver(3)) room.list(2);
    const listed = members.users.map((u) => [u.userId, u.profile.version, u.away]).sort();
    const here = [...room.users.keys()].map((id) => room.entry(id));
    const expected = here.map((u) => [u.userId, u.profile.version, u.away]).sort();
    assert.deepEqual(listed, expected, `seed ${seed}`);
    assert.equal(members.total, room.users.size);
  }
});
