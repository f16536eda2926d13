// Directs: what one user says to all clients of another, in no room.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connectedClient, joinedRoom, newClient, noLimits } from './support/fake_websocket.mjs';
import {
  keptClient, lose, place, reconnect, refused, resumed, session, welcomeAgain,
} from './support/session.mjs';

const known = { limits: { ...noLimits, dedupe: 64 } };

/// A client of a server that keeps sessions and knows ids.
const knownClient = (t, options = {}, dedupe = 64) =>
  keptClient(t, options, { limits: { ...noLimits, dedupe } });

/// Loses the connection and takes the session up again. Returns what is sent behind `resumed`.
async function resume(made, n = 2) {
  resumed(made, await reconnect(made, n, known), []);
  return made.sockets.last.take();
}

const ack = ({ sockets }, { ref }, fields = {}) =>
  sockets.last.say({ type: 'ack', ref, ...fields });
const textsOf = (commands) => commands.map(({ type, text }) => text ?? type);
const statesOf = (sendings) => sendings.map(({ state }) => state);

describe('a direct', () => {
  test('is a command to a user, and resolves with the ack', async (t) => {
    const made = await knownClient(t);
    const sending = made.client.direct('bob', 'Hello!');
    const { ref, id, ...command } = made.sockets.last.takeOne();
    assert.deepEqual(command, { type: 'direct', to: 'bob', text: 'Hello!' });
    assert.ok(Number.isSafeInteger(id), id);
    assert.equal(sending.state, 'sent');
    ack(made, { ref });
    assert.equal((await sending).type, 'ack');
    assert.equal(sending.state, 'acked');
  });

  test('is text if it is a string, and data if it is anything else', async (t) => {
    const made = await connectedClient(t);
    const bodies = ['', { move: 'e4' }, new Uint8Array([255]), null, undefined];
    for (const body of bodies) made.client.direct('bob', body);
    assert.deepEqual(made.sockets.last.take().map(({ text, data }) => ({ text, data })), [
      { text: '', data: undefined },
      ...[{ move: 'e4' }, { $bin: '/w==' }, null, null].map((data) => ({ text: undefined, data })),
    ]);
  });

  test('fails if it cannot be sent', async (t) => {
    const { client, sockets } = await connectedClient(t);
    await assert.rejects(client.direct('bob', NaN), { code: 'bad_payload', sent: false });
    assert.deepEqual(sockets.last.take(), []);
  });

  test('fails if the user is away, and may be said later', async (t) => {
    const { client, sockets } = await connectedClient(t);
    const sending = client.direct('bob', 'x');
    const { ref } = sockets.last.takeOne();
    const refusal = { request: 'direct', code: 'user_away', message: '', retryable: true };
    sockets.last.say({ type: 'error', ref, ...refusal });
    await assert.rejects(sending, { ...refusal, sent: true });
    assert.equal(sending.state, 'failed');
  });

  test('is unknown if the answer takes too long', async (t) => {
    const { client, pass } = await connectedClient(t, { timeout: 2000 });
    const sendings = [client.direct('bob', 'x'), client.direct('bob', 'y', { timeout: 100 })];
    await pass(100);
    assert.deepEqual(statesOf(sendings), ['sent', 'unknown']);
    await pass(1900);
    assert.deepEqual(statesOf(sendings), ['unknown', 'unknown']);
    assert.equal(sendings[0].error.code, 'timeout');
  });

  test('has no id where the server knows none, and the one that is given', async (t) => {
    const { client, sockets } = await connectedClient(t);
    client.direct('bob', 'x');
    client.direct('bob', 'y', { id: 'mine' });
    assert.deepEqual(sockets.last.take().map(({ id }) => id), [undefined, 'mine']);
  });

  test('waits for the connection, but for no room', async (t) => {
    const { client, sockets } = newClient(t);
    client.room('r').join();
    client.room('r').send('said there');
    const sending = client.direct('bob', 'x');
    assert.equal(sending.state, 'queued');
    sockets.last.welcome();
    assert.deepEqual(textsOf(sockets.last.take()), ['join', 'x']);
    assert.equal(sending.state, 'sent');
  });

  for (const [queuePolicy, states, code] of [
    ['reject', ['queued', 'failed'], 'queue_full'],
    ['drop-oldest', ['failed', 'queued'], 'dropped'],
  ])
    test(`waits in the bounded queue, whose policy may be ${queuePolicy}`, async (t) => {
      const { client } = newClient(t, { queueLimit: 1, queuePolicy });
      const sendings = ['x', 'y'].map((text) => client.direct('bob', text));
      assert.deepEqual(statesOf(sendings), states);
      assert.equal(sendings[states.indexOf('failed')].error.code, code);
    });

  test('fails once the client is closed', async (t) => {
    const { client } = await connectedClient(t);
    client.close();
    const sending = client.direct('bob', 'x');
    assert.deepEqual([sending.state, sending.error.code], ['failed', 'closed']);
  });
});

