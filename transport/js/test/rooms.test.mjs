// Membership in rooms, through all that happens to the connection and the room.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connectedClient, joinedRoom, longestWaits, newClient } from './support/fake_websocket.mjs';

/// Collects all events of a room, as [type, ...the given fields].
function listen(room, ...fields) {
  const told = [];
  room.on('*', (frame) => told.push([frame.type, ...fields.map((f) => frame[f])]));
  return told;
}

/// Loses the connection and gets a new one; returns what is sent on it.
async function reconnect({ sockets, pass }) {
  sockets.last.end();
  await pass(4000);
  sockets.last.welcome();
  return sockets.last.take();
}

describe('joining', () => {
  test('asks with the profile and resolves with the answer', async (t) => {
    const { client, sockets } = await connectedClient(t, { profile: { name: 'Ann' } });
    const room = client.room('lobby');
    assert.equal(client.room('lobby'), room);
    assert.deepEqual([room.id, room.state, room.joined], ['lobby', 'left', false]);

    const answer = room.join();
    assert.equal(room.state, 'joining');
    const sent = sockets.last.takeOne();
    assert.deepEqual(sent, {
      type: 'join', roomId: 'lobby', profile: { name: 'Ann' }, ref: sent.ref,
    });
    sockets.last.say({
      type: 'joined', ref: sent.ref, roomId: 'lobby', userId: 'u1', epoch: 'e', seq: 4,
    });

    assert.equal((await answer).seq, 4);
    assert.deepEqual([room.state, room.joined], ['joined', true]);
    client.room('other').join({ profile: { name: 'Bob' } });
    assert.equal(sockets.last.takeOne().profile.name, 'Bob');
  });

  test('waits for the connection', async (t) => {
    const { client, sockets, pass } = newClient(t);
    const answer = client.room('lobby').join();
    await pass(9000);
    sockets.last.welcome();
    const { ref } = sockets.last.takeOne();
    sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e', seq: 0 });
    assert.equal((await answer).type, 'joined');
  });

  for (const profile of [null, undefined, () => null, () => undefined])
    test(`without a profile (${profile}) names none`, async (t) => {
      const { client, sockets } = await connectedClient(t, { profile });
      client.room('lobby').join();
      assert.deepEqual(Object.keys(sockets.last.takeOne()).sort(), ['ref', 'roomId', 'type']);
    });

  test('asks a function for the profile each time', async (t) => {
    longestWaits(t);
    let name = 'Ann';
    const made = await connectedClient(t, { profile: () => ({ name }) });
    await joinedRoom(made);
    name = 'Anna';
    assert.equal((await reconnect(made))[0].profile.name, 'Anna');

    const failing = made.client.room('other').join({
      profile: () => {
        throw new Error('mine');
      },
    });
    await assert.rejects(failing, { message: 'mine' });
    assert.equal(made.client.room('other').state, 'left');
  });

  test('goes on through a loss in its midst', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const answer = made.client.room('lobby').join();
    made.sockets.last.take();
    const [{ ref, type }] = await reconnect(made);
    assert.equal(type, 'join');
    made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e', seq: 0 });
    assert.equal((await answer).ref, ref);
  });

  test('that takes too long fails, and is still asked for', async (t) => {
    const made = newClient(t, { queueTimeout: 3000 });
    const answer = made.client.room('lobby').join();
    await made.pass(3000);
    await assert.rejects(answer, { code: 'timeout', roomId: 'lobby' });
    made.sockets.last.welcome();
    assert.equal(made.sockets.last.takeOne().type, 'join');
  });

  test('that nobody answers is asked for again', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t, { pingAfter: 0 });
    const answer = client.room('lobby').join();
    sockets.last.take();
    await pass(10_000);
    await assert.rejects(answer, { code: 'timeout' });
    await pass(6000);
    assert.equal(sockets.last.takeOne().type, 'join');
  });

  test('that comes too fast is asked for again, when the server says', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t);
    const answer = client.room('lobby').join();
    const { ref } = sockets.last.takeOne();
    sockets.last.say({
      type: 'error',
      ref,
      request: 'join',
      roomId: 'lobby',
      code: 'rate_limited',
      message: '',
      retryable: true,
      retryAfterMs: 7000,
    });
    await pass(7000);
    const again = sockets.last.takeOne();
    sockets.last.say({ type: 'joined', ref: again.ref, roomId: 'lobby', epoch: 'e', seq: 0 });
    assert.equal((await answer).ref, again.ref);
  });

  for (const retryable of [false, true])
    test(`that is refused, ${retryable ? '' : 'not '}retryable, ` +
      'is not asked for again', async (t) => {
      const made = await connectedClient(t);
      const room = made.client.room('lobby');
      const told = listen(room);
      const answer = room.join();
      const { ref } = made.sockets.last.takeOne();
      made.sockets.last.say({
        type: 'error',
        ref,
        request: 'join',
        roomId: 'lobby',
        code: 'room_full',
        message: 'Full.',
        retryable,
      });
      await assert.rejects(answer, { code: 'room_full', retryable });
      assert.equal(room.state, 'left');
      assert.deepEqual(await reconnect(made), []);
      assert.deepEqual(told, []);
    });

  test('a second time that is refused leaves the first', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.join({ profile: { name: '' } });
    const sent = made.sockets.last.takeOne();
    assert.equal('since' in sent, false);
    made.sockets.last.say({
      type: 'error',
      ref: sent.ref,
      roomId: 'lobby',
      code: 'bad_request',
      message: '',
      retryable: false,
    });
    await assert.rejects(answer, { code: 'bad_request' });
    assert.equal(room.state, 'joined');
  });

  test('that the client has asked for opens no room', async (t) => {
    const made = await connectedClient(t);
    const opened = [];
    made.client.on('room', ({ id }) => opened.push(id));
    await joinedRoom(made);
    assert.deepEqual(opened, []);
  });

  test('by the server itself opens the room', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const opened = [];
    let told;
    made.client.on('room', (room) => {
      opened.push(room.id);
      told = listen(room);
    });
    made.sockets.last.say({ type: 'joined', roomId: 'home', userId: 'u1', epoch: 'e', seq: 3 });
    made.sockets.last.say({ type: 'message', roomId: 'home', seq: 4, text: 'x' });

    assert.deepEqual(opened, ['home']);
    assert.deepEqual(told, [['joined'], ['message']]);
    assert.deepEqual(made.client.rooms.map((r) => [r.id, r.joined]), [['home', true]]);
    assert.deepEqual((await reconnect(made)).map((c) => c.roomId), ['home']);
  });
});

