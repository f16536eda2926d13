// What a connection that does nothing costs.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startNode } from './support/node.mjs';
import { rawWebSocket } from './support/raw.mjs';
import { until } from './support/wait.mjs';

const connections = 10_000;
const kibPerConnection = 6;

async function open(node, count) {
  const sockets = [];
  while (sockets.length < count)
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(200, count - sockets.length) }, () => rawWebSocket(node)))));
  return sockets;
}

test(`an idle connection holds at most ${kibPerConnection} KiB`, async (t) => {
  const node = await startNode(t, 'relay_node', ['--admission-rate', '0', '--max-connections', '0', '--ping-interval', '3s']);
  const warm = await open(node, 500);
  await until(async () => (await node.metric('connections')) === 500, 'the first connections');
  const before = node.kib('VmRSS');

  const idle = await open(node, connections);
  for (const { socket } of [...warm, ...idle])
    socket.on('data', (bytes) => bytes[0] === 0x89 && socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))); // answers pings
  await until(async () => (await node.metric('connections')) === 500 + connections, 'all connections');
  await until(() => [...warm, ...idle].every((socket) => socket.received.includes(0x89)), 'everybody to have been pinged', 30_000);
  await until(async () => (await node.metric('output_bytes')) === 0, 'all output to have left');
  const each = (node.kib('VmRSS') - before) / connections;

  t.diagnostic(`${each.toFixed(2)} KiB for each of ${connections} connections`);
  assert.equal(await node.metric('connections'), 500 + connections);
  assert.ok(each <= kibPerConnection, `${each.toFixed(2)} KiB for each connection`);
});
