// file_node: what is sent is kept whole, under a safe name, and nothing is overwritten.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import WebSocket from 'ws';
import { startNode } from './support/node.mjs';
import { temporaryFolder } from './support/tokens.mjs';
import { frame, rawWebSocket } from './support/raw.mjs';
import { Inbox, within } from './support/wait.mjs';

async function open(node, localAddress = undefined) {
  const socket = new WebSocket(node.url(), {
    localAddress, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024,
  });
  const inbox = new Inbox();
  socket.on('message', (data, isBinary) => inbox.push(isBinary ? data : data.toString()));
  socket.on('error', () => {});
  await within(once(socket, 'open'), 'a connection');
  return { socket, take: () => inbox.take('a message') };
}

async function filesNode(t, args = []) {
  const folder = temporaryFolder(t);
  const received = path.join(folder, 'received');
  return {
    node: await startNode(t, 'file_node', ['--folder', received, ...args]), folder, received,
  };
}

test('a binary message is kept, and the sender is told', async (t) => {
  const { node, received } = await filesNode(t);
  const client = await open(node);
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));

  client.socket.send(bytes);
  assert.equal(await client.take(), '파일 수신 완료');
  client.socket.send('한국어 그림.png');
  client.socket.send(bytes.subarray(7));
  assert.equal(await client.take(), '파일 수신 완료');

  assert.ok(readFileSync(path.join(received, 'received-file.bin')).equals(bytes));
  assert.ok(readFileSync(path.join(received, '한국어 그림.png')).equals(bytes.subarray(7)));
});

test('no name leaves the folder or overwrites a file, and nothing else lies there', async (t) => {
  const { node, folder, received } = await filesNode(t);
  const client = await open(node);
  const names = [
    '../../escape',
    '/etc/passwd',
    '.hidden',
    'a/b/../c.txt',
    'c.txt',
    'c.txt',
    '..',
    'x'.repeat(300) + '.png',
    'new\nline\0',
    'gnp.\u202etxt',
    'c1\u009b31m',
    '\\\\host\\share\\d.exe',
  ];
  for (const [i, name] of names.entries()) {
    client.socket.send(name);
    client.socket.send(Buffer.from(String(i)));
    assert.equal(await client.take(), '파일 수신 완료');
  }

  const kept = readdirSync(received);
  assert.equal(kept.length, names.length);
  assert.ok(
    ['gnp._txt', 'c1_31m'].every((name) => kept.includes(name)),
    kept.join(),
  );
  assert.ok(
    kept.every((name) => !name.startsWith('.') && Buffer.byteLength(name) <= 110),
    kept.join(),
  );
  assert.deepEqual(
    ['c.txt', 'c-2.txt', 'c-3.txt'].map((n) => readFileSync(path.join(received, n), 'utf8')),
    ['3', '4', '5'],
  );
  assert.deepEqual(readdirSync(folder), ['received']);
});

// Pins §16.5.
test('a file may have a piece for each 256 bytes of the largest, ' +
  'and one more closes with 1008', async (t) => {
  const { node, received } = await filesNode(t);
  const inPieces = (count, bytes) => {
    const piece = (opcode, fin) => frame({ opcode, fin, payload: Buffer.alloc(bytes, 7) });
    return Buffer.concat([
      piece(2, false), ...Array(count - 2).fill(piece(0, false)), piece(0, true),
    ]);
  };
  const client = await rawWebSocket(node);
  for (const [i, [count, bytes]] of [[1025, 4096], [65_536, 1]].entries()) {
    client.write(inPieces(count, bytes));
    assert.equal((await client.frame()).payload.toString(), '파일 수신 완료');
    const name = i === 0 ? 'received-file.bin' : 'received-file-2.bin';
    assert.ok(readFileSync(path.join(received, name)).equals(Buffer.alloc(count * bytes, 7)));
  }

  client.write(inPieces(65_537, 1));
  assert.equal((await client.closeFrame()).code, 1008);
  client.destroy();
});

test('a file of 16 MiB is taken, a larger one closes with 1009 and leaves nothing', async (t) => {
  const { node, received } = await filesNode(t);
  const client = await open(node);
  client.socket.send(Buffer.alloc(16 * 1024 * 1024, 1));
  assert.equal(await client.take(), '파일 수신 완료');

  client.socket.send(Buffer.alloc(16 * 1024 * 1024 + 1));
  const [code] = await within(once(client.socket, 'close'), 'the end');

  assert.equal(code, 1009);
  assert.deepEqual(readdirSync(received), ['received-file.bin']);
});

test('a name that is too long is refused, and the connection goes on', async (t) => {
  const { node, received } = await filesNode(t);
  const client = await open(node);

  client.socket.send('n'.repeat(1024 * 1024) + '.png');
  assert.equal(await client.take(), '파일 이름이 너무 깁니다');
  client.socket.send('short.png');
  client.socket.send(Buffer.from('x'));
  assert.equal(await client.take(), '파일 수신 완료');

  assert.deepEqual(readdirSync(received), ['short.png']);
});

