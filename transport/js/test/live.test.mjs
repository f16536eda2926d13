// The client against the built nodes.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { ReconnectingWebSocket } from '../src/index.js';
import { secretFile, sign } from '../../../tests/system/support/tokens.mjs';
import {
  connect, inState, joined, startLastingNode, startNode, until, within,
} from './support/live.mjs';

const mixed = [['json', 'json'], ['msgpack', 'msgpack'], ['json', 'msgpack'], ['msgpack', 'json']];

async function suspend(node) {
  node.signal('SIGSTOP');
  const isStopped = () => / T /.test(readFileSync(`/proc/${node.pid}/stat`, 'utf8'));
  await until(isStopped, 'the node to have stopped');
}

for (const [mine, theirs] of mixed)
  describe(`a ${mine} and a ${theirs} client`, () => {
    test('hear each other, in one order, with acks', async (t) => {
      const node = await startNode(t, 'relay_node');
      const [ann, bob] = [
        await connect(t, node, mine, { profile: { name: 'Ann' } }), await connect(t, node, theirs),
      ];
      const hers = await joined(ann, 'lobby');
      const his = await joined(bob, 'lobby');
      assert.deepEqual(
        { ...(await hers.ear.take('userJoined')) },
        { type: 'userJoined', roomId: 'lobby', userId: bob.userId },
      );

      const { seq } = await his.room.send('안녕 😀');
      const [heard, own] = [await hers.ear.take('message'), await his.ear.take('message')];
      assert.deepEqual(heard, own);
      assert.deepEqual([heard.text, heard.seq, heard.userId], ['안녕 😀', seq, bob.userId]);

      const data = {
        list: [1, -2.5, null, true, ''],
        bytes: new Uint8Array([0, 255]),
        constructor: { toString: 1 },
      };
      await hers.room.sendData(data, { echo: false });
      const copy = (await his.ear.take('message')).data;
      assert.deepEqual(copy.bytes, data.bytes);
      assert.deepEqual(JSON.parse(JSON.stringify(copy)), JSON.parse(JSON.stringify(data)));

      const left = await his.room.leave();
      assert.equal(typeof left.seq, 'number');
      assert.deepEqual(
        { ...(await hers.ear.take('userLeft')) },
        { type: 'userLeft', roomId: 'lobby', userId: bob.userId, reason: 'left' },
      );
      await joined(ann, 'other');
      const profiled = await joined(bob, 'other');
      await hers.room.leave();
      await ann.room('other').leave();
      await ann.room('other').join();
      assert.equal((await profiled.ear.take('userJoined')).profile.name, 'Ann');
    });

    test('send each other bytes', async (t) => {
      const node = await startNode(t, 'relay_node');
      const hers = await joined(await connect(t, node, mine), 'files');
      const his = await joined(await connect(t, node, theirs), 'files');
      for (const size of [0, 1, 3000]) {
        const bytes = Uint8Array.from({ length: size }, (_, i) => i);
        const { seq } = await hers.room.sendBinary(bytes);
        for (const { ear } of [hers, his]) {
          const frame = await ear.take('binary');
          assert.deepEqual([frame.seq, frame.roomId], [seq, 'files']);
          assert.deepEqual(frame.data, bytes);
        }
      }
    });

    test('are back in their rooms after a restart, with what was said meanwhile', async (t) => {
      const node = await startLastingNode(t, 'relay_node');
      const [ann, bob] = [await connect(t, node, mine), await connect(t, node, theirs)];
      const [hers, his] = [await joined(ann, 'lobby'), await joined(bob, 'lobby')];
      const second = await joined(ann, 'second');
      node.signal('SIGTERM');
      await Promise.all([inState(ann, 'reconnecting'), inState(bob, 'reconnecting')]);
      assert.equal(ann.goodbye.reason, 'restart');
      const queued = ann.room('second').send('while it was away');
      const wait = ann.retryAt - Date.now();
      await node.ended();
      const next = await startNode(t, 'relay_node', [], { port: node.port });

      assert.ok(wait <= ann.goodbye?.reconnectAfterMs?.[1] || ann.state === 'connected');
      await within(Promise.all([ann.ready, bob.ready]), 'both to be back');
      for (const { ear } of [hers, his, second]) {
        const gap = await ear.take('gap');
        assert.notEqual(gap.epoch, gap.since.epoch);
      }
      const { seq } = await within(queued, 'the queued message');
      assert.equal((await second.ear.take('message')).seq, seq);
      await his.room.send('after');
      assert.equal((await hers.ear.take('message')).text, 'after');
      assert.equal(await next.metric('troupe_connections'), 2);
    });
  });

