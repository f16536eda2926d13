// The life of a client's connection: welcome, loss, back-off, goodbye, close codes, heartbeat,
// tokens.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client, TroupeError } from '../src/index.js';
import {
  connectedClient, fakeWebSocket, joinedRoom, longestWaits, newClient,
} from './support/fake_websocket.mjs';

/// Loses the connection and lets the longest first wait pass.
async function reconnect({ sockets, pass }) {
  sockets.last.end();
  await pass(500);
}

describe('a client', () => {
  test('offers its codec and is ready with the welcome', async (t) => {
    const { client, sockets, pass } = newClient(t);
    assert.deepEqual(sockets.last.protocols, ['troupe.v1.json']);
    assert.equal(sockets.last.url, 'ws://server.test/');
    assert.equal(sockets.last.binaryType, 'arraybuffer');
    assert.deepEqual([client.state, client.userId, client.limits], ['connecting', null, null]);

    sockets.last.welcome({ limits: { maxMessageBytes: 7 } });
    const welcome = await client.ready;
    await pass();

    assert.equal(welcome.userId, 'u1');
    assert.deepEqual([client.state, client.userId, client.clientId], ['connected', 'u1', 'c1']);
    assert.equal(client.limits.maxMessageBytes, 7);
    assert.deepEqual([client.error, client.retryAt], [null, 0]);
  });

  test('refuses bad settings at once', () => {
    assert.throws(() => new Client('nonsense'), TypeError);
    assert.throws(() => new Client('ftp://x/'), TypeError);
    assert.throws(() => new Client('ws://x/', { codec: 'msgpack' }), /troupe-client\/msgpack/);
    assert.throws(() => new Client('ws://x/', { queuePolicy: 'keep' }), /reject, drop-oldest/);
  });

  test('takes the address of a page', (t) => {
    const sockets = fakeWebSocket();
    globalThis.location = { href: 'https://page.test/chat/#top' };
    t.after(() => delete globalThis.location);
    const client = new Client('/live#x', { WebSocket: sockets });
    assert.equal(sockets.last.url, 'wss://page.test/live');
    client.close();
  });

  test('tells each change of its state', async (t) => {
    longestWaits(t);
    const made = newClient(t);
    const states = [];
    made.client.on('state', (client) => states.push([client.state, client.retryAt > 0]));

    made.sockets.last.welcome();
    await reconnect(made);
    made.sockets.last.welcome();
    made.client.close();

    assert.deepEqual(states, [
      ['connected', false],
      ['reconnecting', true],
      ['reconnecting', false],
      ['connected', false],
      ['closed', false],
    ]);
  });

  test('connects again with a growing wait, ' +
    'and from the shortest after a connection that held', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t);
    for (const ms of [500, 1000, 2000]) {
      sockets.last.end();
      const before = sockets.made.length;
      assert.equal(client.retryAt, Date.now() + ms);
      await pass(ms - 1);
      assert.equal(sockets.made.length, before);
      await pass(1);
      assert.equal(sockets.made.length, before + 1);
    }

    sockets.last.welcome();
    await pass(10_000);
    sockets.last.end();
    assert.equal(client.retryAt, Date.now() + 500);
  });

  test('is not fooled by a server that lets it in and throws it out', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t);
    for (const ms of [500, 1000, 2000, 4000]) {
      sockets.last.end();
      assert.equal(client.retryAt, Date.now() + ms);
      await pass(ms);
      sockets.last.welcome();
    }
  });

  test('gives an attempt up that gets no welcome in time', async (t) => {
    const { client, sockets, pass } = newClient(t, { timeout: 3000 });
    sockets.last.open();
    await pass(3000);
    assert.equal(client.state, 'reconnecting');
    assert.equal(client.error.code, 'connection_lost');
    assert.notEqual(sockets.last.closedWith, null);
  });

  test('has a new promise of being ready after a loss', async (t) => {
    longestWaits(t);
    const made = await connectedClient(t);
    const first = made.client.ready;
    await reconnect(made);
    const second = made.client.ready;
    assert.notEqual(first, second);
    made.sockets.last.welcome({ userId: 'u2' });
    assert.equal((await second).userId, 'u2');
  });

  test('stops after maxReconnectAttempts in a row, and begins anew when told to', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = newClient(t, { maxReconnectAttempts: 1 });
    const { ready } = client;
    sockets.last.end();
    await pass(500);
    sockets.last.end();
    await pass(60_000);

    assert.equal(sockets.made.length, 2);
    assert.equal(client.state, 'stopped');
    await assert.rejects(ready, { code: 'connection_lost' });
    await assert.rejects(client.request({ type: 'ping' }), { code: 'connection_lost' });
    await assert.rejects(client.room('r').join(), { code: 'connection_lost' });

    client.connect();
    assert.equal(client.state, 'connecting');
    sockets.last.welcome();
    await client.ready;
    assert.equal(client.state, 'connected');
  });

  test('connect does not wait for the time of the next attempt', async (t) => {
    const { client, sockets } = await connectedClient(t);
    sockets.last.end();
    client.connect();
    assert.equal(sockets.made.length, 2);
    client.connect();
    assert.equal(sockets.made.length, 2);
  });

  test('close is for good', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    const answer = client.request({ type: 'ping' });
    client.close();
    assert.equal(sockets.last.closedWith.code, 1000);
    await assert.rejects(answer, { code: 'closed', sent: true });
    await assert.rejects(client.ready, { code: 'closed' });
    await assert.rejects(client.request({ type: 'ping' }), { code: 'closed' });
    client.close();
    await pass(60_000);
    assert.equal(sockets.made.length, 1);
  });

  test('reconnects when the server sends what is no message', async (t) => {
    const { client, sockets, errors } = await connectedClient(t);
    sockets.last.say('{"type":');
    assert.equal(client.state, 'reconnecting');
    assert.equal(errors[0].code, 'undecodable');
    assert.equal(client.error.code, 'connection_lost');
  });

  test('ignores what is no map with a type', async (t) => {
    const { client, sockets } = await connectedClient(t);
    for (const text of ['null', '1', '[]', '{}', '{"type":1}']) sockets.last.say(text);
    assert.equal(client.state, 'connected');
  });
});

