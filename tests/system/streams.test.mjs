// What becomes of a node whose log or console nobody reads: the reader has gone, or it stalls, or the stream was never open.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:net';
import { once } from 'node:events';
import WebSocket from 'ws';
import { binary } from './support/node.mjs';
import { freePorts } from './support/ports.mjs';
import { until, within } from './support/wait.mjs';

const answers = (port) => fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.status === 200, () => false);

/// Starts a node whose streams the shell sets up, by `redirect`; `before`: what the shell does first.
async function start(t, name, redirect, args = [], before = '') {
  const [port] = await freePorts(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'streams-'));
  const command = `${before} exec "$0" "$@" ${redirect}`;
  const child = spawn('bash', ['-c', command, binary(name), '--port', String(port), '--bind', '127.0.0.1', ...args],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => answers(port), `${name} to listen`);
  return { port, child, exited };
}

/// Saves a file, which the node says on its console, and hears that it was saved.
async function save(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, 'open');
  socket.send(Buffer.from('content'));
  const [answer] = await within(once(socket, 'message'), 'an answer');
  socket.terminate();
  return answer.toString();
}

async function endsInOrder(node) {
  const began = Date.now();
  node.child.kill('SIGTERM');
  assert.deepEqual(await within(node.exited, 'the node to end'), { code: 0, signal: null });
  assert.ok(Date.now() - began < 4000, `took ${Date.now() - began} ms`);
}

describe('a node goes on and ends in order', () => {
  test('when the reader of its console has gone', async (t) => {
    const node = await start(t, 'file_node', '');
    node.child.stdout.destroy();
    for (let i = 0; i < 3; ++i) assert.equal(await save(node.port), '파일 수신 완료');
    await endsInOrder(node);
  });

  test('when the reader of its console stalls', async (t) => {
    const node = await start(t, 'file_node', '> >(sleep 8)');
    const socket = new WebSocket(`ws://127.0.0.1:${node.port}/`);
    await once(socket, 'open');
    for (let i = 0; i < 1200; ++i) { // more than a pipe holds
      socket.send('a'.repeat(90) + i);
      socket.send(Buffer.from('x'));
      await within(once(socket, 'message'), `answer ${i}`);
    }
    socket.terminate();
    await endsInOrder(node);
  });

  for (const [what, redirect] of [
    ['its log is closed', '2>&-'],
    ['its console is closed', '>&-'],
    ['all its streams are closed', '<&- >&- 2>&-'],
    ['its log is a full disk', '2>/dev/full >/dev/full'],
  ])
    test(`when ${what}`, async (t) => {
      const node = await start(t, 'file_node', redirect);
      assert.equal(await save(node.port), '파일 수신 완료');
      await endsInOrder(node);
    });

  for (const [what, redirect] of [['has gone', ''], ['stalls', '2> >(sleep 8)']])
    test(`when the reader of its log ${what}`, async (t) => {
      const node = await start(t, 'relay_node', redirect, [], 'ulimit -n 40;');
      if (!redirect) node.child.stderr.destroy();
      const sockets = [];
      for (let round = 0; round < 3; ++round) { // each time it runs out of descriptors, it says so
        for (let i = 0; i < 60; ++i) sockets.push(connect(node.port, '127.0.0.1').on('error', () => {}));
        await new Promise((resolve) => setTimeout(resolve, 50));
        for (const socket of sockets.splice(0)) socket.destroy();
        await until(() => answers(node.port), 'the node to serve again');
      }
      await endsInOrder(node);
    });
});