test('a node that is killed is found again, and what was sent last fails', async (t) => {
  const node = await startLastingNode(t, 'relay_node');
  const client = await connect(t, node);
  const { room, ear } = await joined(client, 'lobby');
  node.expectedEnd = true;
  await suspend(node);
  const answer = room.send('never handled');
  node.signal('SIGKILL');
  await inState(client, 'reconnecting');
  assert.equal(answer.state, 'sent');
  await node.ended();
  await startNode(t, 'relay_node', [], { port: node.port });
  await assert.rejects(answer, { code: 'connection_lost', retryable: true, sent: true });
  await ear.take('gap');
  await room.send('again');
  assert.equal((await ear.take('message')).text, 'again');
});

test('a node that stops for good is asked rarely', async (t) => {
  const node = await startNode(t, 'relay_node');
  const client = await connect(t, node, 'msgpack');
  node.signal('SIGINT');
  await inState(client, 'reconnecting');
  assert.equal(client.goodbye.reason, 'shutdown');
  assert.equal(client.error.closeCode, 1001);
  assert.ok(client.retryAt - Date.now() > 9000);
  await node.ended();
});

test('a node that hangs is noticed, and used again when it goes on', async (t) => {
  const node = await startNode(t, 'relay_node', ['--ping-interval', '1s', '--ping-timeout', '60s']);
  const client = await connect(t, node, 'json', { pongTimeout: 500 });
  const { ear } = await joined(client, 'lobby');
  assert.equal(client.welcome.heartbeatMs, 1000);
  node.signal('SIGSTOP');
  await inState(client, 'reconnecting');
  node.signal('SIGCONT');
  await ear.take('joined');
  await ear.take('joined');
  assert.ok((await client.ping()) >= 0);
});

test('a node that hangs with something unanswered is noticed sooner', async (t) => {
  const node = await startNode(t, 'relay_node');
  const client = await connect(t, node, 'msgpack', { pingAfter: 200, pongTimeout: 200 });
  const { room, ear } = await joined(client, 'lobby');
  await suspend(node);
  const sending = room.send('not answered');
  await inState(client, 'reconnecting');
  const queued = room.send('later');
  assert.deepEqual([sending.state, queued.state], ['sent', 'queued']);
  node.signal('SIGCONT');
  await within(Promise.all([sending, queued]), 'both messages');
  const texts = ear.pending.filter((f) => f.type === 'message').map((f) => f.text);
  assert.deepEqual(texts, ['not answered', 'later']);
});

