// Commands to the server: answers, time limits, the queue and its bounds, the pace.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { TroupeError } from '../src/index.js';
import {
  connectedClient, joinedRoom, longestWaits, newClient, noLimits,
} from './support/fake_websocket.mjs';

/// The state of each promise: its value, its error's code, or 'open'.
const standing = (promises) =>
  Promise.all(
    promises.map((p) =>
      Promise.race([
        p.then(
          (v) => v.type,
          (e) => e.code,
        ),
        new Promise((r) => setImmediate(r, 'open')),
      ]),
    ),
  );

describe('a command', () => {
  test('is answered by its ref', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const [first, second] = [room.send('one'), room.sendData({ n: 2 }, { echo: false, id: 'm2' })];

    const [one, two] = made.sockets.last.take();
    assert.deepEqual(one, { type: 'message', roomId: 'lobby', text: 'one', ref: one.ref });
    assert.deepEqual(two, {
      type: 'message', roomId: 'lobby', data: { n: 2 }, echo: false, id: 'm2', ref: two.ref,
    });
    made.sockets.last.say({ type: 'ack', ref: two.ref, roomId: 'lobby', seq: 12 });
    made.sockets.last.say({ type: 'ack', ref: one.ref, roomId: 'lobby', seq: 11 });

    assert.equal((await first).seq, 11);
    assert.equal((await second).seq, 12);
  });

  test('is refused with what the server says', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.request('dance', { steps: 3, roomId: 'forged', ref: 'forged' });
    const sent = made.sockets.last.takeOne();
    assert.deepEqual(sent, { steps: 3, roomId: 'lobby', ref: sent.ref, type: 'dance' });
    assert.notEqual(sent.ref, 'forged');
    const refusal = {
      request: 'dance',
      roomId: 'lobby',
      code: 'rate_limited',
      message: 'Slow.',
      retryable: true,
      retryAfterMs: 250,
    };
    made.sockets.last.say({ type: 'error', ref: sent.ref, ...refusal });

    const error = await answer.catch((e) => e);
    assert.ok(error instanceof TroupeError && error instanceof Error);
    for (const [field, value] of Object.entries({ ...refusal, sent: true }))
      assert.equal(error[field], value, field);
    assert.deepEqual(made.errors, []);
  });

  test('fails when the answer takes too long; a later one is nothing', async (t) => {
    const { client, sockets, pass, errors } = await connectedClient(t, {
      timeout: 2000, pingAfter: 0,
    });
    const [usual, quick, endless] = [undefined, 100, 0].map((timeout) =>
      client.request({ type: 'ping' }, { timeout }),
    );
    const refs = sockets.last.take().map((c) => c.ref);
    await pass(100);
    assert.deepEqual(await standing([usual, quick, endless]), ['open', 'timeout', 'open']);
    await pass(1900);
    await assert.rejects(usual, {
      code: 'timeout', retryable: true, sent: true, request: 'ping',
    });
    await pass(20_000);
    for (const ref of refs) sockets.last.say({ type: 'error', ref, code: 'internal', message: '' });
    assert.deepEqual(await standing([endless]), ['internal']);
    assert.deepEqual(errors, []);
  });

  test('that was sent fails with the connection and is not sent again', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.send('did it arrive?');
    made.sockets.last.end(1006);
    await assert.rejects(answer, {
      code: 'connection_lost', retryable: true, sent: true, closeCode: 1006, roomId: 'lobby',
      message: 'The connection was lost (1006).', request: 'message',
    });

    await made.pass(500);
    made.sockets.last.welcome();
    assert.deepEqual(made.sockets.last.take().map((c) => c.type), ['join']);
  });

  test('is not answered by the frames of an application', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const answer = room.send('x');
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'quote', roomId: 'lobby', ref });
    made.sockets.last.say({ type: 'message', roomId: 'lobby', ref, seq: 20 });
    assert.deepEqual(await standing([answer]), ['open']);
  });

  test('may be any of the server\'s own', async (t) => {
    const { client, sockets } = await connectedClient(t);
    const answer = client.request({ type: 'history', roomId: 'r', limit: 3 });
    const { ref } = sockets.last.takeOne();
    sockets.last.say({ type: 'history', ref, messages: [] });
    assert.deepEqual((await answer).messages, []);
  });

  test('with a value that cannot be sent fails and sends nothing', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    await assert.rejects(room.sendData({ n: NaN }), { code: 'bad_payload', sent: false });
    assert.throws(() => room.notify('x', { n: NaN }), { code: 'bad_payload' });
    assert.deepEqual(made.sockets.last.take(), []);
  });

  test('of nothing is null, of bytes is $bin', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.sendData(undefined);
    room.sendBinary(new Uint8Array([255, 0]), { echo: false });
    const [data, binary] = made.sockets.last.take();
    assert.equal(data.data, null);
    assert.deepEqual(binary, {
      type: 'binary', roomId: 'lobby', data: { $bin: '/wA=' }, echo: false, ref: binary.ref,
    });
  });

  test('that nobody waits for does not end the program when it fails', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    room.send('x');
    made.client.ping();
    room.join();
    made.sockets.last.end();
    room.leave();
    room.join();
    made.client.close();
    await made.pass(1000);
  });

  test('ping measures', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    const answer = client.ping();
    const { ref } = sockets.last.takeOne();
    await pass(30);
    sockets.last.say({ type: 'pong', ref });
    assert.equal(await answer, 30);
  });
});

