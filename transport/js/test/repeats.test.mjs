// Messages that are sent again after a loss, since their room knows them by their ids.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client } from '../src/index.js';
import {
  connectedClient, fakeWebSocket, joinedRoom, noLimits,
} from './support/fake_websocket.mjs';
import {
  keptClient, lose, place, reconnect, refused, resumed, session, welcomeAgain, withoutRef,
} from './support/session.mjs';

const dedupe = 64;
const known = { limits: { ...noLimits, dedupe } };

/// A client in a room of a server that keeps sessions and knows ids: {room, ...}.
async function roomOfKept(t, options = {}, limits = {}) {
  const made = await keptClient(t, options, { limits: { ...known.limits, ...limits } });
  return { ...made, room: await joinedRoom(made) };
}

/// Loses the connection and takes the session up again: the room is as it was.
/// Returns what is sent behind `resumed`.
async function resume(made, n = 2, limits = {}) {
  const command = await reconnect(made, n, { limits: { ...known.limits, ...limits } });
  resumed(made, command, [place('lobby')]);
  return made.sockets.last.take();
}

const ack = ({ sockets }, { ref }, fields = {}) =>
  sockets.last.say({ type: 'ack', ref, roomId: 'lobby', seq: 11, ...fields });
const textsOf = (commands) => commands.map(({ type, text }) => text ?? type);
const statesOf = (sendings) => sendings.map(({ state }) => state);

describe('a message', () => {
  test('has an id where the server knows ids, another one each', async (t) => {
    const { room, sockets } = await roomOfKept(t);
    room.send('x');
    room.sendData(1);
    room.sendBinary(new Uint8Array(1));
    const ids = sockets.last.take().map(({ id }) => id);
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every(Number.isSafeInteger), ids.join());
  });

  test('that is for a moment only is not sent again, and keeps none back', async (t) => {
    const made = await roomOfKept(t, {}, { dedupe: 1 });
    const moments = ['volatile', 'latest'].map((delivery) => made.room.send('x', { delivery }));
    const kept = made.room.send('y', { delivery: 'reliable' });
    assert.equal(made.sockets.last.take().length, 3);

    assert.deepEqual(textsOf(await resume(made)), ['y']);

    assert.deepEqual(statesOf([...moments, kept]), ['unknown', 'unknown', 'sent']);
    for (const moment of moments) moment.catch(() => {});
  });

  test('has the id that the application has given it', async (t) => {
    const { room, sockets } = await roomOfKept(t);
    room.send('x', { id: 'mine' });
    assert.equal(sockets.last.takeOne().id, 'mine');
  });

  test('has none where the server knows none', async (t) => {
    const { room, sockets } = await roomOfKept(t, {}, { dedupe: undefined });
    room.send('x');
    assert.ok(!('id' in sockets.last.takeOne()));
  });

  for (const delivery of ['volatile', 'latest'])
    test(`with the delivery ${delivery} has none, where it would mean nothing`, async (t) => {
      const { room, sockets } = await roomOfKept(t);
      room.send('x', { delivery });
      room.sendBinary(new Uint8Array(1), { delivery });
      const sent = sockets.last.take();
      assert.deepEqual(sent.map((c) => [c.delivery, 'id' in c]), Array(2).fill([delivery, false]));
    });

  test('of the application\'s type has none', async (t) => {
    const { room, sockets } = await roomOfKept(t);
    room.request('dance');
    room.notify('typing');
    assert.deepEqual(sockets.last.take().map((c) => 'id' in c), [false, false]);
  });

  // Both pages have the same session, whose ids the room knows.
  test('of a page that is loaded again has none of the page before', async (t) => {
    const ids = [0.25, 0.75].flatMap((random) => {
      t.mock.method(Math, 'random', () => random);
      const sockets = fakeWebSocket();
      const client = new Client('ws://server.test/', { WebSocket: sockets });
      t.after(() => client.close());
      sockets.last.welcome(known);
      for (let n = 0; n < 64; ++n) client.room('r').send('x');
      return sockets.last.take().map(({ id }) => id);
    });
    assert.equal(new Set(ids).size, 128);
  });
});

