// A node that runs out of file descriptors turns people away and comes back.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, refused, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { RawSocket } from './support/raw.mjs';
import { until } from './support/wait.mjs';

/// Connects members until the node refuses one; the refusal must say when to come back.
async function fill(node) {
  const members = [];
  for (let refusal; !refusal; )
    await connect(node).then(
      (member) => members.push(member),
      (error) => (refusal = error.message),
    );
  const { status, headers } = await refused(node);
  assert.deepEqual([status, headers['retry-after']], [503, '5']);
  return members;
}

test('a node with 64 descriptors survives 200 connections', async (t) => {
  const node = await startNode(t, 'relay_node', [], { descriptors: 64 });
  const [a, b] = await roomOf(node, freshRoom(), 'json', 'msgpack');
  const crowd = await Promise.all(Array.from({ length: 200 }, () => RawSocket.open(node)));

  for (let i = 0; i < 20; ++i) {
    a.send({ type: 'message', data: i });
    await a.expect('message', { data: i });
    await b.expect('message', { data: i });
  }
  const [began, cpu] = [Date.now(), node.cpuMs()];
  // The node's CPU time is measured over this second.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const busy = (node.cpuMs() - cpu) / (Date.now() - began);
  for (const socket of crowd) socket.destroy();

  assert.ok(busy < 0.15, `the node was busy ${(busy * 100).toFixed(0)} % of the time`);
  const newcomer = await until(
    () => connect(node).catch(() => undefined),
    'a newcomer to be let in',
  );
  await newcomer.join(freshRoom());
  a.send({ type: 'message', text: 'after' });
  await b.expect('message', { text: 'after' });
});

// Pins §1.47.
test('a node that has as many members as its descriptors allow answers 503, ' +
  'and lets in once one has gone', async (t) => {
  for (const args of [[], ['--max-connections', '0']]) {
    const node = await startNode(t, 'relay_node', args, { descriptors: 64 });
    const members = await fill(node);
    assert.ok(members.length >= 30 && members.length < 64, `${members.length} were let in`);
    assert.equal(
      await node.metric('troupe_ws_handshake_rejected_total', 'reason="descriptors"'),
      2,
    );

    await members[0].close();

    const next = await until(() => connect(node).catch(() => undefined), 'the free place');
    await next.fence();
  }
});

test('a node whose descriptors are used up still answers its probes, ' +
  'at the admin port and at its own', async (t) => {
  for (const args of [[], ['--admin-bind', '127.0.0.1:0']]) {
    const node = await startNode(t, 'relay_node', [...args, '--max-connections', '0'], {
      descriptors: 64,
    });
    const members = await fill(node);
    const crowd = await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(node)));
    await until(
      () => crowd.filter((socket) => socket.over).length >= 45,
      'most of the crowd to be ended',
    );
    const port = args.length
      ? Number(
          (await until(() => node.log.match(/probes at port (\d+)/), 'the port of the probes'))[1],
        )
      : node.port;

    for (let i = 0; i < 10; ++i) {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
        headers: { connection: 'close' },
      });
      assert.equal(answer.status, 200);
    }
    await members[0].fence();
    for (const socket of crowd) socket.destroy();
  }
});
