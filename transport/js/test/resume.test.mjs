// The session that goes on after a loss of the connection.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  connectedClient, joinedRoom, longestWaits, newClient, settled,
} from './support/fake_websocket.mjs';
import {
  keptClient, lose, place, reconnect, refused, resumed, session, welcomeAgain, withoutRef,
} from './support/session.mjs';

/// Collects all events of a room, as [type, ...the given fields].
function listen(room, ...fields) {
  const told = [];
  room.on('*', (frame) => told.push([frame.type, ...fields.map((f) => frame[f])]));
  return told;
}

describe('after a loss a session', () => {
  test('is resumed from where each joined room was', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made, 'one');
    await joinedRoom(made, 'two', { epoch: 'e2', seq: 5 });
    made.sockets.last.say({ type: 'message', roomId: 'one', seq: 17, text: '' });

    const { ref, ...command } = await reconnect(made);

    assert.deepEqual(command, {
      type: 'resume',
      resume: 'r1',
      rooms: [{ roomId: 'one', epoch: 'e1', seq: 17 }, { roomId: 'two', epoch: 'e2', seq: 5 }],
      direct: 0,
    });
  });

  test('is announced by a subprotocol, so that a lobby waits for it', async (t) => {
    const made = await keptClient(t);
    assert.deepEqual(made.sockets.last.protocols, ['troupe.v1.json']);

    await reconnect(made);

    assert.deepEqual(made.sockets.last.protocols, ['troupe.v1.json', 'troupe.resume']);
  });

  test('without rooms is resumed, too', async (t) => {
    const made = await keptClient(t);
    const { type, rooms } = await reconnect(made);
    assert.deepEqual([type, rooms], ['resume', []]);
  });

  test('goes on: its rooms are joined without a join, and what was missed follows', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq', 'recovered');
    const command = await reconnect(made);
    assert.equal(room.state, 'joining');

    resumed(made, command, [place('lobby', { seq: 12 })]);
    for (const seq of [10, 11, 12, 12, 13])
      made.sockets.last.say({ type: 'message', roomId: 'lobby', seq });

    assert.equal(room.state, 'joined');
    assert.deepEqual(told, [
      ['joined', 12, true],
      ['rejoined', 12, true],
      ['message', 11, undefined],
      ['message', 12, undefined],
      ['message', 13, undefined],
    ]);
    assert.deepEqual(made.sockets.last.take(), []);
    const { rooms } = await reconnect(made, 3);
    assert.deepEqual(rooms, [{ roomId: 'lobby', epoch: 'e1', seq: 13 }]);
  });

  test('tells a gap if something of a room may be missing', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const told = [];
    room.on('rejoined', (frame) => told.push(frame));
    room.on('gap', (frame) => told.push(frame));
    const command = await reconnect(made);
    resumed(made, command, [place('lobby', { epoch: 'e2', seq: 3, recovered: false })]);
    const fields = { roomId: 'lobby', since: { epoch: 'e1', seq: 10 }, epoch: 'e2', seq: 3 };
    assert.deepEqual(told, [
      { type: 'rejoined', recovered: false, ...fields }, { type: 'gap', ...fields },
    ]);
    const { rooms } = await reconnect(made, 3);
    assert.deepEqual(rooms, [{ roomId: 'lobby', epoch: 'e2', seq: 3 }]);
  });

  test('keeps its user and client, and its next string replaces the former', async (t) => {
    const made = await keptClient(t);
    const { client } = made;
    const heard = [];
    client.on('resumed', (frame) => heard.push([frame.resume, client.clientId]));
    const command = await reconnect(made, 2, { userId: 'u2', limits: { maxRooms: 7 } });
    assert.deepEqual([client.userId, client.clientId], ['u1', 'c1']);

    resumed(made, command, []);

    assert.deepEqual(heard, [['r9', 'c1']]);
    assert.deepEqual([client.userId, client.clientId], ['u1', 'c1']);
    const { clientId, resume, limits } = await client.ready;
    assert.deepEqual([clientId, resume, limits.maxRooms], ['c1', 'r9', 7]);
    assert.equal((await reconnect(made, 3)).resume, 'r9');
  });

  test('tells its handlers once the rooms are joined', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const states = [];
    made.client.on('resumed', () => states.push(room.state));
    resumed(made, await reconnect(made), [place('lobby')]);
    assert.deepEqual(states, ['joined']);
  });

  test('is ready once it is known whether it goes on', async (t) => {
    const made = await keptClient(t);
    const command = await reconnect(made);
    let isReady = false;
    made.client.ready.then(() => (isReady = true));
    await made.pass();
    assert.equal(isReady, false);
    resumed(made, command, []);
    await made.pass();
    assert.equal(isReady, true);
  });

  test('that is lost before the answer leaves one promise of being ready', async (t) => {
    const made = await keptClient(t);
    await reconnect(made);
    const { ready } = made.client;
    resumed(made, await reconnect(made, 3), []);
    assert.equal((await ready).clientId, 'c1');
  });

  test('lists the users of a room again where the client keeps them', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    room.members.start();
    const answer = (...ids) => {
      const { ref, type } = made.sockets.last.takeOne();
      assert.equal(type, 'presence');
      const members = ids.map((userId) => ({ userId }));
      const rest = { members, total: ids.length, complete: true };
      made.sockets.last.say({ type: 'presence', ref, roomId: 'lobby', ...rest });
    };
    answer('a', 'b');
    resumed(made, await reconnect(made), [place('lobby')]);
    assert.equal(room.members.live, false);
    answer('b', 'c');
    assert.equal(room.members.live, true);
    assert.deepEqual(room.members.users.map((u) => u.userId).sort(), ['b', 'c']);
  });
});