describe('after a loss what is not answered', () => {
  test('is sent again as it was, before what is new', async (t) => {
    const made = await roomOfKept(t);
    const { room } = made;
    const answered = room.send('answered');
    ack(made, made.sockets.last.takeOne());
    const states = [];
    const sendings = [room.send('x', { echo: false }), room.sendBinary(new Uint8Array([7]))];
    sendings[0].on('state', ({ state }) => states.push(state));
    const first = made.sockets.last.take();
    await lose(made);
    const fresh = room.send('new');
    assert.deepEqual(statesOf([answered, ...sendings, fresh]), ['acked', 'sent', 'sent', 'queued']);

    await welcomeAgain(made, 2, known);
    resumed(made, made.sockets.last.takeOne(), [place('lobby')]);

    const second = made.sockets.last.take();
    assert.deepEqual(second.slice(0, 2), first);
    assert.deepEqual(textsOf(second.slice(2)), ['new']);
    ack(made, second[0], { seq: 5, duplicate: true });
    assert.equal((await sendings[0]).seq, 5);
    assert.deepEqual(states, ['acked']);
  });

  test('goes before commands that wait for no room', async (t) => {
    const made = await roomOfKept(t);
    made.room.send('x');
    await lose(made);
    made.client.request({ type: 'dance', roomId: 'lobby' });
    await welcomeAgain(made, 2, known);
    resumed(made, made.sockets.last.takeOne(), [place('lobby')]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['x', 'dance']);
  });

  test('is unknown if it has no id, and not sent again', async (t) => {
    const made = await roomOfKept(t);
    const { room, client } = made;
    const sendings = [
      room.request('dance'), room.setProfile({}), client.request({ type: 'ping' }),
      client.request({ type: 'message', roomId: 'lobby', text: 'x' }),
      client.request({ type: 'message', text: 'in the default room', id: 1 }),
    ];
    await lose(made);
    assert.deepEqual(statesOf(sendings), Array(5).fill('unknown'));
    assert.equal(sendings[0].error.code, 'connection_lost');
  });

  // The room does not know it again by its id, and would say it twice.
  for (const delivery of ['volatile', 'latest'])
    test(`is unknown if its delivery is ${delivery}, also with an id`, async (t) => {
      const made = await roomOfKept(t);
      const sending = made.room.send('x', { delivery, id: 'mine' });
      const reliable = made.room.send('y', { delivery: 'reliable' });
      await lose(made);
      assert.deepEqual(statesOf([sending, reliable]), ['unknown', 'sent']);
      await welcomeAgain(made, 2, known);
      resumed(made, made.sockets.last.takeOne(), [place('lobby')]);
      assert.deepEqual(textsOf(made.sockets.last.take()), ['y']);
    });

  test('is sent again if the application has given it an id', async (t) => {
    const made = await roomOfKept(t);
    made.room.send('x', { id: 'mine' });
    made.client.request({ type: 'message', roomId: 'lobby', text: 'y', id: 'yours' });
    const again = await resume(made);
    assert.deepEqual(again.map(({ id }) => id), ['mine', 'yours']);
  });

  for (const [what, options, welcome] of [
    ['ids', session(1), {}], ['sessions', {}, known],
  ])
    test(`is unknown at once if the server keeps no ${what}`, async (t) => {
      const made = await connectedClient(t, {}, { ...options, ...welcome });
      const sending = (await joinedRoom(made)).send('x');
      await lose(made);
      assert.deepEqual([sending.state, sending.error.code], ['unknown', 'connection_lost']);
    });

  const lost = [{ roomId: 'lobby', code: 'forbidden' }];
  for (const [what, answer] of Object.entries({
    'the room has another epoch': (made, command) =>
      resumed(made, command, [place('lobby', { epoch: 'e2', recovered: false })]),
    'the room is lost': (made, command) => resumed(made, command, [], { lost }),
    'the session was not in the room': (made, command) => resumed(made, command, []),
    'the session is gone': (made, command) => refused(made, command, 'session_gone'),
    'the client has left the room meanwhile': (made, command) => {
      made.room.leave();
      resumed(made, command, [place('lobby')]);
    },
    'the client has joined the room anew meanwhile': (made, command) => {
      made.room.leave();
      made.room.join();
      resumed(made, command, [place('lobby', { recovered: false })]);
    },
    'the client is closed': ({ client }) => client.close(),
  }))
    test(`is unknown if ${what}`, async (t) => {
      const made = await roomOfKept(t);
      const sending = made.room.send('x');
      const command = await reconnect(made, 2, known);
      assert.equal(sending.state, 'sent');
      answer(made, command);
      assert.deepEqual([sending.state, sending.error.sent], ['unknown', true]);
      assert.ok(!made.sockets.last.take().some(({ type }) => type === 'message'));
    });

  test('is unknown at a server that keeps no sessions any more', async (t) => {
    const made = await roomOfKept(t);
    const sending = made.room.send('x');
    await reconnect(made, 2, { resume: undefined });
    assert.equal(sending.state, 'unknown');
  });

  test('is sent again if only some messages of others are missing', async (t) => {
    const made = await roomOfKept(t);
    made.room.send('x');
    resumed(made, await reconnect(made, 2, known), [place('lobby', { recovered: false })]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['x']);
  });

  test('is unknown at once if the room is left', async (t) => {
    const made = await roomOfKept(t);
    const sending = made.room.send('x');
    await lose(made);
    made.room.leave();
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'left']);
  });

  test('is judged room by room', async (t) => {
    const made = await roomOfKept(t);
    const other = await joinedRoom(made, 'other');
    const sendings = [made.room.send('x'), other.send('y')];
    const places = [place('lobby', { epoch: 'e2' }), place('other')];
    resumed(made, await reconnect(made, 2, known), places);
    assert.deepEqual(statesOf(sendings), ['unknown', 'sent']);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['y']);
  });

  test('is sent again after a second loss, before resumed and behind it', async (t) => {
    const made = await roomOfKept(t);
    made.room.send('x');
    const [first] = made.sockets.last.take();
    await reconnect(made, 2, known);
    const [second] = await resume(made, 3);
    made.room.send('y');
    made.sockets.last.take();
    const third = await resume(made, 4);
    assert.deepEqual([second, third[0]], [first, first]);
    assert.deepEqual(textsOf(third), ['x', 'y']);
  });

  test('is unknown once there is no session to go on with', async (t) => {
    const made = await roomOfKept(t, { maxReconnectInterval: 60_000, reconnectInterval: 60_000 });
    const sending = made.room.send('x');
    await lose(made);
    await made.pass(29_999);
    assert.equal(sending.state, 'sent');
    await made.pass(1);
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'connection_lost']);
  });

  test('has its whole time for the answer again', async (t) => {
    const made = await roomOfKept(t, { timeout: 4000, reconnectInterval: 3000, pingAfter: 0 });
    const sending = made.room.send('x');
    await made.pass(3000);
    await resume(made);
    await made.pass(3999);
    assert.equal(sending.state, 'sent');
    await made.pass(1);
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'timeout']);
  });

  test('is unknown if the server refuses the repeat: it may have taken the first', async (t) => {
    const made = await roomOfKept(t);
    const sending = made.room.send('x');
    const [{ ref }] = await resume(made);
    made.sockets.last.say({ type: 'error', ref, code: 'rate_limited', message: '' });
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'rate_limited']);
  });

  describe('and waits for the rate of the server', () => {
    const slow = { messagesPerSecond: 1, burstMessages: 2 };
    /// Two messages, of which the first one is sent again, and `resume` was the command before it.
    async function waiting(t, options = {}) {
      const made = await roomOfKept(t, options);
      const sendings = [made.room.send('x'), made.room.send('y')];
      assert.deepEqual(await resume(made, 2, slow), []);
      return { ...made, sendings };
    }

    test('goes as it allows, before what is new', async (t) => {
      const made = await waiting(t);
      const fresh = made.room.send('new');
      assert.equal(made.room.notify('typing'), false);
      await made.pass(1000);
      await made.pass(1000);
      assert.deepEqual(textsOf(made.sockets.last.take()), ['x', 'y']);
      assert.equal(fresh.state, 'queued');
    });

    test('is not sent in a new session', async (t) => {
      const made = await waiting(t);
      await made.pass(1000);
      refused(made, await reconnect(made, 3, known), 'session_gone');
      assert.deepEqual(statesOf(made.sendings), ['unknown', 'unknown']);
      assert.deepEqual(made.sockets.last.take().map(({ type }) => type), ['join']);
    });

    test('is sent in order behind a third welcome', async (t) => {
      const made = await waiting(t);
      await made.pass(1000);
      assert.deepEqual(textsOf(await resume(made, 3)), ['x', 'y']);
    });

    test('waits as long as what was never sent', async (t) => {
      const made = await waiting(t, { queueTimeout: 500 });
      await made.pass(500);
      assert.deepEqual(statesOf(made.sendings), ['unknown', 'unknown']);
      assert.equal(made.sendings[0].error.code, 'timeout');
      await made.pass(2000);
      assert.deepEqual(made.sockets.last.take(), []);
    });

    test('is not dropped from a full queue', async (t) => {
      const made = await waiting(t, { queueLimit: 1, queuePolicy: 'drop-oldest' });
      const fresh = made.room.send('new');
      assert.deepEqual(statesOf([...made.sendings, fresh]), ['sent', 'sent', 'failed']);
    });
  });
});