describe('after a loss', () => {
  test('every room is joined again from where it was', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const [one, two] = [
      await joinedRoom(made, 'one'), await joinedRoom(made, 'two', { epoch: 'e2', seq: 5 }),
    ];
    made.sockets.last.say({ type: 'message', roomId: 'one', seq: 17, text: '' });
    made.sockets.last.end();
    assert.deepEqual([one.state, two.state], ['joining', 'joining']);
    await made.pass(4000);
    made.sockets.last.welcome();

    const sent = made.sockets.last.take();
    assert.deepEqual(sent.map(({ ref, ...rest }) => rest), [
      { type: 'join', roomId: 'one', since: { epoch: 'e1', seq: 17, clientId: 'c1' } },
      { type: 'join', roomId: 'two', since: { epoch: 'e2', seq: 5, clientId: 'c1' } },
    ]);
  });

  for (const [what, answer, recovered] of [
    ['a new epoch is a gap', { epoch: 'e9', seq: 2, recovered: false }, false],
    ['a later place is a gap', { epoch: 'e1', seq: 11, recovered: false }, false],
    ['the same place is none', { epoch: 'e1', seq: 10, recovered: false }, true],
    ['recovered is none', { epoch: 'e1', seq: 13, recovered: true }, true],
  ])
    test(what, async (t) => {
      longestWaits(t);
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      const told = [];
      room.on('*', (event) => told.push({ ...event }));
      const [{ ref }] = await reconnect(made);
      made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', userId: 'u1', ...answer });
      const { epoch, seq } = answer;
      const rest = { roomId: 'lobby', since: { epoch: 'e1', seq: 10 }, epoch, seq };
      const [joined, ...others] = told;
      assert.equal(joined.type, 'joined');
      assert.deepEqual(others, [
        { type: 'rejoined', recovered, ...rest },
        ...(recovered ? [] : [{ type: 'gap', ...rest }]),
      ]);
    });

  test('the position is that of the connection on which it was seen', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    await joinedRoom(made);
    const again = async (clientId, answer) => {
      made.sockets.last.end();
      await made.pass(made.client.retryAt - Date.now());
      made.sockets.last.welcome({ clientId });
      const { ref, since } = made.sockets.last.takeOne();
      made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e1', ...answer });
      return since;
    };
    // What c1 may have said last, without echo, is in what c2 has missed.
    assert.equal((await again('c2', { seq: 12, recovered: true })).clientId, 'c1');
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 11 });
    const second = await again('c3', { seq: 12, recovered: true });
    assert.deepEqual(second, { epoch: 'e1', seq: 11, clientId: 'c1' });
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 12 });
    assert.equal((await again('c4', { seq: 12, recovered: true })).clientId, 'c3');
    const fourth = await again('c5', { epoch: 'e2', seq: 0, recovered: false });
    assert.deepEqual(fourth, { epoch: 'e1', seq: 12, clientId: 'c4' });
    const fifth = await again('c6', { epoch: 'e2', seq: 5, recovered: true });
    assert.deepEqual(fifth, { epoch: 'e2', seq: 0, clientId: 'c5' });
    made.sockets.last.say({ type: 'epoch', roomId: 'lobby', epoch: 'e3', seq: 1 });
    const sixth = await again('c7', { epoch: 'e3', seq: 1, recovered: true });
    assert.deepEqual(sixth, { epoch: 'e3', seq: 1, clientId: 'c6' });
  });

  test('what was missed comes once, whatever comes twice', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq');
    const say = (seq, type = 'message') => made.sockets.last.say({ type, roomId: 'lobby', seq });
    say(11);
    const [{ ref, since }] = await reconnect(made);
    assert.deepEqual(since, { epoch: 'e1', seq: 11, clientId: 'c1' });

    made.sockets.last.say({
      type: 'joined', ref, roomId: 'lobby', epoch: 'e1', seq: 14, recovered: true,
    });
    for (const seq of [11, 12, 13, 13, 12, 14, 15]) say(seq);
    say(15, 'chat');
    made.sockets.last.say({ type: 'typing', roomId: 'lobby' });
    made.sockets.last.say({ type: 'typing', roomId: 'lobby' });

    const once = [12, 13, 14, 15].map((seq) => ['message', seq]);
    assert.deepEqual(told, [
      ['message', 11],
      ['joined', 14],
      ['rejoined', 14],
      ...once,
      ['typing', undefined],
      ['typing', undefined],
    ]);
  });

  test('one\'s own messages without echo count as seen', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.send('x', { echo: false });
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby', seq: 12 });
    const [{ since }] = await reconnect(made);
    assert.equal(since.seq, 12);
  });

  test('a new epoch begins anew', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq');
    made.sockets.last.say({ type: 'epoch', roomId: 'lobby', epoch: 'e2', seq: 0 });
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 1 });
    assert.deepEqual(told, [['epoch', 0], ['message', 1]]);
  });

  test('a second joined says where live goes on', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq');
    made.sockets.last.say({
      type: 'joined', roomId: 'lobby', epoch: 'e1', seq: 50, recovered: false,
    });
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 51 });
    assert.deepEqual(told, [
      ['joined', 50], ['rejoined', 50], ['gap', 50], ['message', 51],
    ]);
  });

  test('the gap of a room in which the server has put us first is told', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq');
    const [{ ref }] = await reconnect(made);
    made.sockets.last.say({ type: 'joined', roomId: 'lobby', epoch: 'e2', seq: 3 });
    made.sockets.last.say({
      type: 'joined', ref, roomId: 'lobby', epoch: 'e2', seq: 3, recovered: false,
    });
    assert.deepEqual(told, [['joined', 3], ['joined', 3], ['rejoined', 3], ['gap', 3]]);
  });

  test('a refusal that may pass is tried again, when the server says', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const [{ ref }] = await reconnect(made);
    made.sockets.last.say({
      type: 'error',
      ref,
      roomId: 'lobby',
      code: 'overloaded',
      message: '',
      retryable: true,
      retryAfterMs: 9000,
    });
    assert.equal(room.state, 'joining');
    await made.pass(8999);
    assert.deepEqual(made.sockets.last.take(), []);
    await made.pass(1);
    assert.deepEqual(made.sockets.last.takeOne().since, { epoch: 'e1', seq: 10, clientId: 'c1' });
  });

  test('a refusal for good ends it', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'reason', 'code');
    const [{ ref }] = await reconnect(made);
    made.sockets.last.say({
      type: 'error', ref, roomId: 'lobby', code: 'forbidden', message: 'No.', retryable: false,
    });
    assert.deepEqual(told, [['left', 'refused', 'forbidden']]);
    assert.equal(room.state, 'left');
    assert.deepEqual(await reconnect(made), []);
  });

  test('a stopped client keeps its rooms in mind', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.end(1008, 'token_expired');
    assert.equal(made.client.state, 'stopped');
    made.client.connect();
    made.sockets.last.welcome();
    assert.equal(made.sockets.last.takeOne().type, 'join');
    made.client.close();
    assert.equal(room.state, 'left');
  });
});