describe('a direct that is not answered when the connection is lost', () => {
  test('is sent again as it was behind resumed, before what is new', async (t) => {
    const made = await knownClient(t);
    ack(made, (made.client.direct('bob', 'answered'), made.sockets.last.takeOne()));
    const sending = made.client.direct('bob', 'x');
    const states = [];
    sending.on('state', ({ state }) => states.push(state));
    const first = made.sockets.last.takeOne();
    await lose(made);
    made.client.direct('bob', 'new');
    await welcomeAgain(made, 2, known);
    resumed(made, made.sockets.last.takeOne(), []);
    const second = made.sockets.last.take();
    assert.deepEqual(second[0], first);
    assert.deepEqual(textsOf(second), ['x', 'new']);
    assert.deepEqual(states, []);
    ack(made, first, { duplicate: true });
    assert.deepEqual([(await sending).duplicate, states], [true, ['acked']]);
  });

  test('is sent again after a second loss, and whatever has become of the rooms', async (t) => {
    const made = await knownClient(t);
    const room = await joinedRoom(made);
    const said = room.send('in the room');
    const sending = made.client.direct('bob', 'x');
    await reconnect(made, 2, known);
    resumed(made, await reconnect(made, 3, known), [place('lobby', { epoch: 'e2' })]);
    assert.deepEqual(textsOf(made.sockets.last.take()), ['x']);
    assert.deepEqual(statesOf([said, sending]), ['unknown', 'sent']);
  });

  test('is sent again if the application has made the command', async (t) => {
    const made = await knownClient(t);
    const command = { type: 'direct', to: 'bob', text: 'x' };
    const sendings = [{}, { id: 'mine' }].map((id) => made.client.request({ ...command, ...id }));
    assert.deepEqual((await resume(made)).map(({ id }) => id), ['mine']);
    assert.deepEqual(statesOf(sendings), ['unknown', 'sent']);
  });

  test('is unknown once the session is gone, and never sent again', async (t) => {
    const made = await knownClient(t);
    const sending = made.client.direct('bob', 'x');
    const command = await reconnect(made, 2, known);
    assert.equal(sending.state, 'sent');
    refused(made, command, 'session_gone');
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'connection_lost']);
    assert.deepEqual(made.sockets.last.take(), []);
    assert.deepEqual(await resume(made, 3), []);
  });

  for (const [what, welcome] of [['ids', session(1)], ['sessions', known]])
    test(`is unknown at once if the server keeps no ${what}`, async (t) => {
      const made = await connectedClient(t, {}, welcome);
      const sending = made.client.direct('bob', 'x');
      await lose(made);
      assert.deepEqual([sending.state, sending.error.code], ['unknown', 'connection_lost']);
    });

  test('is unknown if the server refuses the repeat: it may have taken the first', async (t) => {
    const made = await knownClient(t);
    const sending = made.client.direct('bob', 'x');
    const [{ ref }] = await resume(made);
    made.sockets.last.say({ type: 'error', ref, code: 'rate_limited', message: '' });
    assert.deepEqual([sending.state, sending.error.code], ['unknown', 'rate_limited']);
  });
});

test('no more directs are unanswered than the server knows ids; nothing else waits', async (t) => {
  const made = await knownClient(t, {}, 2);
  const { client, sockets } = made;
  const [room, other] = [await joinedRoom(made), client.room('other')];
  client.direct('bob', '1', { timeout: 0 });
  client.direct('cem', '2');
  const [first] = sockets.last.take();
  const next = client.direct('dan', '3');
  const behind = client.direct('bob', '4', { timeout: 1 });
  client.ping();
  room.send('said there');
  other.notify('typing');
  assert.deepEqual(statesOf([next, behind]), ['queued', 'queued']);
  assert.deepEqual(textsOf(sockets.last.take()), ['ping', 'said there', 'typing']);
  ack(made, first);
  assert.deepEqual(textsOf(sockets.last.take()), ['3']);
  assert.deepEqual(statesOf([next, behind]), ['sent', 'queued']);
});