/// The states that a sending has from now on, beginning with its present one.
function statesOf(sending) {
  const states = [sending.state];
  sending.on('state', (told) => {
    assert.equal(told, sending);
    states.push(told.state);
  });
  return states;
}

describe('the state of a message', () => {
  test('is sent, then acked', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const sending = room.send('x');
    const states = statesOf(sending);
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby', seq: 11 });
    assert.deepEqual(states, ['sent', 'acked']);
    assert.equal(sending.error, null);
    assert.equal((await sending).seq, 11);
  });

  test('is queued while there is no connection', async (t) => {
    const { client, sockets } = newClient(t);
    const states = statesOf(client.room('r').send('x'));
    assert.deepEqual(states, ['queued']);
    sockets.last.welcome();
    assert.deepEqual(states, ['queued', 'sent']);
  });

  test('is failed if the server refuses it', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const sending = room.sendBinary(new Uint8Array(1));
    const { ref } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'error', ref, code: 'forbidden', message: 'No.' });
    assert.deepEqual([sending.state, sending.error.code], ['failed', 'forbidden']);
    await assert.rejects(sending, sending.error);
  });

  test('is unknown if the answer takes too long', async (t) => {
    const made = await connectedClient(t, { timeout: 2000 });
    const room = await joinedRoom(made);
    const sendings = [room.send('x'), room.sendData(1, { timeout: 100 })];
    await made.pass(100);
    assert.deepEqual(sendings.map((s) => s.state), ['sent', 'unknown']);
    await made.pass(1900);
    assert.deepEqual(sendings.map((s) => s.state), ['unknown', 'unknown']);
    assert.equal(sendings[0].error.code, 'timeout');
  });

  test('is unknown if the connection goes before the answer, of what waits it stays', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const sent = statesOf(room.send('x'));
    made.sockets.last.end();
    const queued = statesOf(room.send('y'));
    assert.deepEqual([sent, queued], [['sent', 'unknown'], ['queued']]);
    made.client.close();
    assert.deepEqual(queued, ['queued', 'failed']);
  });

  for (const [what, fields, options] of [
    ['cannot be encoded', { n: NaN }, {}],
    ['does not fit into the queue', { n: 1 }, { queueLimit: 0 }],
  ])
    test(`is failed at once if it ${what}`, async (t) => {
      const { client } = newClient(t, options);
      const sending = client.room('r').request('x', fields);
      assert.equal(sending.state, 'failed');
      assert.equal(sending.error.sent, false);
    });

  test('is failed, and not sent, after the client was closed', async (t) => {
    const { client } = await connectedClient(t);
    client.close();
    const sending = client.room('r').send('x');
    assert.deepEqual([sending.state, sending.error.sent], ['failed', false]);
  });

  test('is told until the handler is taken off', async (t) => {
    const { client, sockets } = newClient(t);
    const sending = client.room('r').send('x');
    const told = [];
    const off = sending.on('state', () => told.push('first'));
    const second = () => told.push('second');
    sending.on('state', second);
    off();
    sockets.last.welcome();
    sending.off('state', second);
    sockets.last.end();
    assert.deepEqual([sending.state, told], ['unknown', ['second']]);
  });

  test('comes with a promise like any other', async (t) => {
    const { client, sockets } = await connectedClient(t);
    const sending = client.room('r').send('x');
    const next = sending.then(({ seq }) => seq);
    assert.ok(sending instanceof Promise);
    assert.equal(next.constructor, Promise);
    sockets.last.say({ type: 'ack', ref: sockets.last.takeOne().ref, seq: 5 });
    assert.equal(await next, 5);
  });
});