describe('who is in the room', () => {
  const page = (made, complete, ...ids) => {
    const { ref, ...asked } = made.sockets.last.takeOne();
    const members = ids.map((userId) => ({ userId }));
    made.sockets.last.say({
      type: 'presence', ref, roomId: 'lobby', members, total: 3, complete,
    });
    return asked;
  };

  test('is asked for page by page', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const first = room.presence();
    assert.deepEqual(page(made, false, 'a', 'b'), { type: 'presence', roomId: 'lobby' });
    assert.deepEqual((await first).members.map((u) => u.userId), ['a', 'b']);
    const second = room.presence({ after: 'b', limit: 2 });
    assert.deepEqual(page(made, true, 'c'), {
      type: 'presence', roomId: 'lobby', after: 'b', limit: 2,
    });
    const { total, complete } = await second;
    assert.deepEqual([total, complete], [3, true]);
  });

  test('is iterated over', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const seen = [];
    const all = (async () => {
      for await (const { userId } of room.users({ limit: 2 })) seen.push(userId);
    })();
    await made.pass();
    const asked = [page(made, false, 'a', 'b')];
    await made.pass();
    asked.push(page(made, true, 'c'));
    await all;
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.deepEqual(asked.map(({ after, limit }) => [after, limit]), [[undefined, 2], ['b', 2]]);
  });

  test('ends with an error of the server, and with an empty page', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const refused = room.users().next();
    await made.pass();
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'error', ref, code: 'unsupported', message: '' });
    await assert.rejects(refused, { code: 'unsupported' });
    const empty = room.users().next();
    await made.pass();
    page(made, false);
    assert.equal((await empty).done, true);
  });
});