describe('while the answer to resume is awaited', () => {
  test('nothing but pings is sent, and the rest follows in order', async (t) => {
    const made = await keptClient(t);
    const { client, sockets } = made;
    const room = await joinedRoom(made);
    await lose(made);
    const before = room.send('before');
    await welcomeAgain(made);
    const command = sockets.last.takeOne();
    room.send('meanwhile');
    client.request({ type: 'direct', to: 'u2', text: 'x' });
    assert.equal(client.room('never joined').notify('typing'), false);
    client.room('other').join();
    assert.deepEqual(sockets.last.take(), []);
    client.ping();
    assert.deepEqual(withoutRef(sockets.last.take()), [{ type: 'ping' }]);

    resumed(made, command, [place('lobby')]);

    assert.equal(before.state, 'sent');
    assert.deepEqual(
      sockets.last.take().map(({ type, text, roomId }) => [type, text ?? roomId]),
      [['join', 'other'], ['direct', 'x'], ['message', 'before'], ['message', 'meanwhile']],
    );
  });

  test('a silent server is pinged and given up, and asked again for the same', async (t) => {
    const made = await keptClient(t);
    await reconnect(made);
    await made.pass(3000);
    assert.deepEqual(made.sockets.last.take(), [{ type: 'ping' }]);
    await made.pass(3000);
    assert.equal(made.client.state, 'reconnecting');
    await welcomeAgain(made, 3);
    assert.equal(made.sockets.last.takeOne().resume, 'r1');
  });

  test('a server that answers only pings is given up', async (t) => {
    const made = await keptClient(t, { timeout: 4000 });
    await reconnect(made);
    await made.pass(3000);
    made.sockets.last.say({ type: 'pong' });
    await made.pass(1000);
    assert.equal(made.client.state, 'reconnecting');
    assert.match(made.client.error.message, /no answer to resume in time/);
    await welcomeAgain(made, 3);
    assert.equal(made.sockets.last.takeOne().resume, 'r1');
  });

  test('a frame of a room moves no position, and comes when it comes again', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const told = listen(room, 'seq');
    const command = await reconnect(made);
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 15 });
    made.sockets.last.say({ type: 'joined', roomId: 'lobby', epoch: 'e1', seq: 15 });
    assert.deepEqual(told, []);
    resumed(made, command, [place('lobby', { seq: 15 })]);
    for (let seq = 11; seq <= 15; ++seq)
      made.sockets.last.say({ type: 'message', roomId: 'lobby', seq });
    assert.deepEqual(told.slice(2), [11, 12, 13, 14, 15].map((seq) => ['message', seq]));
  });

  test('a room into which the server puts the new session counts if there is one', async (t) => {
    const made = await keptClient(t);
    const opened = [];
    made.client.on('room', ({ id }) => opened.push(id));
    for (const goesOn of [true, false]) {
      const command = await reconnect(made);
      made.sockets.last.say({ type: 'joined', roomId: 'home', epoch: 'e', seq: 3 });
      assert.deepEqual(opened, []);
      if (goesOn) resumed(made, command, []);
      else refused(made, command, 'session_gone');
    }
    assert.deepEqual(opened, ['home']);
    assert.equal(made.client.room('home').state, 'joined');
  });

  test('a close of the client is a close', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    await reconnect(made);
    const [socket] = made.sockets.made.slice(-1);
    const { ready } = made.client;
    made.client.close();
    assert.equal(socket.closedWith.code, 1000);
    assert.equal(room.state, 'left');
    await assert.rejects(ready, { code: 'closed' });
  });
});

