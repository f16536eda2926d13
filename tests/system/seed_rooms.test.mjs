// A client without subprotocol speaks the room messages of the original `ws` server and gets only
// the frames of that.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node')));
after(() => node.end());

describe('a plain client', () => {
  // Pins §2.1, §6.1, §6.2, §6.3.
  test('gets joined, userJoined, message and userLeft ' +
    'with the seed\'s fields in the seed\'s order', async () => {
    const room = freshRoom();
    const first = await connect(node, 'plain');
    const second = await connect(node, 'plain');

    first.send({ type: 'join', roomId: room });
    await first.expectExactly({ type: 'joined', roomId: room });
    second.send({ type: 'join', roomId: room });
    await second.expectExactly({ type: 'joined', roomId: room });
    const { userId: secondId } = await first.expect('userJoined');
    first.send({ type: 'message', text: '안녕하세요!' });
    const { userId: firstId } = await second.expect('message');
    await first.expectExactly({ type: 'message', text: '안녕하세요!', userId: firstId });
    second.send({ type: 'message', text: 'hello' });
    await second.expectExactly({ type: 'message', text: 'hello', userId: secondId });
    await first.expectExactly({ type: 'message', text: 'hello', userId: secondId });
    second.send({ type: 'leave' });
    await first.expectExactly({ type: 'userLeft', userId: secondId });

    assert.notEqual(firstId, secondId);
    assert.equal(typeof firstId, 'string');
  });

  // Pins §6.1.
  test('gets userJoined with nothing but type and userId', async () => {
    const room = freshRoom();
    const first = await connect(node, 'plain');
    await first.join(room);

    const second = await connect(node, 'plain');
    await second.join(room);

    const frame = await first.expect('userJoined');
    assert.deepEqual(Object.keys(frame), ['type', 'userId']);
  });

  // Pins §2.3, §6.3, §6.5.
  test('gets no left and no welcome', async () => {
    const room = freshRoom();
    const client = await connect(node, 'plain');

    client.send({ type: 'join', roomId: room });
    client.send({ type: 'leave' });
    client.send({ type: 'join', roomId: room });

    await client.expectExactly({ type: 'joined', roomId: room });
    await client.expectExactly({ type: 'joined', roomId: room });
  });

  test('leaves its old room with a join', async () => {
    const [old, next] = [freshRoom(), freshRoom()];
    const stayer = await connect(node, 'plain');
    await stayer.join(old);
    const mover = await connect(node, 'plain');
    await mover.join(old);
    const { userId } = await stayer.expect('userJoined');

    await mover.join(next);
    await stayer.expectExactly({ type: 'userLeft', userId });
    mover.send({ type: 'message', text: 'from the next room' });
    await mover.expectExactly({ type: 'message', text: 'from the next room', userId });
    stayer.send({ type: 'message', text: 'from the old room' });

    const heard = await stayer.expect('message');
    assert.equal(heard.text, 'from the old room');
    mover.send({ type: 'message', text: 'still here' });
    await mover.expect('message', { text: 'still here' });
  });

  test('is told who disconnects', async () => {
    const room = freshRoom();
    const stayer = await connect(node, 'plain');
    await stayer.join(room);
    const goer = await connect(node, 'plain');
    await goer.join(room);
    const { userId } = await stayer.expect('userJoined');

    goer.socket.terminate();

    await stayer.expectExactly({ type: 'userLeft', userId });
  });

  test('gets an error, and nothing else, for a message without a room', async () => {
    const client = await connect(node, 'plain');

    client.send({ type: 'message', text: 'to nobody' });

    await client.expect('error', { code: 'not_joined' });
  });

  // Pins §6.7.
  test('is answered by an ack without a position if it leaves with a ref', async () => {
    const room = freshRoom();
    const client = await connect(node, 'plain');
    await client.join(room);

    client.send({ type: 'leave', ref: 5 });

    await client.expectExactly({ type: 'ack', ref: 5, roomId: room });
    await client.fence();
  });

  // Pins §8.14.
  test('stays connected after a message that is no JSON', async () => {
    const room = freshRoom();
    const client = await connect(node, 'plain');

    client.sendRaw('hello, server');

    await client.expect('error', { code: 'malformed' });
    await client.join(room);
  });
});

describe('anybody may connect', () => {
  for (const [host, address, family] of [
    ['localhost', '127.0.0.1', 4], ['localhost', '::1', 6], ['127.0.0.1', '127.0.0.1', 4],
    ['[::1]', '::1', 6],
  ])
    test(`at ws://${host} over IPv${family}`, async () => {
      const lookup = (_, { all }, found) =>
        all ? found(null, [{ address, family }]) : found(null, address, family);
      const client = await connect(node, 'plain', { host, lookup });
      assert.equal(client.socket._socket.remoteAddress, address);
      await client.join(freshRoom());
    });

  for (const origin of ['http://localhost:3000', 'https://elsewhere.example', 'null', 'file://'])
    test(`from the origin ${origin}`, async () => {
      const client = await connect(node, 'plain', { origin });
      await client.join(freshRoom());
    });
});
