// What a room asks a client: $request, which is handled once, and $reply.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connectedClient, joinedRoom, noLimits, settled } from './support/fake_websocket.mjs';
import {
  keptClient, lose, place, reconnect, refused, resumed, welcomeAgain, withoutRef,
} from './support/session.mjs';

/// A client in the room `lobby`: {room, asked, told, ...}. `asked`: the data of the requests that
/// its handler has got; each `answers[n](value)` ends the n-th. `told`: the room's errors.
async function roomThatAsks(t, options = {}, welcome = {}) {
  const made = await keptClient(t, options, welcome);
  const room = await joinedRoom(made);
  const [asked, answers, told] = [[], [], []];
  room.onRequest((data) => {
    asked.push(data);
    return new Promise((resolve) => answers.push(resolve));
  });
  room.on('error', (error) => told.push(error));
  return { ...made, room, asked, answers, told };
}

const ask = ({ sockets }, requestId, data = requestId) =>
  sockets.last.say({ type: '$request', roomId: 'lobby', requestId, data });

/// Lets the n-th request be answered.
async function answer({ answers }, n, value) {
  answers[n](value);
  await settled();
}

/// Loses the connection and takes the session up again.
async function comeBack(made, n = 2, fields = {}) {
  resumed(made, await reconnect(made, n), [place('lobby', fields)]);
}

const replyOf = (requestId, data) => ({ type: '$reply', roomId: 'lobby', requestId, data });
const takeReplies = ({ sockets }) => withoutRef(sockets.last.take());
const crash = ({ sockets }) =>
  sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason: 'crashed' });

/// Answers the join that the client sends after a while.
async function joinAgain(made, epoch) {
  await made.pass(6000);
  const { ref } = made.sockets.last.takeOne();
  made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', userId: 'u1', epoch, seq: 10 });
}

describe('a request of a room', () => {
  for (const [what, handler] of Object.entries({
    'what the handler returns': ({ n }) => ({ n: n + 1 }),
    'what its promise brings': async ({ n }) => ({ n: n + 1 }),
  }))
    test(`is answered by ${what}`, async (t) => {
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      room.onRequest(handler);
      ask(made, 'a', { n: 1 });
      await settled();
      const { ref, ...command } = made.sockets.last.takeOne();
      assert.deepEqual(command, replyOf('a', { n: 2 }));
      made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby' });
      assert.deepEqual(made.errors, []);
    });

  test('is answered by null if the handler returns nothing, and may be by bytes', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.onRequest((data) => (data === 'bytes' ? new Uint8Array([255]) : undefined));
    for (const id of ['nothing', 'bytes']) ask(made, id);
    await settled();
    const replies = [replyOf('nothing', null), replyOf('bytes', { $bin: '/w==' })];
    assert.deepEqual(takeReplies(made), replies);
  });

  test('does not wait for those before it', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    ask(made, 'b');
    await answer(made, 1, 'first');
    await answer(made, 0, 'second');
    assert.deepEqual(takeReplies(made), [replyOf('b', 'first'), replyOf('a', 'second')]);
  });

  test('is told as a frame, too', async (t) => {
    const made = await roomThatAsks(t);
    const heard = [];
    made.room.on('$request', ({ requestId }) => heard.push(requestId));
    made.room.on('*', ({ type }) => heard.push(type));
    ask(made, 'a');
    assert.deepEqual(heard, ['a', '$request']);
  });

  for (const [what, fail] of Object.entries({
    'a handler that throws': (error) => {
      throw error;
    },
    'a promise that is rejected': (error) => Promise.reject(error),
  }))
    test(`with ${what} is told as an error, and nothing is sent`, async (t) => {
      const made = await roomThatAsks(t);
      const error = new Error('out of ideas');
      made.room.onRequest(() => fail(error));
      ask(made, 'a');
      await settled();
      assert.deepEqual(made.sockets.last.take(), []);
      assert.deepEqual([made.errors, made.told], [[error], [error]]);
    });

  test('whose reply cannot be sent is told as an error', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await answer(made, 0, NaN);
    assert.deepEqual(made.sockets.last.take(), []);
    assert.deepEqual(made.errors.map(({ code }) => code), ['bad_payload']);
    assert.deepEqual(made.told, made.errors);
  });

  test('that the room has given up meanwhile is told as an error', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await answer(made, 0, 1);
    const { ref } = made.sockets.last.takeOne();
    const refusal = { request: '$reply', roomId: 'lobby', code: 'timed_out', message: '' };
    made.sockets.last.say({ type: 'error', ref, ...refusal });
    assert.deepEqual(made.errors.map(({ code }) => code), ['timed_out']);
    assert.deepEqual(made.told, made.errors);
  });

  test('without a handler is told as an error, and nothing is sent', async (t) => {
    const made = await connectedClient(t);
    await joinedRoom(made);
    ask(made, 'a');
    await settled();
    assert.deepEqual(made.sockets.last.take(), []);
    const [{ code, request, roomId, retryable }] = made.errors;
    assert.deepEqual(
      [code, request, roomId, retryable], ['no_handler', '$request', 'lobby', false],
    );
  });

  test('goes to the handler that was given last, and to none once that is removed', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const [offFirst, offSecond] = [1, 2].map((n) => room.onRequest(() => n));
    offFirst();
    ask(made, 'a');
    await settled();
    assert.equal(made.sockets.last.takeOne().data, 2);
    offSecond();
    ask(made, 'b');
    await settled();
    assert.deepEqual(made.sockets.last.take(), []);
    assert.deepEqual(made.errors.map(({ code }) => code), ['no_handler']);
  });

  test('goes to the handler of its room', async (t) => {
    const made = await roomThatAsks(t);
    const other = await joinedRoom(made, 'other');
    other.onRequest(() => 'there');
    ask(made, 'a');
    made.sockets.last.say({ type: '$request', roomId: 'other', requestId: 'a', data: 1 });
    await answer(made, 0, 'here');
    assert.deepEqual(takeReplies(made), [
      { ...replyOf('a', 'there'), roomId: 'other' }, replyOf('a', 'here'),
    ]);
  });

  test('has its reply sent, although the client joins the room a second time', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    made.room.join({ profile: { name: 'Ann' } });
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e1', seq: 10 });
    await answer(made, 0, 1);
    assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
  });

  test('is not handled while the client leaves the room', async (t) => {
    const made = await roomThatAsks(t);
    made.room.leave();
    ask(made, 'a');
    assert.deepEqual([made.asked, made.errors], [[], []]);
  });

  test('has a reply that is not dropped from a full queue', async (t) => {
    const limits = { ...noLimits, messagesPerSecond: 1, burstMessages: 2 };
    const options = { queueLimit: 1, queuePolicy: 'drop-oldest' };
    const made = await roomThatAsks(t, options, { limits });
    ask(made, 'a');
    await answer(made, 0, 1);
    assert.equal(made.room.send('x').error.code, 'queue_full');
    await made.pass(1000);
    assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
  });
});