describe('without a connection', () => {
  test('commands wait and go in order, behind the joins', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.end();
    const answers = ['a', 'b'].map((text) => room.send(text));
    await made.pass(500);
    assert.deepEqual(made.sockets.last.take(), []);

    made.sockets.last.welcome();
    const { ref: join } = made.sockets.last.takeOne();
    made.sockets.last.say({ type: 'joined', ref: join, roomId: 'lobby', epoch: 'e1', seq: 20 });

    const sent = made.sockets.last.take();
    assert.deepEqual(sent.map((c) => c.text), ['a', 'b']);
    for (const { ref } of sent)
      made.sockets.last.say({ type: 'ack', ref, roomId: 'lobby', seq: 30 + ref });
    assert.deepEqual(await standing(answers), ['ack', 'ack']);
  });

  test('commands wait before the first welcome, too', async (t) => {
    const { client, sockets, pass } = newClient(t);
    client.room('r').send('early');
    sockets.last.open();
    assert.deepEqual(sockets.last.take(), []);
    sockets.last.welcome();
    await pass();
    assert.deepEqual(sockets.last.takeOne().text, 'early');
  });

  test('they do not wait for ever, and then are not sent', async (t) => {
    const { client, sockets, pass } = newClient(t, { queueTimeout: 4000 });
    const answer = client.room('r').send('x');
    await pass(4000);
    await assert.rejects(answer, { code: 'timeout', sent: false });
    sockets.last.welcome();
    assert.deepEqual(sockets.last.take(), []);
  });

  test('their number is bounded', async (t) => {
    const { client, sockets } = newClient(t, { queueLimit: 2 });
    const room = client.room('r');
    const answers = [room.send('1'), room.send('2'), room.send('3')];
    assert.deepEqual(await standing(answers), ['open', 'open', 'queue_full']);
    await assert.rejects(answers[2], {
      retryable: true, sent: false, roomId: 'r', message: 'Too much waits to be sent.',
    });
    sockets.last.welcome();
    assert.deepEqual(sockets.last.take().map((c) => c.text), ['1', '2']);
  });

  test('their bytes are bounded, and free again once they are gone', async (t) => {
    const { client, sockets, pass } = newClient(t, { queueBytes: 200, queueTimeout: 1000 });
    const room = client.room('r');
    assert.deepEqual(await standing([room.send('é'.repeat(60))]), ['open']);
    assert.deepEqual(await standing([room.send('y'.repeat(60))]), ['queue_full']);
    await pass(1000);
    assert.deepEqual(await standing([room.send('z'.repeat(60))]), ['open']);
    sockets.last.welcome();
    assert.deepEqual(sockets.last.takeOne().text[0], 'z');
    room.send('big but there is a connection '.repeat(30));
    assert.equal(sockets.last.take().length, 1);
  });

  test('the oldest can give way instead', async (t) => {
    const { client, sockets } = newClient(t, { queueLimit: 2, queuePolicy: 'drop-oldest' });
    const room = client.room('r');
    const sendings = ['1', '2', '3'].map((text) => room.send(text));
    assert.deepEqual(sendings.map((s) => s.state), ['failed', 'queued', 'queued']);
    await assert.rejects(sendings[0], { code: 'dropped', retryable: true, sent: false });
    sockets.last.welcome();
    assert.deepEqual(sockets.last.take().map((c) => c.text), ['2', '3']);
  });

  test('the oldest give way to bytes, but not to what would never fit', async (t) => {
    const { client } = newClient(t, { queueBytes: 200, queuePolicy: 'drop-oldest' });
    const room = client.room('r');
    const small = ['1', '2'].map((text) => room.send(text));
    const tooBig = room.send('x'.repeat(200));
    assert.deepEqual([...small, tooBig].map((s) => s.state), ['queued', 'queued', 'failed']);
    assert.equal(tooBig.error.code, 'queue_full');
    const big = room.send('x'.repeat(120));
    assert.deepEqual([...small, big].map((s) => s.state), ['failed', 'failed', 'queued']);
  });

  describe('of messages with the delivery latest only the last one waits', () => {
    const latest = (key) => ({ delivery: 'latest', key });
    const bodiesOf = (commands) => commands.map(({ text, data }) => text ?? data);
    const statesOf = (sendings) => sendings.map(({ state }) => state);

    test('of each room and key, and it goes last', async (t) => {
      const { client, sockets } = newClient(t);
      const [room, other] = [client.room('r'), client.room('other')];
      const sendings = [
        room.send('1', latest('a')), room.send('2', latest('b')), other.send('3', latest('a')),
        room.send('4'), room.sendData(5, latest('a')),
      ];
      const left = ['failed', ...Array(4).fill('queued')];
      assert.deepEqual(statesOf(sendings), left);
      await assert.rejects(sendings[0], {
        code: 'superseded', retryable: false, sent: false, roomId: 'r', request: 'message',
        message: 'It gave way to a later one.',
      });
      sockets.last.welcome();
      const sent = sockets.last.take();
      assert.deepEqual(bodiesOf(sent), ['2', '3', '4', 5]);
      assert.deepEqual([sent[0].delivery, sent[0].key], ['latest', 'b']);
    });

    test('whether it is text or bytes, and no key is a key like another', async (t) => {
      const { client, sockets } = newClient(t);
      const room = client.room('r');
      const sendings = [
        room.send('1', latest()), room.send('2', latest('a')),
        room.sendBinary(new Uint8Array([3]), latest()), room.send('4', latest('')),
      ];
      assert.deepEqual(statesOf(sendings), ['failed', 'queued', 'failed', 'queued']);
      sockets.last.welcome();
      assert.deepEqual(bodiesOf(sockets.last.take()), ['2', '4']);
    });

    test('also where it waits for its room or for the pace', async (t) => {
      const limits = { ...noLimits, messagesPerSecond: 1, burstMessages: 2 };
      const made = await connectedClient(t, {}, { limits });
      const joining = made.client.room('lobby');
      joining.join();
      const sendings = [joining, joining, made.client.room('r'), made.client.room('r')].map(
        (room, n) => room.send(String(n), latest('a')),
      );
      assert.deepEqual(statesOf(sendings), ['failed', 'queued', 'failed', 'queued']);
    });

    test('so it finds its place in a full queue', async (t) => {
      const { client } = newClient(t, { queueLimit: 1 });
      const room = client.room('r');
      const sendings = ['1', '2'].map((text) => room.send(text, latest('a')));
      assert.deepEqual(statesOf(sendings), ['failed', 'queued']);
    });

    test('and what is sent does not give way', async (t) => {
      const { client, sockets } = await connectedClient(t);
      const room = client.room('r');
      const sendings = ['1', '2'].map((text) => room.send(text, latest('a')));
      assert.deepEqual(bodiesOf(sockets.last.take()), ['1', '2']);
      sockets.last.end();
      const third = room.send('3', latest('a'));
      assert.deepEqual(statesOf([...sendings, third]), ['unknown', 'unknown', 'queued']);
    });

    test('and neither do volatile ones or commands of the application', async (t) => {
      const { client } = newClient(t);
      const room = client.room('r');
      const sendings = [
        ...['1', '2'].map((text) => room.send(text, { delivery: 'volatile', key: 'a' })),
        ...['3', '4'].map((n) => room.request('dance', { delivery: 'latest', key: 'a', n })),
      ];
      assert.deepEqual(statesOf(sendings), Array(4).fill('queued'));
    });

    test('also if a handler sends another when it hears that one gave way', async (t) => {
      const { client, sockets } = newClient(t);
      const room = client.room('r');
      const first = room.send('1', latest('a'));
      let third;
      first.on('state', () => (third = room.send('3', latest('a'))));
      const second = room.send('2', latest('a'));
      assert.deepEqual(statesOf([first, second, third]), ['failed', 'failed', 'queued']);
      sockets.last.welcome();
      assert.deepEqual(bodiesOf(sockets.last.take()), ['3']);
    });
  });

  test('a command that leaves a room does not give way', async (t) => {
    const limits = { ...noLimits, messagesPerSecond: 1, burstMessages: 4 };
    const options = { queueLimit: 1, queuePolicy: 'drop-oldest' };
    const made = await connectedClient(t, options, { limits });
    const room = await joinedRoom(made);
    made.client.ping();
    room.leave();
    const sending = made.client.room('r').send('x');
    assert.deepEqual([sending.state, sending.error.code], ['failed', 'queue_full']);
    made.sockets.last.take();
    await made.pass(1000);
    assert.equal(made.sockets.last.takeOne().type, 'leave');
  });

  test('a handler may send again, or close the client, when a message fails', async (t) => {
    const { client, sockets } = newClient(t, { queueLimit: 2, queuePolicy: 'drop-oldest' });
    const room = client.room('r');
    const sendings = ['1', '2'].map((text) => room.send(text));
    let again;
    sendings[0].on('state', () => (again = client.room('other').send('again')));
    const third = room.send('3');
    assert.deepEqual(
      [...sendings, third, again].map((s) => s.state),
      ['failed', 'failed', 'queued', 'queued'],
    );
    sockets.last.welcome();
    third.on('state', () => client.close());
    sockets.last.end();
    assert.deepEqual([third.state, again.state, client.state], ['unknown', 'unknown', 'closed']);
  });

  test('notify sends nothing', async (t) => {
    const made = newClient(t);
    assert.equal(made.client.room('r').notify('typing'), false);
    made.sockets.last.welcome();
    assert.deepEqual(made.sockets.last.take(), []);
    assert.equal(made.client.room('r').notify('typing', { on: true }), true);
    assert.deepEqual(made.sockets.last.takeOne(), { type: 'typing', roomId: 'r', on: true });
  });
});

