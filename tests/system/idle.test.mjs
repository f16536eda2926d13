// What a connection that does nothing costs.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startNode } from './support/node.mjs';
import { rawWebSocket } from './support/raw.mjs';
import { until } from './support/wait.mjs';

const connections = 10_000;
const kibPerConnection = 6;

const isPing = (bytes) => bytes[0] === 0x89;
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/// A connection that does nothing but answer pings.
async function idle(node) {
  const raw = await rawWebSocket(node);
  raw.socket.on('data', (bytes) => isPing(bytes) && raw.write(pong));
  if (isPing(raw.received)) raw.write(pong); // a ping that came with the upgrade's answer
  return raw;
}

async function open(node, count) {
  const sockets = [];
  while (sockets.length < count)
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(200, count - sockets.length) }, () => idle(node)),
      )),
    );
  return sockets;
}

// Pins §16.21.
test(`an idle connection holds at most ${kibPerConnection} KiB`, async (t) => {
  const node = await startNode(t, 'relay_node', [
    '--admission-rate', '0', '--max-connections', '0', '--ping-interval', '3s',
  ]);
  const warm = await open(node, 500);
  await until(
    async () => (await node.metric('troupe_connections')) === 500,
    'the first connections',
  );
  const before = node.kib('VmRSS');

  const all = [...warm, ...(await open(node, connections))];
  await until(
    async () => (await node.metric('troupe_connections')) === 500 + connections,
    'all connections',
  );
  await until(
    () => all.every((socket) => socket.received.includes(0x89)),
    'everybody to have been pinged',
    30_000,
  );
  await until(
    async () => (await node.metric('troupe_output_bytes')) === 0,
    'all output to have left',
  );
  const each = (node.kib('VmRSS') - before) / connections;

  t.diagnostic(`${each.toFixed(2)} KiB for each of ${connections} connections`);
  assert.equal(await node.metric('troupe_connections'), 500 + connections);
  assert.ok(each <= kibPerConnection, `${each.toFixed(2)} KiB for each connection`);
});