test('more than the node takes at a time goes at its pace', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '100']);
  const client = await connect(t, node);
  const errors = [];
  client.on('error', (error) => errors.push(error.code));
  const rooms = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.room(`room-${i}`).join()),
  );
  assert.equal(rooms.length, 100);
  const acks = await Promise.all(
    Array.from({ length: 200 }, (_, i) => client.room('room-0').send(String(i))),
  );
  for (let i = 1; i < acks.length; ++i) assert.ok(acks[i].seq > acks[i - 1].seq);
  assert.deepEqual(errors, []);
});

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client says what is for this moment only`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const { room, ear } = await joined(await connect(t, node, codec), 'one');
    for (const options of [
      { delivery: 'volatile' }, { delivery: 'latest' }, { delivery: 'latest', key: 'p' },
    ])
      assert.equal((await room.send('x', options)).seq, undefined);
    assert.equal((await room.send('y')).seq, 1);
    const heard = ear.pending.filter((f) => f.type === 'message').map((f) => [f.text, f.seq]);
    const moment = ['x', undefined];
    assert.deepEqual(heard, [moment, moment, moment, ['y', 1]]);
    await assert.rejects(room.send('x', { delivery: 'latest', key: 'k'.repeat(65) }), {
      code: 'bad_request',
    });
  });

for (const codec of ['json', 'msgpack'])
  test(`refusals reach the promise of a ${codec} client`, async (t) => {
    const node = await startNode(t, 'relay_node', [
      '--max-rooms-per-connection', '2', '--max-message-bytes', '1000',
    ]);
    const client = await connect(t, node, codec);
    await assert.rejects(client.room(' x ').join(), {
      code: 'bad_room', retryable: false, request: 'join',
    });
    await assert.rejects(client.room('never joined').send('x'), { code: 'forbidden' });
    const { room } = await joined(client, 'one');
    await joined(client, 'two');
    await assert.rejects(client.room('three').join(), { code: 'room_limit', retryable: true });
    await assert.rejects(room.request('dance'), {
      code: 'unknown_type', request: 'dance', roomId: 'one',
    });
    await assert.rejects(room.send('x'.repeat(1000)), { code: 'too_big' });
    await assert.rejects(client.request({ type: 'auth', token: 'a.b.c' }), { code: 'unsupported' });
    const notice = once(
      { addEventListener: (type, handler) => room.on(type, handler), removeEventListener() {} },
      'error',
    );
    room.notify('dance');
    assert.equal((await within(notice, 'an error'))[0].code, 'unknown_type');
    assert.equal(client.state, 'connected');
  });

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client is out of the room that its fresh token does not open`, async (t) => {
    const secret = 'a secret that is long enough for hs256!!';
    const node = await startNode(t, 'relay_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const tokenFor = (...rooms) => sign({ sub: 'ann', rooms }, secret);
    const client = await connect(t, node, codec, { token: tokenFor('a', 'b') });
    const [kept, lost] = [await joined(client, 'a'), await joined(client, 'b')];

    await client.request({ type: 'auth', token: tokenFor('a') });

    const { roomId, reason } = await lost.ear.take('left');
    assert.deepEqual([roomId, reason], ['b', 'forbidden']);
    assert.deepEqual([kept.room.state, lost.room.state], ['joined', 'left']);
    await assert.rejects(lost.room.join(), { code: 'forbidden', retryable: false });
    assert.equal(typeof (await kept.room.send('still here')).seq, 'number');
  });

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client lists who is in a room`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const clients = await Promise.all(
      Array.from({ length: 5 }, (_, i) => connect(t, node, codec, { profile: { name: `n${i}` } })),
    );
    const rooms = await Promise.all(clients.map((client) => joined(client, 'lobby')));
    const { room } = rooms[0];
    const expected = clients
      .map(({ userId }, i) => ({ userId, profile: { name: `n${i}` } }))
      .sort((a, b) => (a.userId < b.userId ? -1 : 1));

    const plain = (users) => JSON.parse(JSON.stringify(users));
    const after = expected[0].userId;
    const { members, total, complete } = await room.presence({ after, limit: 3 });
    assert.deepEqual(plain(members), expected.slice(1, 4));
    assert.deepEqual([total, complete], [5, false]);
    const listed = [];
    for await (const user of room.users({ limit: 2 })) listed.push(user);
    assert.deepEqual(plain(listed), expected);
    await assert.rejects(clients[0].room('other').presence(), { code: 'forbidden' });
  });

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client follows who is in a room`, async (t) => {
    const node = await startLastingNode(t, 'relay_node');
    const ann = await connect(t, node, codec, { profile: { name: 'Ann' } });
    const { room } = await joined(ann, 'lobby');
    const others = [];
    const enter = async () => {
      const client = await connect(t, node, 'json', { profile: { n: others.length } });
      await joined(client, 'lobby');
      others.push(client);
    };
    await enter();
    await within(room.members.start(), 'the list');
    const shows = (...clients) => {
      const expected = [ann, ...clients].map((c) => c.userId).sort().join();
      const { members } = room;
      return until(
        () => members.live && members.users.map((u) => u.userId).sort().join() === expected,
        `the list to show ${clients.length + 1} users`,
      );
    };
    await shows(...others);
    assert.equal(room.members.get(ann.userId).profile.name, 'Ann');
    for (let i = 0; i < 3; ++i) await enter();
    await shows(...others);
    others[0].close();
    await others[1].room('lobby').leave();
    await shows(...others.slice(2));
    assert.equal(room.members.get(others[3].userId).profile.n, 3);

    const clients = [ann, ...others.slice(2)];
    node.signal('SIGTERM');
    await node.ended();
    await Promise.all(clients.map((c) => inState(c, 'reconnecting')));
    await startNode(t, 'relay_node', [], { port: node.port });
    await within(Promise.all(clients.map((c) => c.ready)), 'all to be back');
    await shows(...others.slice(2));
  });