test('behind a goodbye commands wait for the next connection', async (t) => {
  const made = await connectedClient(t);
  const room = await joinedRoom(made);
  made.sockets.last.say({ type: 'goodbye', reason: 'restart', reconnectAfterMs: [100, 100] });
  const sending = room.send('x');
  assert.equal(room.notify('typing'), false);
  assert.deepEqual([sending.state, made.sockets.last.take()], ['queued', []]);
  made.sockets.last.end(1012, 'restart');
  await made.pass(100);
  made.sockets.last.welcome();
  const { ref } = made.sockets.last.takeOne();
  made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e2', seq: 0 });
  assert.equal(made.sockets.last.takeOne().text, 'x');
  assert.equal(sending.state, 'sent');
});

describe('while a room is joined', () => {
  const refuse = (made, ref, code, retryable) =>
    made.sockets.last.say({ type: 'error', ref, roomId: 'lobby', code, message: 'No.', retryable });
  const answer = (made, ref) =>
    made.sockets.last.say({ type: 'joined', ref, roomId: 'lobby', epoch: 'e1', seq: 10 });

  test('what is for it waits, what is for others goes', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    room.join();
    const { ref } = made.sockets.last.takeOne();
    const sendings = [room.send('a'), room.request('b'), made.client.room('other').send('c')];
    assert.equal(room.notify('typing'), false);
    assert.equal(made.client.room('other').notify('typing'), true);
    assert.deepEqual(sendings.map((s) => s.state), ['queued', 'queued', 'sent']);
    assert.deepEqual(made.sockets.last.take().map((c) => c.type), ['message', 'typing']);
    answer(made, ref);
    assert.deepEqual(made.sockets.last.take().map((c) => c.type), ['message', 'b']);
  });

  test('it goes ahead of what is sent when it is joined', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    room.join();
    const { ref } = made.sockets.last.takeOne();
    room.send('first');
    room.on('joined', () => room.send('second'));
    answer(made, ref);
    assert.deepEqual(made.sockets.last.take().map((c) => c.text), ['first', 'second']);
  });

  test('it waits for the next attempt, too, if the room is joined again later', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    made.sockets.last.say({ type: 'roomClosed', roomId: 'lobby', reason: 'crashed' });
    const sending = room.send('x');
    await made.pass(6000);
    refuse(made, made.sockets.last.takeOne().ref, 'overloaded', true);
    await made.pass(6000);
    const { ref, type } = made.sockets.last.takeOne();
    assert.deepEqual([type, sending.state], ['join', 'queued']);
    answer(made, ref);
    assert.equal(made.sockets.last.takeOne().text, 'x');
  });

  test('it fails if the room refuses', async (t) => {
    const made = await connectedClient(t);
    const room = made.client.room('lobby');
    room.join();
    const sending = room.send('x');
    refuse(made, made.sockets.last.takeOne().ref, 'room_full', true);
    await assert.rejects(sending, { code: 'room_full', sent: false, request: 'message' });
    assert.deepEqual(made.sockets.last.take(), []);
  });

  for (const connected of [true, false])
    test(`it fails if the room is left, connected: ${connected}`, async (t) => {
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      const crash = { type: 'roomClosed', roomId: 'lobby', reason: 'crashed' };
      if (connected) made.sockets.last.say(crash);
      else made.sockets.last.end();
      const sending = room.send('x');
      room.leave();
      await assert.rejects(sending, { code: 'left', sent: false });
    });
});