describe('another profile', () => {
  const told = (made) => {
    const { ref, ...command } = made.sockets.last.takeOne();
    return { ref, command };
  };

  test('is told to the room, and in later joins', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t, { profile: { name: 'Ann' } });
    const room = await joinedRoom(made);
    const sending = room.setProfile({ name: 'Bea' });
    const { ref, command } = told(made);
    assert.deepEqual(command, { type: '$profile', roomId: 'lobby', profile: { name: 'Bea' } });
    made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby', seq: 10 });
    await sending;
    assert.equal((await reconnect(made))[0].profile.name, 'Bea');
  });

  test('is told again with the join if its answer was lost', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t, { profile: { name: 'Ann' } });
    const room = await joinedRoom(made);
    room.setProfile({ name: 'Bea' });
    assert.equal((await reconnect(made))[0].profile.name, 'Bea');
  });

  test('that is refused is told no more', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t, { profile: { name: 'Ann' } });
    const room = await joinedRoom(made);
    const sending = room.setProfile({ name: 'Bea' });
    made.sockets.last.say({ type: 'error', ref: told(made).ref, code: 'unsupported', message: '' });
    await assert.rejects(sending, { code: 'unsupported' });
    assert.equal((await reconnect(made))[0].profile.name, 'Ann');
  });

  test('shows in the list of users, which nobody tells us', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.members.start();
    const { ref } = told(made);
    const members = [{ userId: 'u1', profile: { name: 'Ann' } }];
    made.sockets.last.say({
      type: 'presence', ref, roomId: 'lobby', members, total: 1, complete: true,
    });
    room.setProfile({ name: 'Bea' });
    assert.equal(room.members.get('u1').profile.name, 'Ann');
    made.sockets.last.say({ type: 'ack', ref: told(made).ref, roomId: 'lobby', seq: 10 });
    assert.equal(room.members.get('u1').profile.name, 'Bea');
  });
});