describe('a request that is asked again after a loss', () => {
  test('is not handled twice: its reply is sent again', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a', { n: 1 });
    await answer(made, 0, 'the reply');
    const first = takeReplies(made);
    await comeBack(made);
    ask(made, 'a', { n: 1 });
    assert.deepEqual(takeReplies(made), first);
    await comeBack(made, 3);
    ask(made, 'a', { n: 1 });
    assert.deepEqual(takeReplies(made), first);
    assert.deepEqual([made.asked.map(({ n }) => n), made.errors], [[1], []]);
  });

  test('is not handled twice although its reply was acked', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await answer(made, 0, 1);
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby' });
    await comeBack(made);
    ask(made, 'a');
    assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
    assert.equal(made.asked.length, 1);
  });

  test('while it is being answered is not handled twice: the reply is sent once', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await comeBack(made);
    ask(made, 'a');
    assert.deepEqual(takeReplies(made), []);
    await answer(made, 0, 1);
    assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
    assert.equal(made.asked.length, 1);
  });

  for (const [what, answerAt] of [['without a connection', 'away'], ['before that', 'back']])
    test(`with a reply that is there ${what} gets it once`, async (t) => {
      const made = await roomThatAsks(t);
      ask(made, 'a');
      await lose(made);
      if (answerAt === 'away') await answer(made, 0, 1);
      await welcomeAgain(made);
      resumed(made, made.sockets.last.takeOne(), [place('lobby')]);
      if (answerAt === 'back') await answer(made, 0, 1);
      assert.deepEqual(takeReplies(made), []);
      ask(made, 'a');
      await settled();
      assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
      assert.deepEqual([made.asked.length, made.errors], [1, []]);
    });

  test('gets once the reply that had to wait for the pace', async (t) => {
    const limits = { ...noLimits, messagesPerSecond: 1, burstMessages: 2 };
    const made = await roomThatAsks(t, {}, { limits });
    ask(made, 'a');
    await answer(made, 0, 1);
    assert.deepEqual(takeReplies(made), []);
    await comeBack(made);
    ask(made, 'a');
    assert.deepEqual(takeReplies(made), [replyOf('a', 1)]);
    assert.deepEqual(made.errors, []);
  });

  test('is known also if the session is gone, and the client has taken its seat', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await answer(made, 0, 1);
    refused(made, await reconnect(made), 'session_gone');
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', ref, userId: 'u1', ...place('lobby') });
    ask(made, 'a');
    assert.deepEqual([takeReplies(made), made.asked.length], [[replyOf('a', 1)], 1]);
  });

  for (const [what, handler] of [
    ['a handler that has thrown', () => assert.fail('once')], ['no handler'],
  ])
    test(`and had ${what} is handled`, async (t) => {
      const made = await keptClient(t);
      const room = await joinedRoom(made);
      if (handler) room.onRequest(handler);
      ask(made, 'a');
      await settled();
      room.onRequest(() => 'better');
      await comeBack(made);
      ask(made, 'a');
      await settled();
      assert.deepEqual(takeReplies(made), [replyOf('a', 'better')]);
    });

  test('is known while it is one of the last 64', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'pending');
    const quick = [];
    made.room.onRequest((data) => quick.push(data));
    for (let n = 0; n < 65; ++n) ask(made, `r${n}`, n);
    await settled();
    made.sockets.last.take();
    await comeBack(made);
    for (const id of ['pending', 'r64', 'r2', 'r1']) ask(made, id, `${id} again`);
    await settled();
    assert.deepEqual(quick.slice(65), ['r1 again']);
    await answer(made, 0, 'at last');
    assert.deepEqual(takeReplies(made).map(({ requestId }) => requestId), [
      'r64', 'r2', 'r1', 'pending',
    ]);
  });
});