describe('a goodbye', () => {
  test('with a time is obeyed once', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t);
    sockets.last.say({ type: 'goodbye', reason: 'restart', reconnectAfterMs: [2000, 7000] });
    sockets.last.end(1012, 'restart');
    assert.equal(client.goodbye.reason, 'restart');
    assert.equal(client.retryAt, Date.now() + 7000);
    await pass(7000);
    sockets.last.end();
    assert.equal(client.retryAt, Date.now() + 1000);
    await pass(1000);
    sockets.last.welcome();
    assert.equal(client.goodbye, null);
  });

  test('for good makes it ask rarely', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    await pass(20_000);
    sockets.last.say({ type: 'goodbye', reason: 'shutdown' });
    sockets.last.end(1001);
    assert.ok(client.retryAt >= Date.now() + 10_000 && client.retryAt <= Date.now() + 30_000);
    await pass(30_000);
    sockets.last.end();
    assert.ok(client.retryAt >= Date.now() + 10_000);
    await pass(30_000);
    sockets.last.welcome();
    await pass(10_000);
    sockets.last.end();
    assert.ok(client.retryAt <= Date.now() + 500);
  });
});

describe('close codes', () => {
  test('a handshake that is answered by 401, as Node tells, ' +
    'stops a client without a source of tokens', async (t) => {
    const { client, sockets } = newClient(t, { token: 'a.b.c' });
    sockets.last.onerror({ type: 'error', message: 'Unexpected server response: 401' });
    sockets.last.end();
    assert.equal(client.state, 'stopped');
    await assert.rejects(client.ready, { code: 'connection_lost' });
  });

  for (const reason of ['token_expired', 'too_many_errors', 'flood', ''])
    test(`1008 ${reason} stops a client without a source of tokens`, async (t) => {
      const { client, sockets, pass } = await connectedClient(t, { token: 'a.b.c' });
      sockets.last.end(1008, reason);
      await pass(60_000);
      assert.equal(client.state, 'stopped');
      assert.equal(client.error.closeCode, 1008);
      assert.equal(sockets.made.length, 1);
    });

  for (const reason of ['replaced', 'disconnected']) {
    test(`1008 ${reason} stops a client whatever its token, with that code`, async (t) => {
      const made = newClient(t, { token: () => 'a.b.c' });
      const { client, sockets, pass } = made;
      await pass();
      sockets.last.welcome();
      const room = await joinedRoom(made);
      const [sending, joining] = [room.send('x'), client.room('other').join()];
      sockets.last.end(1008, reason);
      await pass(60_000);
      const { code, closeCode, retryable } = client.error;
      assert.deepEqual([code, closeCode, retryable], [reason, 1008, false]);
      assert.deepEqual([client.state, sockets.made.length], ['stopped', 1]);
      await assert.rejects(sending, { code: reason, sent: true });
      await assert.rejects(joining, { code: reason });
      await assert.rejects(client.ready, { code: reason });

      client.connect();
      await pass();
      sockets.last.welcome();
      assert.deepEqual(sockets.last.take().map(({ type, roomId }) => [type, roomId]), [
        ['join', 'lobby'], ['join', 'other'],
      ]);
    });

    test(`1008 ${reason} answers a leave`, async (t) => {
      const made = await connectedClient(t);
      const room = await joinedRoom(made);
      const leaving = room.leave();
      made.sockets.last.end(1008, reason);
      assert.equal((await leaving).type, 'left');
    });
  }

  for (const reason of ['heartbeat_timeout', 'write_timeout', 'assembly_timeout'])
    test(`1008 ${reason} does not stop it`, async (t) => {
      const { client, sockets } = await connectedClient(t);
      sockets.last.end(1008, reason);
      assert.equal(client.state, 'reconnecting');
    });

  for (const reason of ['slow_consumer', 'node_overloaded', 'parts_limit'])
    test(`1013 ${reason} gives a busy server more time, ` +
      'even after a connection that held', async (t) => {
      longestWaits(t);
      const { client, sockets, pass } = await connectedClient(t);
      await pass(60_000);
      sockets.last.say({ type: 'pong' });
      sockets.last.end(1013, reason);
      assert.equal(client.state, 'reconnecting');
      assert.equal(client.retryAt, Date.now() + 4000);
      assert.equal(client.error.closeCode, 1013);
      assert.ok(client.error.message.includes(reason), client.error.message);
    });

  for (const code of [1000, 1001, 1006, 1009, 1011, 4000])
    test(`${code} is a loss like any other`, async (t) => {
      const { client, sockets } = await connectedClient(t);
      sockets.last.end(code);
      assert.equal(client.state, 'reconnecting');
      assert.equal(client.error.closeCode, code);
    });
});