describe('of a room no more messages are unanswered than it knows ids', () => {
  /// A client that has sent two messages, of as many as may be: {room, commands, ...}.
  async function full(t, options = {}) {
    const made = await roomOfKept(t, options, { dedupe: 2 });
    made.room.send('1', { timeout: 0 });
    made.room.send('2');
    return { ...made, commands: made.sockets.last.take() };
  }

  test('the next one waits for the first answer', async (t) => {
    const made = await full(t);
    const next = ['3', '4'].map((text) => made.room.send(text));
    assert.deepEqual(statesOf(next), ['queued', 'queued']);
    assert.deepEqual(made.sockets.last.take(), []);
    ack(made, made.commands[0]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['3']);
    const { ref } = made.commands[1];
    made.sockets.last.say({ type: 'error', ref, code: 'forbidden', message: '' });
    assert.deepEqual(textsOf(made.sockets.last.take()), ['4']);
  });

  test('what is behind it in the room waits, too, and nothing else', async (t) => {
    const made = await full(t);
    const other = await joinedRoom(made, 'other');
    made.room.request('before');
    made.room.send('3');
    made.room.request('behind');
    assert.equal(made.room.notify('typing'), false);
    assert.equal(other.notify('typing'), true);
    other.send('there');
    made.room.leave();
    const sent = made.sockets.last.take();
    assert.deepEqual(textsOf(sent), ['before', 'typing', 'there']);
    ack(made, made.commands[0]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['3', 'behind', 'leave']);
  });

  test('those of which it knows no ids count in no such number', async (t) => {
    const made = await roomOfKept(t, {}, { dedupe: 1 });
    const sendings = ['1', '2'].map((text) => made.room.send(text, { delivery: 'volatile' }));
    sendings.push(made.room.send('3'), made.room.send('4', { delivery: 'volatile' }));
    assert.deepEqual(statesOf(sendings), ['sent', 'sent', 'sent', 'sent']);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['1', '2', '3', '4']);
  });

  test('it waits in the bounded queue', async (t) => {
    const made = await full(t, { queueLimit: 1 });
    const next = ['3', '4'].map((text) => made.room.send(text));
    assert.deepEqual(statesOf(next), ['queued', 'failed']);
    assert.equal(next[1].error.code, 'queue_full');
  });

  // The room would know the first no longer, if it had taken all of them.
  test('one that nobody waits for any more counts while an older one is unanswered', async (t) => {
    const made = await full(t, { timeout: 1000, pingAfter: 0 });
    await made.pass(1000);
    const next = made.room.send('3');
    assert.equal(next.state, 'queued');
    assert.deepEqual(textsOf(await resume(made, 2, { dedupe: 2 })), ['1']);
    assert.equal(next.state, 'queued');
    ack(made, made.commands[0]);
    assert.equal(next.state, 'sent');
  });

  test('the time of one that waits makes room', async (t) => {
    const made = await roomOfKept(t, { timeout: 1000, pingAfter: 0 }, { dedupe: 1 });
    made.room.send('1');
    made.room.send('2');
    await made.pass(1000);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['1', '2']);
  });

  test('what is sent again has its place', async (t) => {
    const made = await full(t);
    made.room.send('3');
    assert.deepEqual(textsOf(await resume(made, 2, { dedupe: 2 })), ['1', '2']);
    ack(made, made.commands[0]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['3']);
  });
});

test('a handler that hears of a message that is unknown may close the client', async (t) => {
  const made = await roomOfKept(t);
  const sendings = [made.room.send('x'), made.room.send('y')];
  sendings[0].on('state', () => made.client.close());
  resumed(made, await reconnect(made, 2, known), [place('lobby', { epoch: 'e2' })]);
  assert.deepEqual(statesOf(sendings), ['unknown', 'unknown']);
  assert.equal(made.room.state, 'left');
  assert.deepEqual(made.sockets.last.take(), []);
});