describe('what was said', () => {
  test('is asked for page by page', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    for (const where of [{}, { after: 3 }, { before: 9, limit: 2 }]) {
      const answer = room.history(where);
      const { ref, ...asked } = made.sockets.last.takeOne();
      assert.deepEqual(asked, { type: 'history', roomId: 'lobby', ...where });
      const data = { $bin: '/wA=' };
      const messages = [{ type: 'binary', roomId: 'lobby', userId: 'u', seq: 4, data }];
      made.sockets.last.say({
        type: 'history', ref, roomId: 'lobby', epoch: 'e1', messages, complete: true,
      });
      const [message] = (await answer).messages;
      assert.deepEqual(message.data, new Uint8Array([255, 0]));
    }
  });

  test('and comes so again does not move the position', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.history({ timeout: 100 });
    const { ref } = made.sockets.last.takeOne();
    const messages = [{ type: 'message', roomId: 'lobby', seq: 99 }];
    made.sockets.last.say({ type: 'history', ref, roomId: 'lobby', epoch: 'e1', messages });
    assert.equal((await reconnect(made))[0].since.seq, 10);
  });
});

describe('leaving', () => {
  test('resolves with the place, and the frames up to it come', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room);
    const answer = room.leave();
    assert.equal(room.state, 'leaving');
    const { ref, type } = made.sockets.last.takeOne();
    assert.equal(type, 'leave');
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 11 });
    made.sockets.last.say({ type: 'left', ref, roomId: 'lobby', seq: 11 });
    assert.equal((await answer).seq, 11);
    assert.equal(room.state, 'left');
    assert.deepEqual(told, [['message'], ['left']]);
    assert.deepEqual(await reconnect(made), []);
  });

  test('without a connection is done at once', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.end();
    assert.deepEqual(await room.leave(), { type: 'left', roomId: 'lobby' });
    assert.equal(room.state, 'left');
  });

  test('that the connection does not survive is done, too', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.leave();
    made.sockets.last.end();
    assert.equal((await answer).type, 'left');
    assert.equal(room.state, 'left');
  });

  test('in the midst of joining ends the join', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    const told = listen(room);
    const [joining, leaving] = [room.join(), room.leave()];
    await assert.rejects(joining, { code: 'left' });
    const [join, leave] = made.sockets.last.take();
    made.sockets.last.say({ type: 'joined', ref: join.ref, roomId: 'lobby', epoch: 'e', seq: 0 });
    made.sockets.last.say({ type: 'left', ref: leave.ref, roomId: 'lobby', seq: 0 });
    await leaving;
    assert.equal(room.state, 'left');
    assert.deepEqual(told, [['left']]);
  });

  test('and joining again at once ends up inside, with nothing missed', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room);
    const [leaving, joining] = [room.leave(), room.join()];
    const [leave, join] = made.sockets.last.take();
    assert.equal('since' in join, false);
    made.sockets.last.say({ type: 'left', ref: leave.ref, roomId: 'lobby', seq: 12 });
    assert.equal(room.state, 'joining');
    made.sockets.last.say({ type: 'joined', ref: join.ref, roomId: 'lobby', epoch: 'e1', seq: 12 });
    await Promise.all([leaving, joining]);
    assert.equal(room.state, 'joined');
    assert.deepEqual(told, [['left'], ['joined']]);
  });

  test('a room that one is not in any more is no error', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.leave();
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({
      type: 'error', ref, roomId: 'lobby', code: 'not_joined', message: '', retryable: false,
    });
    assert.equal((await answer).type, 'left');
  });

  test('forget lets the room go', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const gone = made.client.forget('lobby');
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'left', ref, roomId: 'lobby', seq: 10 });
    await gone;
    assert.deepEqual(made.client.rooms, []);
    assert.notEqual(made.client.room('lobby'), room);
    await made.client.forget('never known');
  });
});