describe('a direct to this user', () => {
  /// Collects the directs that are told, as [seq, text].
  function listen({ client }) {
    const told = [];
    client.on('direct', ({ seq, text }) => told.push([seq, text]));
    return told;
  }

  const say = ({ sockets }, ...seqs) => {
    for (const seq of seqs)
      sockets.last.say({ type: 'direct', userId: 'bob', seq, timestamp: '', text: `d${seq}` });
  };

  test('is told with who has said it; the server gives no name', async (t) => {
    const { client, sockets } = await connectedClient(t);
    const told = [];
    client.on('direct', (frame) => told.push(frame));
    sockets.last.say({ type: 'direct', userId: 'bob', seq: 1, timestamp: 'now', text: 'x' });
    sockets.last.say({ type: 'direct', seq: 2, timestamp: 'now', data: { $bin: '/w==' } });
    assert.deepEqual({ ...told[0] }, {
      type: 'direct', userId: 'bob', seq: 1, timestamp: 'now', text: 'x',
    });
    assert.deepEqual([told[1].userId, told[1].data], [undefined, new Uint8Array([255])]);
  });

  test('is told once: the session goes on behind the last one that was seen', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    say(made, 1, 2);
    const command = await reconnect(made);
    assert.equal(command.direct, 2);
    resumed(made, command, [], { direct: { seq: 4, recovered: true } });
    say(made, 2, 3, 4, 4, 5);
    assert.deepEqual(told.map(([seq]) => seq), [1, 2, 3, 4, 5]);
    assert.equal((await reconnect(made, 3)).direct, 5);
  });

  test('is counted as seen only once it is there, also if resumed has promised it', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    const command = await reconnect(made);
    assert.equal(command.direct, 0);
    resumed(made, command, [], { direct: { seq: 3, recovered: true } });
    say(made, 1);
    const next = await reconnect(made, 3);
    assert.equal(next.direct, 1);
    resumed(made, next, [], { direct: { seq: 3, recovered: true } });
    say(made, 2, 3);
    assert.deepEqual(told.map(([seq]) => seq), [1, 2, 3]);
  });

  test('may be missing: resumed tells so, and counting goes on with what comes', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    made.client.on('resumed', ({ direct }) => told.push(direct.recovered));
    say(made, 1);
    resumed(made, await reconnect(made), [], { direct: { seq: 40, recovered: false } });
    say(made, 39, 40, 41);
    assert.deepEqual(told, [[1, 'd1'], false, [39, 'd39'], [40, 'd40'], [41, 'd41']]);
    assert.equal((await reconnect(made, 3)).direct, 41);
  });

  test('without a number is told whenever it comes, and changes no count', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    for (const n of [1, 2]) {
      made.sockets.last.say({ type: 'direct', text: 'unnumbered' });
      say(made, 1);
    }
    assert.deepEqual(told.map(([, text]) => text), ['unnumbered', 'd1', 'unnumbered']);
    assert.equal((await reconnect(made)).direct, 1);
  });

  test('is counted from 1 in a new session', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    say(made, 1, 2, 3);
    refused(made, await reconnect(made), 'session_gone');
    say(made, 1);
    assert.deepEqual(told.map(([seq]) => seq), [1, 2, 3, 1]);
    const { resume: named, direct } = await reconnect(made, 3);
    assert.deepEqual([named, direct], ['r2', 1]);
  });

  test('is counted from 1 on each connection to a server that keeps no sessions', async (t) => {
    const made = await connectedClient(t, { reconnectInterval: 100 });
    const told = listen(made);
    say(made, 1, 2);
    await lose(made);
    await made.pass(100);
    made.sockets.last.welcome();
    say(made, 1);
    assert.deepEqual(told.map(([seq]) => seq), [1, 2, 1]);
  });

  // It was said to the connection's own session, too, and the one that goes on has it as well.
  test('that comes before resumed is not told: it comes again', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    say(made, 1);
    const command = await reconnect(made);
    say(made, 1);
    assert.deepEqual(told.length, 1);
    resumed(made, command, [], { direct: { seq: 2, recovered: true } });
    say(made, 2);
    assert.deepEqual(told.map(([seq]) => seq), [1, 2]);
  });

  test('that comes before it is known that a new session has begun is told then', async (t) => {
    const made = await keptClient(t);
    const told = listen(made);
    say(made, 1);
    const command = await reconnect(made);
    say(made, 1, 2);
    assert.equal(told.length, 1);
    refused(made, command, 'session_gone');
    say(made, 2, 3);
    assert.deepEqual(told.map(([seq]) => seq), [1, 1, 2, 3]);
  });
});