/// Whether the node takes `$profile`; else skips the test.
async function needsProfiles(t, room) {
  const refusal = await room.setProfile({}).then(() => null, (error) => error);
  if (refusal === null) return true;
  assert.ok(['unknown_type', 'unsupported'].includes(refusal.code), refusal.code);
  t.skip('this node takes no other profile than that of the join');
  return false;
}

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client tells another profile`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const [ann, bob] = [await connect(t, node, codec), await connect(t, node)];
    const [hers, his] = [await joined(ann, 'lobby'), await joined(bob, 'lobby')];
    if (!(await needsProfiles(t, hers.room))) return;
    await Promise.all([hers.room.members.start(), his.room.members.start()]);
    await hers.room.setProfile({ name: 'Bea' });
    for (const { room } of [hers, his])
      await until(
        () => room.members.get(ann.userId).profile?.name === 'Bea',
        'the list to show the profile',
      );
  });

/// Whether the node hands out what rooms keep; else skips the test.
async function needsHistory(t, room) {
  const refusal = await room.history().then(() => null, (error) => error);
  if (refusal === null) return true;
  assert.equal(refusal.code, 'unsupported');
  t.skip('this node has no history');
  return false;
}

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client reads what was said`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const { room } = await joined(await connect(t, node, codec), 'lobby');
    if (!(await needsHistory(t, room))) return;
    const acks = [await room.send('one'), await room.sendBinary(new Uint8Array([0, 255]))];
    acks.push(await room.sendData({ n: 3 }));
    const said = ({ text, data }) => text ?? data;
    const { messages, epoch, complete } = await room.history();
    assert.deepEqual(messages.map((m) => m.seq), acks.map((a) => a.seq));
    assert.deepEqual(messages.map((m) => m.type), ['message', 'binary', 'message']);
    assert.deepEqual(messages.slice(0, 2).map(said), ['one', new Uint8Array([0, 255])]);
    assert.deepEqual([typeof epoch, complete], ['string', true]);
    const page = await room.history({ before: acks[2].seq, limit: 1 });
    assert.deepEqual([page.messages.map((m) => m.seq), page.complete], [[acks[1].seq], false]);
    const behind = await room.history({ after: acks[1].seq });
    assert.deepEqual(behind.messages.map((m) => m.seq), [acks[2].seq]);
  });

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client gets after a loss what was said meanwhile`, async (t) => {
    const node = await startNode(t, 'relay_node');
    const sockets = [];
    class Socket extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    }
    const ann = await connect(t, node, codec, { WebSocket: Socket, reconnectInterval: 100 });
    const [hers, his] = [
      await joined(ann, 'lobby'), await joined(await connect(t, node), 'lobby'),
    ];
    if (!(await needsHistory(t, his.room))) return;
    await hers.room.send('seen');
    await hers.room.send('not echoed', { echo: false });
    sockets[0].terminate();
    await inState(ann, 'reconnecting');
    for (let i = 0; i < 20; ++i) await his.room.send(`missed ${i}`);
    const queued = hers.room.send('queued');

    assert.equal((await hers.ear.take('rejoined')).recovered, true);
    await within(queued, 'the message that waited');
    const texts = (ear) => ear.pending.filter((f) => f.type === 'message').map((f) => f.text);
    await until(() => texts(hers.ear).includes('queued'), 'the own message');
    const missed = Array.from({ length: 20 }, (_, i) => `missed ${i}`);
    assert.deepEqual(texts(hers.ear), [...missed, 'queued']);
  });

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client of the chat is put into the lobby and talks`, async (t) => {
    const node = await startLastingNode(t, 'chat_node');
    const [ann, bob] = [await connect(t, node, codec), await connect(t, node, codec)];
    const { room: hers, ear: herEar } = await joined(ann, 'lobby');
    const { room: his, ear: hisEar } = await joined(bob, 'lobby');
    assert.ok(ann.rooms.includes(hers) && hers.joined);

    await hers.request('setUsername', { username: 'Ann' });
    assert.equal((await hisEar.take('userRenamed')).username, 'Ann');
    assert.equal(hers.notify('typing'), true);
    assert.equal((await hisEar.take('typing')).username, 'Ann');
    const { seq } = await hers.request('chat', { text: 'hello' });
    const heard = await hisEar.take('chat');
    assert.deepEqual([heard.username, heard.message, heard.seq], ['Ann', 'hello', seq]);
    await assert.rejects(his.request('setUsername', { username: ' ' }), { code: 'bad_request' });
    await herEar.take('chat');

    node.signal('SIGTERM');
    await node.ended();
    await startNode(t, 'chat_node', [], { port: node.port });
    await herEar.take('gap');
    await within(Promise.all([ann.ready, bob.ready]), 'both to be back');
    await hers.request('chat', { text: 'again' });
    assert.equal((await hisEar.take('chat')).message, 'again');
  });