// Pins §16.16.
test('a name has 1 KiB at most as it is sent, ' +
  'and a file behind one that is refused has none', async (t) => {
  const { node, received } = await filesNode(t);
  const client = await open(node);
  const send = async (name, bytes) => {
    client.socket.send(name);
    client.socket.send(Buffer.from(bytes));
    const answers = [await client.take()];
    if (answers[0] !== '파일 수신 완료') answers.push(await client.take());
    return answers;
  };
  const longest = 'n'.repeat(1020) + '.png';
  const korean = '가'.repeat(340) + '.png'; // three bytes each

  assert.deepEqual(await send(longest, 'a'), ['파일 수신 완료']);
  assert.deepEqual(await send(korean, 'b'), ['파일 수신 완료']);
  client.socket.send('told before.png');
  assert.deepEqual(await send('n' + longest, 'c'), ['파일 이름이 너무 깁니다', '파일 수신 완료']);
  assert.deepEqual(await send('n' + korean, 'd'), ['파일 이름이 너무 깁니다', '파일 수신 완료']);

  const kept = new Map(
    readdirSync(received).map((name) => [readFileSync(path.join(received, name), 'utf8'), name]),
  );
  assert.equal(kept.get('a'), 'n'.repeat(96) + '.png');
  assert.equal(kept.get('b'), '가'.repeat(32) + '.png');
  assert.deepEqual([kept.get('c'), kept.get('d')], ['received-file.bin', 'received-file-2.bin']);
});

test('a draft of a node that was killed is gone once the next one runs', async (t) => {
  const received = temporaryFolder(t);
  writeFileSync(path.join(received, '.upload-1-1'), 'half');
  const node = await startNode(t, 'file_node', ['--folder', received]);
  const client = await open(node);

  client.socket.send(Buffer.from('x'));
  assert.equal(await client.take(), '파일 수신 완료');

  assert.deepEqual(readdirSync(received), ['received-file.bin']);
});

// Pins §16.30.
test('a flood of one address leaves the others their share', async (t) => {
  const { node, received } = await filesNode(t);
  const flood = await open(node, '127.0.0.2');
  const victim = await open(node);
  const send = () =>
    flood.socket.bufferedAmount < 100_000 &&
    Array.from({ length: 20 }, () => flood.socket.send(Buffer.from('x')));
  const sending = setInterval(send, 1);
  t.after(() => clearInterval(sending));

  for (let i = 0; i < 30; ++i) {
    victim.socket.send(`victim-${i}.txt`);
    victim.socket.send(Buffer.from('x'));
    assert.equal(await victim.take(), '파일 수신 완료');
  }
  assert.equal(readdirSync(received).filter((name) => name.startsWith('victim-')).length, 30);
  clearInterval(sending);
  flood.socket.terminate();
  node.signal('SIGTERM');
  assert.equal((await node.ended()).code, 0);
});

test('a node that stops has answered the files that it took', async (t) => {
  const { node, received } = await filesNode(t);
  const client = await open(node);
  for (let i = 0; i < 5; ++i) client.socket.send(Buffer.alloc(100_000, i));
  assert.equal(await client.take(), '파일 수신 완료');
  node.expectedEnd = true;
  const left = once(client.socket, 'close');

  node.signal('SIGTERM');

  const [code] = await within(left, 'the end');
  assert.equal(code, 1012);
  for (let i = 1; i < 5; ++i) assert.match(await client.take(), /^파일/);
  assert.equal((await node.ended()).code, 0);
  assert.ok(readdirSync(received).every((name) => !name.startsWith('.')));
});

test('everybody who connects is sent the image', async (t) => {
  const folder = temporaryFolder(t);
  const image = path.join(folder, 'image.png');
  const bytes = Buffer.from('89504e470d0a1a0a00', 'hex');
  writeFileSync(image, bytes);
  const { node, received } = await filesNode(t, ['--image', image]);
  const client = await open(node);
  assert.deepEqual(await client.take(), bytes);
  assert.ok(existsSync(received));
});

test('the image is kept once, however many do not read it', async (t) => {
  const image = path.join(temporaryFolder(t), 'image.png');
  const size = 12_000_000; // more than sockets hold
  writeFileSync(
    image,
    Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(size - 8, 7)]),
  );
  const { node } = await filesNode(t, ['--image', image]);

  const before = node.kib('VmRSS');

  const sockets = await Promise.all(Array.from({ length: 20 }, () => rawWebSocket(node)));
  for (const s of sockets) s.socket.pause();
  await node.metric('troupe_connections');
  const kib = node.kib('VmRSS') - before;

  t.diagnostic(`${kib} KiB for 20 who do not read`);
  assert.ok(kib < (2 * size) / 1024, `${kib} KiB`);
  assert.ok(sockets.every((s) => !s.over), 'all are there still');
  for (const s of sockets) s.destroy();
});

test('a slow uplink is waited for, as long as its biggest file takes', async (t) => {
  // A message may take 10 s, and 8 s for its bytes.
  const { node, received } = await filesNode(t, ['--max-message-bytes', '512KiB']);
  const socket = await rawWebSocket(node);
  const bytes = frame({ opcode: 2, payload: Buffer.alloc(13_000, 7) });

  for (let at = 0; at < bytes.length; at += 1000) {
    socket.write(bytes.subarray(at, at + 1000));
    await new Promise((resolve) => setTimeout(resolve, 900));
  }
  const answer = await socket.frame();
  assert.equal(answer.payload.toString(), '파일 수신 완료');
  assert.equal(readFileSync(path.join(received, 'received-file.bin')).length, 13_000);
  socket.destroy();
});