describe('a token', () => {
  test('goes as a subprotocol beside the codec', async (t) => {
    const { sockets } = newClient(t, { token: 'a.b.c' });
    assert.deepEqual(sockets.last.protocols, ['troupe.v1.json', 'troupe.bearer.a.b.c']);
  });

  test('is asked for before each attempt', async (t) => {
    longestWaits(t);
    let count = 0;
    const made = newClient(t, { token: async () => `t${++count}` });
    await made.pass();
    assert.equal(made.sockets.last.protocols[1], 'troupe.bearer.t1');
    await reconnect(made);
    assert.equal(made.sockets.last.protocols[1], 'troupe.bearer.t2');
  });

  test('that was refused is replaced by a new one, ' +
    'and the same again stops the client', async (t) => {
    longestWaits(t);
    let token = 'old';
    const { client, sockets, pass } = newClient(t, { token: () => token });
    await pass();
    sockets.last.welcome();
    token = 'new';
    sockets.last.end(1008, 'token_expired');
    await pass(500);
    assert.equal(sockets.last.protocols[1], 'troupe.bearer.new');
    assert.equal(sockets.made.length, 2);

    sockets.last.welcome();
    sockets.last.end(1008, 'token_expired');
    await pass(1000);
    assert.equal(client.state, 'stopped');
    assert.equal(sockets.made.length, 2);
  });

  test('that cannot be had is a failed attempt', async (t) => {
    longestWaits(t);
    const tokens = [() => Promise.reject(new Error('offline')), () => 'here'];
    const { client, sockets, pass, errors } = newClient(t, { token: () => tokens.shift()() });
    await pass();
    assert.equal(client.state, 'reconnecting');
    assert.equal(errors[0].message, 'offline');
    await pass(500);
    assert.equal(sockets.last.protocols[1], 'troupe.bearer.here');
  });

  test('that comes after close is not used', async (t) => {
    let give;
    const { client, sockets, pass } = newClient(t, {
      token: () => new Promise((resolve) => (give = resolve)),
    });
    client.close();
    give('late');
    await pass();
    assert.equal(sockets.made.length, 0);
  });
});