describe('a second loss before resumed', () => {
  test('tries the former string and positions again, not those of the welcome', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    const first = await reconnect(made, 2);
    const second = await reconnect(made, 3);
    assert.equal(second.resume, 'r1');
    assert.deepEqual(second.rooms, first.rooms);
    resumed(made, second, [place('lobby')]);
    assert.equal(made.client.room('lobby').state, 'joined');
  });

  test('does not lengthen the time that the session has', async (t) => {
    const made = await keptClient(t, { reconnectInterval: 10_000, maxReconnectInterval: 10_000 });
    await joinedRoom(made);
    for (const n of [2, 3]) assert.equal((await reconnect(made, n)).type, 'resume');
    assert.equal((await reconnect(made, 4)).type, 'join');
  });
});

describe('a session is not resumed', () => {
  test('once its time since the loss is over', async (t) => {
    for (const [ms, type] of [[29_999, 'resume'], [30_000, 'join']])
      await t.test(`${ms} ms: ${type}`, async (t) => {
        const made = await keptClient(t, { reconnectInterval: ms, maxReconnectInterval: ms });
        await joinedRoom(made);
        await made.pass(60_000);
        made.sockets.last.say({ type: 'pong' });
        assert.equal((await reconnect(made)).type, type);
      });
  });

  test('of a server that keeps none', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    await joinedRoom(made);
    made.sockets.last.end();
    await made.pass(500);
    made.sockets.last.welcome({ clientId: 'c2' });
    const { type, since } = made.sockets.last.takeOne();
    assert.deepEqual([type, since], ['join', { epoch: 'e1', seq: 10, clientId: 'c1' }]);
  });

  test('at a server that keeps none any more', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    const { type } = await reconnect(made, 2, { resume: undefined, resumeMs: undefined });
    assert.equal(type, 'join');
  });

  for (const code of ['session_gone', 'identity_mismatch', 'unsupported', 'bad_request'])
    test(`after ${code}: the rooms are joined with since, and a new session begins`, async (t) => {
      const made = await keptClient(t);
      const room = await joinedRoom(made);
      const heard = [];
      made.client.on('resumed', () => heard.push('resumed'));
      await lose(made);
      const sending = room.send('queued');
      await welcomeAgain(made, 2, { userId: 'u2' });
      refused(made, made.sockets.last.takeOne(), code);

      const { ref, ...join } = made.sockets.last.takeOne();
      assert.deepEqual(join, {
        type: 'join', roomId: 'lobby', since: { epoch: 'e1', seq: 10, clientId: 'c1' },
      });
      assert.deepEqual([made.client.userId, made.client.clientId], ['u2', 'c2']);
      made.sockets.last.say({ type: 'joined', ...place('lobby', { seq: 11 }), ref });
      assert.equal(sending.state, 'sent');
      assert.deepEqual([made.client.state, heard, made.errors], ['connected', [], []]);
      made.sockets.last.take();
      made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 11 });
      const next = await reconnect(made, 3);
      assert.deepEqual([next.resume, next.rooms[0].seq], ['r2', 11]);
    });

  test('after a close of the client', async (t) => {
    const made = await keptClient(t);
    made.client.close();
    made.client.connect();
    made.sockets.last.welcome(session(2));
    assert.deepEqual(made.sockets.last.take(), []);
    assert.equal(made.client.clientId, 'c2');
  });
});

