// What becomes of a node whose log or console nobody reads: the reader has gone or stalls, or the
// stream was never open.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:net';
import { once } from 'node:events';
import WebSocket from 'ws';
import { binary } from './support/node.mjs';
import { freePorts } from './support/ports.mjs';
import { until, within } from './support/wait.mjs';

const answers = (port) =>
  fetch(`http://127.0.0.1:${port}/healthz`).then(
    (r) => r.status === 200,
    () => false,
  );

/// Starts a node whose streams the shell sets up by `redirect`; it runs `before` first.
async function start(t, name, redirect, args = [], before = '') {
  const [port] = await freePorts(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'streams-'));
  const command = `${before} exec "$0" "$@" ${redirect}`;
  const child = spawn(
    'bash',
    ['-c', command, binary(name), '--port', String(port), '--bind', '127.0.0.1', ...args],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => answers(port), `${name} to listen`);
  return { port, child, exited };
}

/// Saves a file, which the node reports on its console; returns the node's answer.
async function save(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, 'open');
  socket.send(Buffer.from('content'));
  const [answer] = await within(once(socket, 'message'), 'an answer');
  socket.terminate();
  return answer.toString();
}

/// Saves `count` files; the name of each makes a line of about 100 bytes on the console.
async function saveMany(port, count) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, 'open');
  for (let i = 0; i < count; ++i) {
    socket.send(`${'a'.repeat(80)}-${i}`);
    socket.send(Buffer.from('x'));
    await within(once(socket, 'message'), `answer ${i}`);
  }
  socket.terminate();
}

/// A pipe that is full: nobody reads it until `read`.
class FullPipe {
  static #filler = '.';
  #reader;

  constructor(t) {
    const folder = mkdtempSync(path.join(tmpdir(), 'pipe-'));
    this.path = path.join(folder, 'pipe');
    execFileSync('mkfifo', [this.path]);
    this.#reader = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    t.after(() => {
      closeSync(this.#reader);
      rmSync(folder, { recursive: true });
    });
    const writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
    for (const size of [4096, 1])
      while (FullPipe.#tried(() => writeSync(writer, FullPipe.#filler.repeat(size))));
    closeSync(writer);
  }

  /// Reads what is in the pipe now; returns it without the filler.
  read() {
    const bytes = Buffer.alloc(65_536);
    let text = '';
    for (let n; (n = FullPipe.#tried(() => readSync(this.#reader, bytes))); )
      text += bytes.toString('latin1', 0, n);
    return text.replace(/^\.+/, '');
  }

  /// What `act` returns; undefined if it would block.
  static #tried(act) {
    try {
      return act();
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      return undefined;
    }
  }
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
    const pipe = new FullPipe(t);
    const node = await start(t, 'file_node', `> ${pipe.path}`);
    await saveMany(node.port, 1200); // a pipe holds less than this, too
    await endsInOrder(node);
    assert.equal(pipe.read(), '', 'not a line found room');
  });

  test('when the reader of its console stalls for more lines than are kept, ' +
    'and reads again', async (t) => {
    const pipe = new FullPipe(t);
    const node = await start(t, 'file_node', `> ${pipe.path}`);
    await saveMany(node.port, 9000);

    let read = '';
    await until(() => (read += pipe.read()).includes('-8999'), 'the latest line');
    const lost = Number(read.match(/(\d+) lines were lost here/)?.[1]);
    const lines = read.trim().split('\n').length;
    assert.ok(lost > 500 && lines > 8000, `${lost} lines were lost, ${lines} came`);
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

  /// Makes the node run out of descriptors `rounds` times, which it logs each time.
  async function exhaust(node, rounds) {
    const sockets = [];
    for (let round = 0; round < rounds; ++round) {
      for (let i = 0; i < 60; ++i)
        sockets.push(connect(node.port, '127.0.0.1').on('error', () => {}));
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const socket of sockets.splice(0)) socket.destroy();
      await until(() => answers(node.port), 'the node to serve again');
    }
  }
  const fewDescriptors = 'ulimit -n 40;';

  test('when the reader of its log has gone', async (t) => {
    const node = await start(t, 'relay_node', '', [], fewDescriptors);
    node.child.stderr.destroy();
    await exhaust(node, 3);
    await endsInOrder(node);
  });

  test('when the reader of its log stalls', async (t) => {
    const pipe = new FullPipe(t);
    const node = await start(t, 'relay_node', `2> ${pipe.path}`, [], fewDescriptors);
    await exhaust(node, 3);
    await endsInOrder(node);
    assert.equal(pipe.read(), '', 'not a line found room');
  });

  test('when the reader of its log stalls and reads again', async (t) => {
    const pipe = new FullPipe(t);
    const node = await start(t, 'relay_node', `2> ${pipe.path}`, [], fewDescriptors);
    await exhaust(node, 3);

    let read = '';
    await until(
      () => (read += pipe.read()).includes('Too many open files'),
      'what was said meanwhile',
    );
    await endsInOrder(node);
  });
});
