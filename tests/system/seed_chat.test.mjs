// The chat of the original `ws` server: plain, JSON and MessagePack clients of the chat node.

import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';

const isoInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const namesIn = (text) => text.match(/^(.+)님이/)[1];

/// Connects a plain client and takes what it is greeted with.
async function enter(node) {
  const client = await connect(node, 'plain');
  const greeting = await client.take('system');
  const info = await client.take('info');
  return { client, greeting, info, name: namesIn(greeting.message) };
}

describe('a plain client of the chat node', () => {
  let node;
  beforeEach(async (t) => (node = await startNode(t, 'chat_node')));

  // Pins §17.1, §17.2, §17.9.
  test('is announced to all, itself included, and told how many are there', async () => {
    const first = await enter(node);
    const second = await enter(node);

    assert.match(first.name, /^User.{4}$/);
    assert.deepEqual(first.greeting, { type: 'system', message: `${first.name}님이 입장했습니다.` });
    assert.deepEqual(Object.keys(first.greeting), ['type', 'message']);
    assert.deepEqual(first.info, { type: 'info', userCount: 1 });
    assert.deepEqual(second.info, { type: 'info', userCount: 2 });
    await first.client.expectExactly({ type: 'system', message: `${second.name}님이 입장했습니다.` });
  });

  test('changes its name and all are told', async () => {
    const [a, b] = [await enter(node), await enter(node)];
    await a.client.expect('system');

    b.client.send({ type: 'setUsername', username: '김철수' });

    for (const { client } of [a, b])
      await client.expectExactly({ type: 'system', message: `${b.name}님이 김철수(으)로 이름을 변경했습니다.` });
    b.client.send({ type: 'chat', text: 'x' });
    await a.client.expect('chat', { username: '김철수' });
  });

  // Pins §17.5.
  test('says something and all hear it, itself included', async () => {
    const [a, b] = [await enter(node), await enter(node)];
    await a.client.expect('system');

    b.client.send({ type: 'chat', text: '안녕 <b>"hi"</b>' });

    const heard = await a.client.take();
    assert.match(heard.timestamp, isoInstant);
    assert.ok(Math.abs(Date.parse(heard.timestamp) - Date.now()) < 60_000);
    const expected = {
      type: 'chat', username: b.name, message: '안녕 <b>"hi"</b>', timestamp: heard.timestamp,
    };
    assert.deepEqual(heard, expected);
    assert.deepEqual(Object.keys(heard), ['type', 'username', 'message', 'timestamp']);
    await b.client.expectExactly(expected);
  });

  // Pins §17.6.
  test('types and all others see it', async () => {
    const [a, b] = [await enter(node), await enter(node)];
    await a.client.expect('system');

    b.client.send({ type: 'typing' });
    b.client.send({ type: 'chat', text: 'done' });

    await a.client.expectExactly({ type: 'typing', username: b.name });
    await a.client.expect('chat');
    await b.client.expect('chat');
  });

  test('goes and the others are told', async () => {
    const [a, b] = [await enter(node), await enter(node)];
    await a.client.expect('system');

    await b.client.close();

    await a.client.expectExactly({ type: 'system', message: `${b.name}님이 퇴장했습니다.` });
    assert.equal((await enter(node)).info.userCount, 2);
  });

  // Pins §17.7.
  test('gets an error, and nothing else, for what the chat does not know', async () => {
    const { client } = await enter(node);
    client.send({ type: 'dance' });
    await client.expect('error', { code: 'unknown_type' });
    client.send({ type: 'setUsername', username: 'x'.repeat(33) });
    await client.expect('error', { code: 'bad_request' });
    client.send({ type: 'chat' });
    await client.expect('error', { code: 'bad_request' });
    client.sendRaw('{"type":"chat","text":tru}');
    await client.expect('error', { code: 'malformed' });
    client.send({ type: 'chat', text: 'still here' });
    await client.expect('chat', { message: 'still here' });
  });

  test('moves to another room with a join', async () => {
    const [a, b] = [await enter(node), await enter(node)];
    await a.client.expect('system');
    const room = freshRoom('chat');

    b.client.send({ type: 'join', roomId: room });

    await a.client.expectExactly({ type: 'system', message: `${b.name}님이 퇴장했습니다.` });
    const got = [await b.client.take(), await b.client.take(), await b.client.take()];
    assert.deepEqual(got.map((f) => f.type), ['joined', 'system', 'info']);
    assert.deepEqual(got[0], { type: 'joined', roomId: room });
    a.client.send({ type: 'chat', text: 'in the lobby' });
    await a.client.expect('chat');
    b.client.send({ type: 'chat', text: 'elsewhere' });
    await b.client.expect('chat', { message: 'elsewhere' });
  });
});