describe('rooms of a resumed session', () => {
  const error = (code) => ({ code, roomId: 'lobby' });

  for (const code of ['forbidden', 'not_joined'])
    test(`that are lost (${code}) end as a refused join does`, async (t) => {
      const made = await keptClient(t);
      const room = await joinedRoom(made);
      const told = listen(room, 'reason', 'code');
      await lose(made);
      const joining = room.join();
      const sending = room.send('x');
      await welcomeAgain(made);
      resumed(made, made.sockets.last.takeOne(), [], { lost: [{ roomId: 'lobby', code }] });
      assert.deepEqual(told, [['left', 'refused', code]]);
      assert.equal(room.state, 'left');
      await assert.rejects(joining, error(code));
      await assert.rejects(sending, error(code));
      assert.deepEqual((await reconnect(made, 3)).rooms, []);
    });

  test('that are lost for a reason that may pass are joined after a while', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const lost = [{ roomId: 'lobby', code: 'room_full' }];
    resumed(made, await reconnect(made), [], { lost });
    assert.equal(room.state, 'joining');
    await made.pass(6000);
    const { type, since } = made.sockets.last.takeOne();
    assert.deepEqual([type, since], ['join', { epoch: 'e1', seq: 10, clientId: 'c1' }]);
  });

  test('that were left without a connection are left behind resumed, silently', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const told = listen(room);
    await lose(made);
    assert.equal((await room.leave()).type, 'left');
    await welcomeAgain(made);
    const command = made.sockets.last.takeOne();
    assert.deepEqual(command.rooms, []);

    resumed(made, command, [place('lobby', { recovered: false })]);
    const { ref, ...leave } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 11 });
    made.sockets.last.say({ type: 'left', roomId: 'lobby', ref, seq: 11 });

    assert.deepEqual(leave, { type: 'leave', roomId: 'lobby' });
    assert.deepEqual([told, room.state], [[], 'left']);
    const joining = room.join();
    const join = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', ref: join.ref, ...place('lobby', { seq: 11 }) });
    await joining;
    assert.deepEqual(told, [['joined']]);
  });

  test('that were left while the answer was awaited are left behind it', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const command = await reconnect(made);
    assert.equal(command.rooms.length, 1);
    await room.leave();
    resumed(made, command, [place('lobby')]);
    assert.equal(made.sockets.last.takeOne().type, 'leave');
    assert.equal(room.state, 'left');
  });

  test('whose leave was lost are left', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const leaving = room.leave();
    const command = await reconnect(made);
    assert.equal((await leaving).type, 'left');
    resumed(made, command, [place('lobby', { recovered: false })]);
    assert.equal(made.sockets.last.takeOne().type, 'leave');
  });

  test('that the client has forgotten are left', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    await lose(made);
    await made.client.forget('lobby');
    await welcomeAgain(made);
    resumed(made, made.sockets.last.takeOne(), [place('lobby', { recovered: false })]);
    assert.deepEqual(withoutRef(made.sockets.last.take()), [{ type: 'leave', roomId: 'lobby' }]);
    assert.deepEqual(made.client.rooms, []);
  });

  test('that were left and joined without a connection are left and joined', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    await lose(made);
    room.leave();
    const joining = room.join({ profile: { name: 'Bea' } });
    await welcomeAgain(made);
    resumed(made, made.sockets.last.takeOne(), [place('lobby', { recovered: false })]);
    const [leave, join] = made.sockets.last.take();
    assert.deepEqual(withoutRef([leave, join]), [
      { type: 'leave', roomId: 'lobby' },
      { type: 'join', roomId: 'lobby', profile: { name: 'Bea' } },
    ]);
    made.sockets.last.say({ type: 'left', roomId: 'lobby', ref: leave.ref, seq: 10 });
    made.sockets.last.say({ type: 'joined', ref: join.ref, roomId: 'lobby', epoch: 'e1', seq: 10 });
    assert.equal((await joining).ref, join.ref);
    assert.equal(room.state, 'joined');
  });

  test('that were first joined without a connection are joined behind resumed', async (t) => {
    const made = await keptClient(t);
    await lose(made);
    const joining = made.client.room('new').join();
    await welcomeAgain(made);
    const command = made.sockets.last.takeOne();
    assert.deepEqual(command.rooms, []);
    resumed(made, command, []);
    const { type, roomId, ref } = made.sockets.last.takeOne();
    assert.deepEqual([type, roomId], ['join', 'new']);
    made.sockets.last.say({ type: 'joined', ref, roomId: 'new', epoch: 'e', seq: 0 });
    assert.equal((await joining).ref, ref);
  });

  test('whose join was under way are joined by it', async (t) => {
    const made = await keptClient(t);
    const room = made.client.room('lobby');
    const joining = room.join();
    made.sockets.last.take();
    const command = await reconnect(made);
    assert.deepEqual(command.rooms, []);
    resumed(made, command, [place('lobby', { recovered: false })]);
    const { seq, userId } = await joining;
    assert.deepEqual([seq, userId, room.state], [10, 'u1', 'joined']);
    assert.deepEqual(made.sockets.last.take(), []);
  });

  test('whose join was under way and did not arrive are joined behind resumed', async (t) => {
    const made = await keptClient(t);
    made.client.room('lobby').join();
    made.sockets.last.take();
    resumed(made, await reconnect(made), []);
    assert.equal(made.sockets.last.takeOne().type, 'join');
  });

  test('resolve a join of the time without a connection', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    await lose(made);
    const joining = room.join();
    await welcomeAgain(made);
    resumed(made, made.sockets.last.takeOne(), [place('lobby')]);
    assert.equal((await joining).seq, 10);
    assert.deepEqual(made.sockets.last.take(), []);
  });

  test('that crashed before the loss are not named', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    made.sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason: 'crashed' });
    const command = await reconnect(made);
    assert.deepEqual(command.rooms, []);
    resumed(made, command, []);
    assert.equal(made.sockets.last.takeOne().type, 'join');
  });

  test('whose join after a crash was under way are not named', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    made.sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason: 'crashed' });
    await made.pass(6000);
    assert.equal(made.sockets.last.takeOne().type, 'join');
    assert.deepEqual((await reconnect(made)).rooms, []);
  });

  test('whose leave and join had to wait are left and joined', async (t) => {
    longestWaits(t);
    const limits = { messagesPerSecond: 1, burstMessages: 2 };
    const made = await connectedClient(t, {}, { ...session(1), limits });
    const room = await joinedRoom(made);
    room.leave();
    room.join();
    assert.deepEqual(made.sockets.last.take(), []);
    resumed(made, await reconnect(made), [place('lobby', { recovered: false })]);
    assert.deepEqual(made.sockets.last.take().map(({ type }) => type), ['leave', 'join']);
  });

  test('that a new session was joining when it lost them are asked for', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    refused(made, await reconnect(made, 2), 'session_gone');
    made.sockets.last.take();
    const lost = [{ roomId: 'lobby', code: 'forbidden' }];
    resumed(made, await reconnect(made, 3), [], { clientId: 'c2', lost });
    assert.equal(made.sockets.last.takeOne().type, 'join');
    assert.equal(room.state, 'joining');
  });

  test('from which the client was put out are not joined again', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.say({ type: 'left', roomId: 'lobby', seq: 11, reason: 'kicked' });
    const command = await reconnect(made);
    assert.deepEqual(command.rooms, []);
    resumed(made, command, []);
    assert.deepEqual([made.sockets.last.take(), room.state], [[], 'left']);
  });

  // What the session before has said without echo must not come back, and resume cannot tell it.
  test('whose position is of another session are joined again with it', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    refused(made, await reconnect(made, 2), 'session_gone');
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', ref, ...place('lobby', { seq: 15 }) });
    made.sockets.last.say({ type: 'message', roomId: 'lobby', seq: 12 });

    const command = await reconnect(made, 3);
    assert.deepEqual([command.resume, command.rooms], ['r2', []]);
    resumed(made, command, [place('lobby', { seq: 16, recovered: false })], { clientId: 'c2' });
    assert.deepEqual(withoutRef(made.sockets.last.take()), [
      { type: 'leave', roomId: 'lobby' },
      { type: 'join', roomId: 'lobby', since: { epoch: 'e1', seq: 12, clientId: 'c1' } },
    ]);
  });

  test('stay as a handler wants them that is told of another', async (t) => {
    const made = await keptClient(t);
    const [one, two] = [await joinedRoom(made, 'one'), await joinedRoom(made, 'two')];
    one.on('rejoined', () => two.leave());
    resumed(made, await reconnect(made), [place('one'), place('two')]);
    assert.deepEqual([one.state, two.state], ['joined', 'leaving']);
    assert.deepEqual(withoutRef(made.sockets.last.take()), [{ type: 'leave', roomId: 'two' }]);
  });

  test('are left alone once a handler has closed the client', async (t) => {
    const made = await keptClient(t);
    const [one, two] = [await joinedRoom(made, 'one'), await joinedRoom(made, 'two')];
    const heard = listen(two);
    made.client.on('resumed', () => heard.push('resumed'));
    one.on('rejoined', () => made.client.close());
    resumed(made, await reconnect(made), [place('one'), place('two')]);
    await settled();
    assert.deepEqual([one.state, two.state, heard], ['left', 'left', []]);
  });
});

