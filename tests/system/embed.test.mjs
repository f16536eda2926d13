// A CAF program that has gained rooms: its actors answer the rooms, and reach them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from './support/client.mjs';
import { binary } from './support/node.mjs';
import { freePorts } from './support/ports.mjs';
import { until, within } from './support/wait.mjs';

test('an auction house asks for bids in rooms, and lets the hammer fall there', async (t) => {
  const [port] = await freePorts(1);
  const house = spawn(binary('embed'), [String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => house.kill('SIGKILL'));
  let said = '';
  house.stdout.on('data', (bytes) => (said += bytes));
  const node = { url: () => `ws://127.0.0.1:${port}/` };
  const enter = async () => {
    const client = await until(() => connect(node).catch(() => null), 'the house to be open');
    client.send({ type: 'join', roomId: 'lot:lamp' });
    await client.find('joined');
    return client;
  };
  const ann = await enter();
  const bob = await enter();

  ann.send({ type: 'bid', amount: 5 });
  const first = await bob.find('highest');
  bob.send({ type: 'bid', amount: 3 });
  const second = await bob.find('highest');
  house.stdin.write('vase\nlamp\n');
  await bob.find('sold');
  const closed = await bob.find('roomClosed');

  assert.equal(first.amount, 5);
  assert.equal(first.userId, second.userId);
  assert.equal(second.amount, 5);
  assert.equal(closed.reason, 'ended');
  const ended = once(house, 'close');
  house.stdin.end();
  const [code] = await within(ended, 'the house to close');
  assert.equal(code, 0);
  assert.equal(said, 'nobody bids for that\n');
});

test('a port that is none ends it at once', async () => {
  const house = spawn(binary('embed'), ['80x'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [code] = await within(once(house, 'close'), 'the house to close');
  assert.equal(code, 2);
});
