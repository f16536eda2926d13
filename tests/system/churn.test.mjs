// Clients that come and go leave nothing behind.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { rawWebSocket, RawSocket, resetConnection, text, upgradeRequest } from './support/raw.mjs';
import { until } from './support/wait.mjs';

async function untilNothingIsLeft(node) {
  await until(async () => {
    const metrics = await node.metrics();
    return ['troupe_connections', 'troupe_rooms', 'troupe_members'].every(
      (name) => metrics.get(name) === 0,
    );
  }, 'connections, rooms and members to be 0 again');
  await until(
    async () => (await node.metric('troupe_output_bytes')) === 0,
    'the output buffers to be gone',
  );
}

test('connects, joins, messages and ends of all kinds leave no connection, ' +
  'room, member, buffer or descriptor', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0', '--linger', '0']);
  const descriptors = node.openDescriptors();
  const encodings = ['json', 'msgpack', 'plain'];

  async function oneLife(i) {
    const client = await connect(node, encodings[i % 3]);
    const rooms = [`shared-${i % 5}`, `own-${i}`];
    for (const roomId of rooms) client.send({ type: 'join', roomId, ref: i });
    for (let n = 0; n < 20; ++n)
      client.send({ type: 'message', data: { n, text: 'x'.repeat(100 * (i % 7)) } });
    if (i % 4 === 0) client.send({ type: 'leave', roomId: rooms[0] });
    if (i % 5 === 0) client.socket.terminate(); // in the middle of all that
    else await client.find('message');
    if (i % 5 === 1) client.sendRaw('{');
    if (i % 5 === 2) resetConnection(client.socket._socket);
    else if (i % 5 === 3) client.socket.terminate();
    else if (i % 5 !== 0) await client.close();
    await client.end();
  }

  const lives = 600;
  let next = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (next < lives) await oneLife(next++);
    }),
  );

  await untilNothingIsLeft(node);
  await until(() => node.openDescriptors() <= descriptors, 'the descriptors to be given back');
  assert.equal(await node.metric('troupe_ws_opened_total'), lives);
  assert.equal(await node.metric('troupe_handler_error_total'), 0);
});

test('upgrades that are broken off leave nothing', async (t) => {
  const node = await startNode(t, 'relay_node', ['--linger', '0']);
  const descriptors = node.openDescriptors();
  const request = upgradeRequest();
  for (let i = 0; i < 300; ++i) {
    const socket = await RawSocket.open(node);
    socket.write(request.slice(0, (i * 7) % request.length));
    i % 2 ? socket.reset() : socket.destroy();
  }
  for (let i = 0; i < 300; ++i) {
    const socket = await RawSocket.open(node);
    socket.write(
      Buffer.concat([
        Buffer.from(request),
        text({ type: 'join', roomId: freshRoom() }),
        text({ type: 'message', text: 'x' }),
      ]),
    );
    i % 2 ? socket.reset() : socket.destroy();
  }
  await untilNothingIsLeft(node);
  await until(() => node.openDescriptors() <= descriptors, 'the descriptors to be given back');
});

test('disconnects in the middle of a join leave no membership', async (t) => {
  const node = await startNode(t, 'relay_node', ['--linger', '0']);
  const room = freshRoom();
  const [witness] = await roomOf(node, room, 'json');
  const seen = new Map();
  witness.socket.on('message', (bytes) => {
    const { type, userId } = JSON.parse(bytes);
    seen.set(
      userId,
      (seen.get(userId) ?? 0) + (type === 'userJoined' ? 1 : type === 'userLeft' ? -1 : 0),
    );
  });
  for (let i = 0; i < 200; ++i) {
    const socket = await rawWebSocket(node);
    socket.write(text({ type: 'join', roomId: room }));
    socket.reset();
  }
  await until(
    async () =>
      (await node.metric('troupe_members')) === 1 &&
      (await node.metric('troupe_connections')) === 1,
    'only the witness to be left',
  );
  await witness.close();
  assert.deepEqual([...seen.values()].filter((n) => n !== 0), []);
  await untilNothingIsLeft(node);
});

test('three rounds of a thousand connections do not make the node grow', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0', '--linger', '0']);
  const rss = [];
  for (let round = 0; round < 3; ++round) {
    for (let batch = 0; batch < 5; ++batch) {
      const clients = await Promise.all(
        Array.from({ length: 200 }, (_, i) => connect(node, i % 2 ? 'json' : 'msgpack')),
      );
      await Promise.all(
        clients.map((c, i) => c.join(`round-${i % 20}`).catch(() => c.find('joined'))),
      );
      clients.forEach((c) => c.send({ type: 'message', text: 'x'.repeat(500) }));
      await clients[0].find('message');
      clients.forEach((c) => c.socket.terminate());
      await Promise.all(clients.map((c) => c.end()));
    }
    await untilNothingIsLeft(node);
    rss.push(node.kib('VmRSS'));
  }
  assert.ok(rss[2] <= rss[0] * 1.1 + 2048, `resident KiB after each round: ${rss}`);
});