describe('the server\'s limits', () => {
  test('a message that is too big fails here', async (t) => {
    const { client, sockets } = await connectedClient(
      t,
      {},
      { limits: { ...noLimits, maxMessageBytes: 100 } },
    );
    const answer = client.room('r').send('x'.repeat(100));
    await assert.rejects(answer, { code: 'too_big', sent: false, retryable: false });
    assert.equal(client.room('r').notify('x', { text: 'x'.repeat(100) }), false);
    assert.deepEqual(sockets.last.take(), []);
    client.room('r').send('x');
    assert.equal(sockets.last.take().length, 1);
  });

  test('commands keep to the pace', async (t) => {
    const { client, sockets, pass } = await connectedClient(
      t,
      {},
      { limits: { ...noLimits, messagesPerSecond: 10, burstMessages: 10 } },
    );
    const room = client.room('r');
    for (let i = 0; i < 8; ++i) room.send(String(i));
    assert.equal(room.notify('typing'), false);

    assert.equal(sockets.last.take().length, 5);
    await pass(100);
    assert.equal(sockets.last.takeOne().text, '5');
    await pass(100);
    await pass(100);
    assert.deepEqual(sockets.last.take().map((c) => c.text), ['6', '7']);
    await pass(10_000);
    sockets.last.take();
    for (let i = 0; i < 6; ++i) room.send(String(i));
    assert.equal(sockets.last.take().length, 5);
  });

  test('a socket that holds much back gets no more', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    sockets.last.bufferedAmount = 2 << 20;
    client.room('r').send('x');
    await pass(50);
    assert.deepEqual(sockets.last.take(), []);
    sockets.last.bufferedAmount = 0;
    await pass(50);
    assert.equal(sockets.last.takeOne().text, 'x');
  });
});

describe('errors without a ref', () => {
  test('are told to the client and the room', async (t) => {
    const made = await connectedClient(t);
    const room = await joinedRoom(made);
    const heard = [];
    room.on('error', (error) => heard.push(error.code));
    made.sockets.last.say({
      type: 'error',
      request: 'typing',
      roomId: 'lobby',
      code: 'unknown_type',
      message: '',
      retryable: false,
    });
    made.sockets.last.say({
      type: 'error', code: 'rate_limited', message: '', retryable: true, retryAfterMs: 10,
    });
    assert.deepEqual(heard, ['unknown_type']);
    const errors = made.errors.map((e) => [e.code, e.roomId, e.request, e.retryAfterMs]);
    assert.deepEqual(errors, [
      ['unknown_type', 'lobby', 'typing', undefined], ['rate_limited', undefined, undefined, 10],
    ]);
  });
});