describe('resumed', () => {
  test('that nobody asked for changes nothing', async (t) => {
    const made = await keptClient(t);
    const room = await joinedRoom(made);
    const heard = [];
    made.client.on('resumed', () => heard.push('resumed'));
    for (const ref of [undefined, 4711])
      resumed(made, { ref }, [place('other')], { clientId: 'c8', lost: [{ roomId: 'lobby' }] });
    assert.deepEqual([made.client.clientId, room.state, heard], ['c1', 'joined', []]);
    assert.deepEqual(made.client.rooms, [room]);
    assert.equal((await reconnect(made)).resume, 'r1');
  });

  test('without rooms and lost joins what is to be joined', async (t) => {
    const made = await keptClient(t);
    await joinedRoom(made);
    resumed(made, await reconnect(made), undefined, { lost: undefined });
    assert.equal(made.sockets.last.takeOne().type, 'join');
  });
});

describe('a connection', () => {
  test('that is given up does not end the session, one that is closed does', async (t) => {
    const made = await keptClient(t);
    await made.pass(25_000);
    await made.pass(3000);
    assert.equal(made.client.state, 'reconnecting');
    assert.equal(made.sockets.made[0].closedWith.code, 4000);
    await welcomeAgain(made);
    assert.equal(made.sockets.last.takeOne().type, 'resume');
    made.client.close();
    assert.equal(made.sockets.last.closedWith.code, 1000);
  });

  test('that stops by itself after too many attempts may still resume', async (t) => {
    const made = await keptClient(t, { maxReconnectAttempts: 0 });
    await joinedRoom(made);
    made.sockets.last.end();
    assert.equal(made.client.state, 'stopped');
    made.client.connect();
    made.sockets.last.welcome(session(2));
    assert.equal(made.sockets.last.takeOne().resume, 'r1');
  });
});

test('the first connection resumes nothing', (t) => {
  const { sockets } = newClient(t);
  sockets.last.welcome(session(1));
  assert.deepEqual(sockets.last.take(), []);
});