test('the reconnecting WebSocket speaks the original rooms, ' +
  'and finds the node again', async (t) => {
  const node = await startLastingNode(t, 'relay_node');
  const ws = new ReconnectingWebSocket(node.url(), { reconnectInterval: 200 });
  t.after(() => ws.close());
  const heard = [];
  let wake;
  ws.on('open', () => ws.send(JSON.stringify({ type: 'join', roomId: 'r' })));
  ws.on('message', (e) => {
    heard.push(JSON.parse(e.data));
    wake?.();
  });
  const hear = async (count) => {
    while (heard.length < count)
      await within(new Promise((resolve) => (wake = resolve)), `${count} messages`);
  };

  await hear(1);
  assert.deepEqual(heard, [{ type: 'joined', roomId: 'r' }]);
  node.signal('SIGTERM');
  await node.ended();
  await startNode(t, 'relay_node', [], { port: node.port });
  await hear(2);
  ws.send(JSON.stringify({ type: 'message', text: 'hi' }));
  await hear(3);
  assert.equal(heard[2].text, 'hi');
});

describe('a program with a client', () => {
  const script = fileURLToPath(new URL('./support/program.mjs', import.meta.url));
  for (const flags of [[], ['--experimental-websocket']])
    test(`ends by itself once the client is closed ${flags}`, async (t) => {
      const node = await startNode(t, 'relay_node');
      const program = spawn(process.execPath, [...flags, script, node.url()], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => program.kill('SIGKILL'));
      let said = '';
      program.stdout.on('data', (bytes) => (said += bytes));
      const [code] = await within(once(program, 'close'), 'the program to end');
      assert.deepEqual([code, said], [0, 'hello\n']);
    });
});