describe('a reply is not sent', () => {
  test('if the room does not ask again after a loss', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    await comeBack(made);
    await answer(made, 0, 1);
    assert.deepEqual(takeReplies(made), []);
    assert.deepEqual(made.errors, []);
  });

  test('to the room of another epoch, whose request of that id is another one', async (t) => {
    const made = await roomThatAsks(t);
    for (const id of ['a', 'b']) ask(made, id, `${id}, old`);
    await answer(made, 0, 'old');
    takeReplies(made);
    await comeBack(made, 2, { epoch: 'e2', recovered: false });
    for (const id of ['a', 'b']) ask(made, id, `${id}, new`);
    assert.deepEqual(made.asked, ['a, old', 'b, old', 'a, new', 'b, new']);
    for (const [n, text] of [[1, 'old'], [2, 'new'], [3, 'new']]) await answer(made, n, text);
    assert.deepEqual(takeReplies(made), [replyOf('a', 'new'), replyOf('b', 'new')]);
  });

  test('to the room that takes the place of one that has crashed', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    crash(made);
    await joinAgain(made, 'e2');
    ask(made, 'a');
    await answer(made, 0, 'old');
    assert.deepEqual(takeReplies(made), []);
    await answer(made, 1, 'new');
    assert.deepEqual(takeReplies(made), [replyOf('a', 'new')]);
  });

  test('to it either if it had to wait for the pace', async (t) => {
    const limits = { ...noLimits, messagesPerSecond: 1, burstMessages: 2 };
    const made = await roomThatAsks(t, {}, { limits });
    ask(made, 'a');
    await answer(made, 0, 'old');
    crash(made);
    await joinAgain(made, 'e2');
    await made.pass(5000);
    assert.deepEqual(takeReplies(made), []);
    assert.deepEqual(made.errors, []);
  });

  test('once the room has another epoch', async (t) => {
    const made = await roomThatAsks(t);
    ask(made, 'a');
    made.sockets.last.say({ type: 'epoch', roomId: 'lobby', epoch: 'e2', seq: 0 });
    await answer(made, 0, 1);
    assert.deepEqual(takeReplies(made), []);
  });

  for (const [what, leave] of Object.entries({
    'has left the room': ({ room }) => room.leave(),
    'was put out of the room': ({ sockets }) =>
      sockets.last.say({ type: 'left', roomId: 'lobby', seq: 11, reason: 'kicked' }),
    'was closed': ({ client }) => client.close(),
  }))
    test(`once the client ${what}, and nobody is told`, async (t) => {
      const made = await roomThatAsks(t);
      ask(made, 'a');
      leave(made);
      made.sockets.last.take();
      await answer(made, 0, 1);
      assert.deepEqual([takeReplies(made), made.errors], [[], []]);
    });
});

test('a reply that is unanswered when the connection is lost is told to nobody', async (t) => {
  const made = await roomThatAsks(t);
  ask(made, 'a');
  await answer(made, 0, 1);
  await lose(made);
  assert.deepEqual([made.errors, made.told], [[], []]);
});