describe('the heartbeat', () => {
  test('asks after the silence that the server named, and not before', async (t) => {
    const { sockets, pass } = await connectedClient(t);
    await pass(20_000);
    sockets.last.say({ type: 'pong' });
    await pass(24_999);
    assert.deepEqual(sockets.last.take(), []);
    await pass(1);
    assert.deepEqual(sockets.last.take(), [{ type: 'ping' }]);
    sockets.last.say({ type: 'pong' });
    await pass(10_000);
    await pass(15_000);
    assert.deepEqual(sockets.last.take(), [{ type: 'ping' }]);
  });

  test('ends a connection that does not answer', async (t) => {
    const { client, sockets, pass } = await connectedClient(t, { pongTimeout: 4000 });
    await pass(25_000);
    await pass(3999);
    assert.equal(client.state, 'connected');
    await pass(1);
    assert.equal(client.state, 'reconnecting');
    assert.equal(sockets.made[0].closedWith.code, 4000); // 1000 would end the session
  });

  test('is off where the server wants none', async (t) => {
    const { sockets, pass } = await connectedClient(t, {}, { heartbeatMs: 0 });
    await pass(1_000_000);
    assert.deepEqual(sockets.last.take(), []);
  });
});

describe('while something is unanswered', () => {
  const pings = (socket) => socket.take().filter(({ type }) => type === 'ping').length;

  test('a silent server is pinged soon, and given up', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    const sending = client.room('r').send('x');
    await pass(2999);
    assert.equal(pings(sockets.last), 0);
    await pass(1);
    assert.equal(pings(sockets.last), 1);
    await pass(2999);
    assert.equal(client.state, 'connected');
    await pass(1);
    assert.equal(client.state, 'reconnecting');
    assert.match(client.error.message, /the server did not answer in time/);
    assert.equal(sending.state, 'unknown');
    assert.notEqual(sockets.made[0].closedWith, null);
  });

  test('whatever is heard puts that off', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    client.room('r').send('x');
    await pass(2000);
    sockets.last.say({ type: 'chat', roomId: 'r' });
    await pass(2999);
    assert.equal(pings(sockets.last), 0);
    await pass(1);
    assert.equal(pings(sockets.last), 1);
    sockets.last.say({ type: 'pong' });
    await pass(3000);
    assert.deepEqual([pings(sockets.last), client.state], [1, 'connected']);
    await pass(3000);
    assert.equal(client.state, 'reconnecting');
  });

  test('the time counts from the first command, in a server that names no heartbeat', async (t) => {
    const { client, sockets, pass } = await connectedClient(t, {}, { heartbeatMs: 0 });
    await pass(60_000);
    client.room('r').send('x');
    await pass(2000);
    client.room('r').send('y');
    await pass(1000);
    assert.equal(pings(sockets.last), 1);
  });

  test('and once it is answered, the usual silence is allowed again', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    client.room('r').send('x');
    const { ref } = sockets.last.takeOne();
    await pass(2000);
    sockets.last.say({ type: 'ack', ref, roomId: 'r', seq: 1 });
    await pass(24_999);
    assert.equal(pings(sockets.last), 0);
    await pass(1);
    assert.equal(pings(sockets.last), 1);
  });

  test('a large message has time to be sent', async (t) => {
    const { client, sockets, pass } = await connectedClient(t, { timeout: 0 });
    client.room('r').send('x'.repeat((16 << 10) + 640_000));
    await pass(13_000);
    assert.deepEqual([pings(sockets.last), client.state], [0, 'connected']);
    await pass(10);
    assert.equal(pings(sockets.last), 1);
  });

  test('the connection after has twice the time, until answers come in time again', async (t) => {
    longestWaits(t);
    const { client, sockets, pass } = await connectedClient(t);
    const room = client.room('r');
    room.join();
    const enter = () => {
      const { ref } = sockets.last.takeOne();
      sockets.last.say({ type: 'joined', ref, roomId: 'r', epoch: 'e', seq: 0 });
    };
    enter();
    const silence = async () => {
      room.send('x');
      let ms = 0;
      for (; client.state === 'connected'; ms += 1000) await pass(1000);
      await pass(client.retryAt - Date.now());
      sockets.last.welcome();
      enter();
      return ms;
    };
    const times = [await silence(), await silence()];
    room.send('x');
    sockets.last.say({ type: 'ack', ref: sockets.last.takeOne().ref, roomId: 'r', seq: 1 });
    assert.deepEqual([...times, await silence()], [6000, 12_000, 6000]);
  });

  test('it need not be watched', async (t) => {
    const options = { pingAfter: 0, pongTimeout: 0, timeout: 0 };
    const { client, sockets, pass } = await connectedClient(t, options);
    client.room('r').send('x');
    await pass(24_999);
    assert.equal(pings(sockets.last), 0);
    await pass(60_000);
    assert.deepEqual([pings(sockets.last), client.state], [1, 'connected']);
  });
});