describe('what happens to a room', () => {
  test('a kick ends it', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'reason', 'message');
    made.sockets.last.say({
      type: 'left', roomId: 'lobby', seq: 11, reason: 'kicked', message: 'be nice',
    });
    assert.deepEqual(told, [['left', 'kicked', 'be nice']]);
    assert.equal(room.state, 'left');
    assert.deepEqual(await reconnect(made), []);
  });

  test('a fresh token that does not open it ends it', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'reason');
    made.sockets.last.say({ type: 'left', roomId: 'lobby', seq: 11, reason: 'forbidden' });
    assert.deepEqual(told, [['left', 'forbidden']]);
    assert.equal(room.state, 'left');
    assert.deepEqual(await reconnect(made), []);
  });

  test('whom a fresh token has put out is refused if it asks again', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    const told = listen(room, 'reason');
    const joining = room.join();
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', roomId: 'lobby', epoch: 'e1', seq: 10, ref });
    made.sockets.last.say({ type: 'left', roomId: 'lobby', seq: 10, reason: 'forbidden' });
    await joining;
    const again = room.join();
    const second = made.sockets.last.takeOne();
    made.sockets.last.say({
      type: 'error',
      ref: second.ref,
      roomId: 'lobby',
      code: 'forbidden',
      message: 'No.',
      retryable: false,
    });
    await assert.rejects(again, { code: 'forbidden' });
    assert.deepEqual(told, [['joined', undefined], ['left', 'forbidden']]);
    assert.equal(room.state, 'left');
  });

  test('others whom a fresh token puts out are told as such', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'userId', 'reason');
    made.sockets.last.say({ type: 'userLeft', roomId: 'lobby', userId: 'u2', reason: 'forbidden' });
    assert.deepEqual(told, [['userLeft', 'u2', 'forbidden']]);
    assert.equal(room.state, 'joined');
  });

  for (const reason of ['crashed', 'overloaded'])
    test(`a room that ${reason} is joined again after a while`, async (t) => {
      longestWaits(t);
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      const told = listen(room, 'reason');
      made.sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason });
      assert.equal(room.state, 'joining');
      await made.pass(6000);
      const { ref, since } = made.sockets.last.takeOne();
      assert.deepEqual(since, { epoch: 'e1', seq: 10, clientId: 'c1' });
      made.sockets.last.say({
        type: 'joined', ref, roomId: 'lobby', epoch: 'e2', seq: 0, recovered: false,
      });
      assert.deepEqual(
        told.map(([type]) => type),
        ['roomClosed', 'joined', 'rejoined', 'gap'],
      );
    });

  test('a room that ended is not', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason: 'ended' });
    assert.equal(room.state, 'left');
    await made.pass(60_000);
    assert.deepEqual(made.sockets.last.take().filter((c) => c.type === 'join'), []);
  });

  test('every frame reaches its handlers, the room\'s, and those of all frames', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const heard = [];
    const off = room.on('chat', ({ message }) => heard.push(message));
    const all = [];
    made.client.on('frame', ({ type }) => all.push(type));
    made.client.on('direct', ({ text }) => heard.push(text));
    const say = (frame) => made.sockets.last.say(frame);

    say({ type: 'chat', roomId: 'lobby', seq: 11, message: 'one' });
    say({ type: 'chat', roomId: 'elsewhere', seq: 1, message: 'nobody' });
    off();
    say({ type: 'chat', roomId: 'lobby', seq: 12, message: 'two' });
    say({ type: 'direct', userId: 'u2', text: 'psst' });

    assert.deepEqual(heard, ['one', 'psst']);
    assert.deepEqual(all, ['chat', 'chat', 'chat', 'direct']);
  });

  test('bytes come as one frame', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const heard = [];
    room.on('binary', (frame) => heard.push(frame));
    made.sockets.last.say({ type: 'binary', roomId: 'lobby', userId: 'u2', seq: 11, bytes: 3 });
    made.sockets.last.say(new Uint8Array([0, 1, 255]).buffer);
    assert.deepEqual(
      { ...heard[0] },
      { type: 'binary', roomId: 'lobby', userId: 'u2', seq: 11, data: new Uint8Array([0, 1, 255]) },
    );
  });

  test('a handler that throws disturbs nobody', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const reported = [];
    globalThis.reportError = (error) => reported.push(error.message);
    t.after(() => delete globalThis.reportError);
    room.on('message', () => {
      throw new Error('mine');
    });
    const told = listen(room);
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 11 });
    assert.deepEqual([told, reported], [[['message']], ['mine']]);
    assert.equal(made.client.state, 'connected');
  });
});