describe('people of all encodings in one chat', () => {
  let node;
  before(async () => (node = await startNode(null, 'chat_node')));
  after(() => node.end());

  /// A client that is only in `room`: a troupe.v1 client stays in the lobby until it leaves.
  async function member(as, room, name) {
    const client = await connect(node, as);
    if (as !== 'plain') {
      client.send({ type: 'leave', roomId: 'lobby' });
      await client.find('left', { roomId: 'lobby' });
    }
    client.send({ type: 'join', roomId: room, profile: { name } });
    return client;
  }

  // Pins §17.11.
  test('hear each other, troupe.v1 clients with more fields', async () => {
    const room = freshRoom('chat');
    const json = await member('json', room, 'Ann');
    await json.find('roster');
    const msgpack = await member('msgpack', room, 'Bob');
    await msgpack.find('roster');
    const plain = await member('plain', room, 'Cem');
    await plain.find('joined');
    await plain.find('info');
    for (const client of [json, msgpack])
      await client.find('system', { event: 'joined', username: 'Cem' });

    for (const [sender, username] of [[json, 'Ann'], [msgpack, 'Bob'], [plain, 'Cem']]) {
      sender.send({ type: 'chat', text: `from ${username}` });
      const frame = await json.expect('chat', {
        username, message: `from ${username}`, roomId: room,
      });
      assert.equal(typeof frame.seq, 'number');
      assert.equal(typeof frame.userId, 'string');
      assert.deepEqual(await msgpack.expect('chat'), frame);
      await plain.expectExactly({
        type: 'chat', username, message: frame.message, timestamp: frame.timestamp,
      });

      sender.send({ type: 'typing' });
      for (const other of [json, msgpack, plain].filter((c) => c !== sender))
        if (other === plain) await other.expectExactly({ type: 'typing', username });
        else await other.expect('typing', { username, userId: frame.userId });
    }
  });

  test('are told the names that are there', async () => {
    const room = freshRoom('chat');
    const first = await member('json', room, 'Ann');
    await first.find('roster');
    const second = await member('msgpack', room, 'Bob');

    await second.expect('joined', { roomId: room });
    await second.expect('system', { username: 'Bob', event: 'joined', message: 'Bob님이 입장했습니다.' });
    await second.expect('info', { userCount: 2 });
    const roster = await second.expect('roster', { userCount: 2 });

    const byName = Object.fromEntries(roster.members.map((m) => [m.username, m.userId]));
    assert.deepEqual(byName, { Ann: first.userId, Bob: second.userId });
  });

  test('are told about a new name', async () => {
    const room = freshRoom('chat');
    const client = await member('json', room, 'Ann');
    await client.find('roster');

    client.send({ type: 'setUsername', username: 'Anna' });

    await client.expect('system', {
      event: 'renamed',
      username: 'Anna',
      oldName: 'Ann',
      message: 'Ann님이 Anna(으)로 이름을 변경했습니다.',
    });
    await client.expect('userRenamed', { userId: client.userId, username: 'Anna', oldName: 'Ann' });
  });

  test('cannot enter with a name that is none', async () => {
    const client = await member('json', freshRoom('chat'), '\u202egnp.exe');
    await client.expect('error', { code: 'bad_request', request: 'join' });
  });
});