describe('a page that wakes up', () => {
  const windowEvents = new EventTarget();
  const online = () => windowEvents.dispatchEvent(new Event('online'));
  const shown = () => document.dispatchEvent(new Event('visibilitychange'));
  before(() => {
    globalThis.document = new EventTarget();
    globalThis.addEventListener = (...args) => windowEvents.addEventListener(...args);
    globalThis.removeEventListener = (...args) => windowEvents.removeEventListener(...args);
  });
  after(() => {
    for (const name of ['document', 'addEventListener', 'removeEventListener'])
      delete globalThis[name];
  });

  test('connects at once', async (t) => {
    const { sockets } = await connectedClient(t);
    sockets.last.end();
    online();
    assert.equal(sockets.made.length, 2);
    online();
    assert.equal(sockets.made.length, 2);
  });

  test('still obeys the server that asked for time', async (t) => {
    const { sockets } = await connectedClient(t);
    sockets.last.say({ type: 'goodbye', reason: 'restart', reconnectAfterMs: [2000, 7000] });
    sockets.last.end(1012);
    online();
    assert.equal(sockets.made.length, 1);
  });

  test('asks a server that was silent for a while', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    shown();
    assert.deepEqual(sockets.last.take(), []);
    await pass(5001);
    document.hidden = true;
    shown();
    assert.deepEqual(sockets.last.take(), []);
    document.hidden = false;
    shown();
    assert.deepEqual(sockets.last.take(), [{ type: 'ping' }]);
    await pass(10_000);
    assert.equal(client.state, 'reconnecting');
  });

  test('gives up a server that stays silent, whatever is sent meanwhile', async (t) => {
    const { client, sockets, pass } = await connectedClient(t);
    await pass(6000);
    shown();
    await pass(1000);
    client.room('r').send('x');
    await pass(1999);
    assert.equal(client.state, 'connected');
    await pass(1);
    assert.equal(client.state, 'reconnecting');
    assert.deepEqual(sockets.made[0].take().map((c) => c.type), ['ping', 'message']);
  });

  test('leaves a closed client alone', async (t) => {
    const { client, sockets } = await connectedClient(t);
    client.close();
    online();
    assert.equal(sockets.made.length, 1);
  });
});

test('a socket that is given up early may report errors', async (t) => {
  const { client, sockets } = newClient(t);
  const [socket] = sockets.made;
  client.close();
  socket.onerror(new Error('closed before it was open'));
  assert.equal(client.error instanceof TroupeError, true);
});
