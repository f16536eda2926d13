// TLS: wss beside https, reload, and what may not end a node.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import WebSocket from 'ws';
import { runToEnd, startNode } from './support/node.mjs';
import { freePorts } from './support/ports.mjs';
import { close, frame, ping, RawSocket, text, upgradeRequest } from './support/raw.mjs';
import { makeCertificate, makeExpired, temporaryFolder } from './support/tokens.mjs';
import { closed, Inbox, until, within } from './support/wait.mjs';

async function secureNode(t, name, args = [], kind = 'ec') {
  const folder = temporaryFolder(t);
  const files = makeCertificate(folder, 'localhost', kind);
  const node = await startNode(t, name, [
    '--tls-cert', files.cert, '--tls-key', files.key, '--message-rate', '0', ...args,
  ]);
  return Object.assign(node, { files });
}

async function open(node, ca, protocols = ['troupe.v1.json']) {
  const socket = new WebSocket(`wss://localhost:${node.port}/`, protocols, {
    ca, perMessageDeflate: false,
  });
  const inbox = new Inbox();
  socket.on('message', (data) => inbox.push(JSON.parse(data)));
  socket.on('error', () => {});
  await within(once(socket, 'open'), 'a secure connection');
  return {
    socket,
    inbox,
    send: (m) => socket.send(JSON.stringify(m)),
    take: (what) => inbox.take(what),
  };
}

test('a room over wss delivers everything in order', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const ca = readFileSync(node.files.cert);
  const [a, b] = [await open(node, ca), await open(node, ca)];
  for (const c of [a, b]) {
    await c.take('welcome');
    c.send({ type: 'join', roomId: 'r' });
    await c.take('joined');
  }
  await a.take('userJoined');

  for (let i = 0; i < 500; ++i)
    a.send({ type: 'message', data: { i, pad: 'x'.repeat((i * 97) % 5000) } });
  for (let i = 0; i < 500; ++i) {
    assert.equal((await b.take(`message ${i}`)).data.i, i);
    assert.equal((await a.take(`own message ${i}`)).data.i, i);
  }
});

async function openRaw(node, options = {}) {
  const socket = tls.connect({
    host: '127.0.0.1', port: node.port, rejectUnauthorized: false, ...options,
  });
  await within(once(socket, 'secureConnect'), 'a handshake');
  return new RawSocket(socket);
}

const inPiecesOf = (size) => (frames) => {
  const all = Buffer.concat(frames);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.subarray(i * size, (i + 1) * size),
  );
};
for (const [how, cut] of [
  ['full records', inPiecesOf(1 << 20)],
  ['a record each', (frames) => frames],
  ['records of 100 bytes', inPiecesOf(100)],
])
  test(`frames that come over wss with the upgrade request, in ${how}, are handled`, async (t) => {
    const node = await secureNode(t, 'relay_node');
    const count = 200;
    const sent = [
      Buffer.from(upgradeRequest()), text({ type: 'join', roomId: 'r' }), ping('early'),
    ];
    for (let i = 0; i < count; ++i)
      sent.push(text({ type: 'message', text: `${i}`.padEnd((i * 37) % 900) }));
    const socket = await openRaw(node);

    for (const record of cut(sent)) socket.write(record);

    assert.equal((await socket.response()).status, 101);
    const heard = [];
    let pongs = 0;
    while (heard.length < count) {
      const f = await socket.frame();
      if (f.opcode === 10) ++pongs;
      const message = f.opcode === 1 ? JSON.parse(f.payload.toString()) : {};
      if (message.type === 'message') heard.push(message.text.trim());
    }
    assert.equal(pongs, 1);
    assert.deepEqual(heard, Array.from({ length: count }, (_, i) => `${i}`));
    socket.socket.destroy();
  });

for (const version of ['TLSv1.2', 'TLSv1.3'])
  // Pins §1.2.
  test(`messages in fragments and in many records come whole over ${version}`, async (t) => {
    const node = await secureNode(t, 'relay_node');
    const socket = await openRaw(node, { minVersion: version, maxVersion: version });
    assert.equal(socket.socket.getProtocol(), version);
    socket.write(Buffer.from(upgradeRequest()));
    assert.equal((await socket.response()).status, 101);
    socket.write(text({ type: 'join', roomId: 'r' }));
    assert.equal((await socket.message()).type, 'joined');

    for (let i = 0; i < 20; ++i) {
      const said = `${i}:`.padEnd(40_000, 'abcdefghij');
      const bytes = JSON.stringify({ type: 'message', text: said });
      const third = Math.ceil(bytes.length / 3);
      socket.write(frame({ fin: false, payload: bytes.slice(0, third) }));
      socket.write(ping('between'));
      socket.write(frame({ fin: false, opcode: 0, payload: bytes.slice(third, 2 * third) }));
      socket.write(frame({ opcode: 0, payload: bytes.slice(2 * third) }));
      let f;
      do f = await socket.frame();
      while (f.opcode === 10);
      assert.equal(JSON.parse(f.payload.toString()).text, said);
    }
    socket.write(close(1000));
    assert.equal((await socket.closeFrame()).code, 1000);
    await socket.untilEnded();
  });

test('a wrong frame over wss is answered by a close frame, ' +
  'and TLS is ended in order', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const socket = await openRaw(node);
  let ended = false;
  socket.socket.on('end', () => (ended = true));
  socket.write(Buffer.from(upgradeRequest()));
  assert.equal((await socket.response()).status, 101);

  socket.write(
    Buffer.concat([frame({ opcode: 3, payload: 'no such opcode' }), Buffer.alloc(1000)]),
  );

  let f;
  do f = await socket.frame();
  while (f && f.opcode !== 8);
  assert.equal(f.payload.readUInt16BE(0), 1002);
  await within(socket.ended, 'the end');
  assert.ok(ended, 'the end was told by TLS');
});

// Pins §1.4.
test('https answers on the same port', async (t) => {
  const node = await secureNode(t, 'chat_node');
  const status = await new Promise((resolve, reject) =>
    https
      .get(
        { host: 'localhost', port: node.port, path: '/', ca: readFileSync(node.files.cert) },
        (r) => resolve(r.resume().statusCode),
      )
      .on('error', reject),
  );
  assert.equal(status, 200);
});

test('a refusal over https is whole, however much comes behind the request', async (t) => {
  const node = await secureNode(t, 'relay_node');
  for (let i = 0; i < 10; ++i) {
    const socket = tls.connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false });
    let heard = '';
    let ended = false;
    socket.on('data', (bytes) => { heard += bytes; });
    socket.on('end', () => { ended = true; });
    const errors = [];
    socket.on('error', (e) => errors.push(e.code));
    await within(once(socket, 'secureConnect'), 'a handshake');
    const body = 'x'.repeat(2 * 1024 * 1024);
    socket.write(`POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    await until(() => ended, 'the server to say that nothing more will come');
    assert.match(heard, /^HTTP\/1.1 413 /);
    assert.match(heard, /too large\.\n$/);
    assert.deepEqual(errors, []);
    socket.destroy();
  }
});

/// What a new client is shown.
async function servedBy(node) {
  const socket = tls.connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false });
  await within(once(socket, 'secureConnect'), 'a handshake');
  const print = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex');
  socket.destroy();
  return print;
}

async function metricsOver(node) {
  const probe = await openRaw(node);
  probe.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  return (await probe.response()).body;
}

test('a certificate that is read again serves new connections, ' +
  'old ones go on', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const old = await open(node, readFileSync(node.files.cert));
  await old.take('welcome');
  const before = await servedBy(node);

  makeCertificate(path.dirname(node.files.cert), 'renewed');
  node.signal('SIGHUP');

  await until(async () => (await servedBy(node)) !== before, 'the new certificate');
  old.send({ type: 'ping', ref: 1 });
  assert.equal((await old.take('pong')).ref, 1);
  await until(() => /read again: it is valid until 20/.test(node.log), 'the log to say so');
});

/// Mistakes, each made by replacing one of the files: [which, what, how, what the log says].
const mistakes = [
  ['cert', 'an expired certificate', (to, files) => cpSync(files.expired, to),
    /expected certificates that are valid now \(number 1 expired at 20/],
  ['cert', 'a text', (to) => writeFileSync(to, 'no certificate'), /\(no start line\)/],
  ['cert', 'a chain that is cut', (to, files) => {
    const whole = readFileSync(files.spare);
    writeFileSync(to, Buffer.concat([whole, whole.subarray(0, 300)]));
  }, /expected certificates in PEM \(/],
  ['cert', 'a pipe', (to) => execFileSync('mkfifo', [to]), /\(Not a regular file\)/],
  ['cert', 'a folder', (to) => mkdirSync(to), /\(Is a directory\)/],
  ['cert', 'a device without end', (to) => symlinkSync('/dev/zero', to), /\(Not a regular file\)/],
  ['cert', 'too much', (to, files) => writeFileSync(
    to, Buffer.concat([readFileSync(files.spare), Buffer.alloc(1 << 20, '#')])),
  /\(larger than 1 MiB\)/],
  ['cert', 'nothing', () => {}, /\(No such file or directory\)/],
  ['key', 'the key of another', (to, files) => cpSync(files.other, to),
    /expected the private key of /],
  ['key', 'a pipe', (to) => execFileSync('mkfifo', [to]), /\(Not a regular file\)/],
  ['key', 'a device without end', (to) => symlinkSync('/dev/zero', to), /\(Not a regular file\)/],
  ['key', 'a text', (to) => writeFileSync(to, 'no key'), /private key in PEM \(/],
];

/// Copies of a node's files, and what the mistakes need.
function spares(t, files) {
  const folder = temporaryFolder(t);
  const expired = makeExpired(folder, files);
  const other = makeCertificate(folder).key;
  const [spare, spareKey] = [path.join(folder, 'spare.pem'), path.join(folder, 'spare_key.pem')];
  cpSync(files.cert, spare);
  cpSync(files.key, spareKey);
  return { expired, other, spare, spareKey };
}

// Pins §1.54.
test('a reload that would bring a mistake is refused, counted and logged; ' +
  'the old certificate serves on', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const { cert, key } = node.files;
  const files = spares(t, node.files);
  const before = await servedBy(node);

  let refused = 0;
  for (const [which, what, make, says] of mistakes) {
    const at = node.log.length;
    rmSync(node.files[which]);
    make(node.files[which], files);
    node.signal('SIGHUP');
    await until(() => /the old certificate stays: .*expected/.test(node.log.slice(at)), what);
    assert.match(node.log.slice(at), says, what);
    assert.ok(node.log.slice(at).includes(node.files[which]), `${what}: the file is named`);
    assert.equal(await servedBy(node), before, what);
    const counted = new RegExp(`^troupe_tls_reload_error_total ${++refused}$`, 'm');
    assert.match(await metricsOver(node), counted, what);
    rmSync(node.files[which], { recursive: true, force: true });
    cpSync(files.spare, cert);
    cpSync(files.spareKey, key);
  }
  makeCertificate(path.dirname(cert), 'renewed');
  node.signal('SIGHUP');
  await until(async () => (await servedBy(node)) !== before, 'the new certificate');
});

test('a node does not start with a mistake in its certificate, and says which', async (t) => {
  const folder = temporaryFolder(t);
  const given = makeCertificate(folder);
  const expired = makeExpired(folder, given);
  const other = makeCertificate(temporaryFolder(t));
  const start = (cert, key) =>
    runToEnd('relay_node', ['--port', '0', '--tls-cert', cert, '--tls-key', key]);

  for (const [cert, key, says] of [
    [expired, given.key, /--tls-cert is "\S+expired.pem": expected .*valid now \(number 1 expired/],
    [given.cert, other.key, /--tls-key is "\S+key.pem": expected the private key of/],
    [given.key, given.key, /--tls-cert is "\S+key.pem": expected certificates in PEM \(no start/],
    ['/dev/zero', given.key, /--tls-cert/],
  ]) {
    const { code, stderr } = await start(cert, key);
    assert.notEqual(code, 0);
    assert.match(stderr, says);
  }
});

test('a stalled reader over wss is cut while the others get every byte', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const ca = readFileSync(node.files.cert);
  const [a, b, stalled] = [await open(node, ca), await open(node, ca), await open(node, ca)];
  for (const c of [a, b, stalled]) {
    await c.take('welcome');
    c.send({ type: 'join', roomId: 'r' });
    let frame;
    do frame = await c.take('joined');
    while (frame.type !== 'joined');
  }
  stalled.socket.pause();

  const text = (i) => `${i}:`.padEnd(20_000, 'abcdefghij');
  let heard = 0;
  for (let i = 0; i < 1000; ++i) {
    a.send({ type: 'message', text: text(i), echo: false });
    if (i % 20 === 19)
      while (heard <= i) {
        const frame = await b.take(`message ${heard}`);
        if (frame.type === 'message') assert.equal(frame.text, text(heard++));
      }
  }

  stalled.socket.resume();
  await within(closed(stalled.socket), 'the stalled reader to be cut');
  assert.equal(heard, 1000);
});

// Pins §16.14.
test('what is no TLS, and half a handshake, end without harm', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const plain = net.connect(node.port, '127.0.0.1');
  plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await within(closed(plain), 'plain HTTP to be ended');
  const half = net.connect(node.port, '127.0.0.1');
  const began = performance.now();
  half.write(Buffer.from('160301', 'hex'));
  await within(closed(half), 'half a handshake to be ended', 8000);
  const took = performance.now() - began;
  assert.ok(took > 4000, `half a handshake was ended after ${took} ms`);

  const alive = await open(node, readFileSync(node.files.cert));
  assert.equal((await alive.take('welcome')).type, 'welcome');
});

// Pins §1.2.
test('old versions of TLS are refused', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const socket = tls.connect({
    host: '127.0.0.1',
    port: node.port,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const [error] = await within(once(socket, 'error'), 'the refusal');
  assert.match(String(error), /alert|protocol|version/i);
});

/// What `openssl s_client` agrees on with these arguments; undefined: nothing.
const agreed = (node, ...args) =>
  new Promise((resolve) => {
    const client = execFile(
      'openssl', ['s_client', '-connect', `127.0.0.1:${node.port}`, ...args],
      (_, stdout) => {
        const [, cipher] = stdout.match(/Cipher is (\S+)/) ?? [];
        resolve(cipher === '(NONE)' ? undefined : cipher);
      },
    );
    client.stdin.on('error', () => {});
    client.stdin.end('Q\n');
  });

const offered = execFileSync(
  'openssl', ['ciphers', '-s', '-tls1_2', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'], { encoding: 'utf8' },
).trim().split(':');

for (const kind of ['ec', 'rsa'])
  // Pins §1.55.
  test(`of all ciphers of TLS 1.2, ECDHE with AEAD alone is agreed on (${kind})`, async (t) => {
    const node = await secureNode(t, 'relay_node', [], kind);
    const taken = [];
    for (const cipher of offered)
      if (await agreed(node, '-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`)) taken.push(cipher);

    for (const old of ['AES128-SHA', 'AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA256',
      'ECDHE-ECDSA-AES256-SHA', 'DHE-RSA-AES128-GCM-SHA256', 'ADH-AES128-GCM-SHA256'])
      assert.ok(offered.includes(old), `${old} was tried`);
    const by = kind === 'ec' ? 'ECDSA' : 'RSA';
    assert.deepEqual(taken.sort(), [
      `ECDHE-${by}-AES128-GCM-SHA256`, `ECDHE-${by}-AES256-GCM-SHA384`,
      `ECDHE-${by}-CHACHA20-POLY1305`,
    ]);
  });

test('who names ChaCha20 first gets it, all others AES', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const [aes, chacha] = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'];
  const [aes13, chacha13] = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
  const with12 = (...list) => agreed(node, '-tls1_2', '-cipher', list.join(':'));
  const with13 = (...list) => agreed(node, '-tls1_3', '-ciphersuites', list.join(':'));

  assert.equal(await with12(chacha, aes), chacha);
  assert.equal(await with12(aes, chacha), aes);
  assert.equal(await with13(chacha13, aes13), chacha13);
  assert.equal(await with13(aes13, chacha13), aes13);
  assert.equal(
    await with12(aes, 'ECDHE-ECDSA-AES128-GCM-SHA256'), 'ECDHE-ECDSA-AES128-GCM-SHA256',
    'of the others the server chooses',
  );
});

// Pins §1.55.
test('TLS 1.3 is spoken with cheap curves alone, and nothing older than 1.2', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const any = ['-cipher', 'ALL:@SECLEVEL=0'];

  assert.equal(await agreed(node, '-tls1_3'), 'TLS_AES_128_GCM_SHA256');
  for (const curve of ['X25519', 'P-256', 'P-384'])
    assert.ok(await agreed(node, '-tls1_3', '-groups', curve), curve);
  for (const dear of ['ffdhe2048', 'ffdhe8192', 'P-521', 'X448'])
    assert.equal(await agreed(node, '-tls1_3', '-groups', dear), undefined, dear);
  assert.equal(
    await agreed(node, '-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_SHA256'), undefined, 'CCM',
  );
  for (const version of ['-tls1', '-tls1_1'])
    assert.equal(await agreed(node, version, ...any), undefined, version);
});

/// A client that may come again: {socket, session}.
async function visit(node, version, session) {
  const socket = tls.connect({
    host: '127.0.0.1', port: node.port, rejectUnauthorized: false,
    minVersion: version, maxVersion: version, session,
  });
  const ticket = once(socket, 'session'); // with TLS 1.3 behind the handshake
  await within(once(socket, 'secureConnect'), 'a handshake');
  const [next] = version === 'TLSv1.3' ? await within(ticket, 'a ticket') : [socket.getSession()];
  const reused = socket.isSessionReused();
  socket.destroy();
  return { next, reused };
}

for (const version of ['TLSv1.2', 'TLSv1.3'])
  // Pins §1.56.
  test('the second handshake is a short one, on any loop ' +
    `and after a reload (${version})`, async (t) => {
    const node = await secureNode(t, 'relay_node');
    const before = await servedBy(node);
    const first = await visit(node, version);
    assert.equal(first.reused, false);

    let { next } = first;
    for (let i = 0; i < 8; ++i) {
      const again = await visit(node, version, next);
      assert.ok(again.reused, `visit ${i}`);
      next = again.next;
    }
    makeCertificate(path.dirname(node.files.cert), 'renewed');
    node.signal('SIGHUP');
    await until(async () => (await servedBy(node)) !== before, 'the new certificate');
    assert.ok((await visit(node, version, next)).reused, 'after a reload');
  });

/// How many of so many handshakes, all begun at once, succeed. `header`: what goes before them.
async function handshakesOf(node, count, header = '') {
  const tries = Array.from({ length: count }, async () => {
    const raw = net.connect(node.port, '127.0.0.1');
    raw.on('error', () => {});
    raw.write(header);
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false });
    socket.on('error', () => {});
    const done = await new Promise((resolve) => {
      socket.on('secureConnect', () => resolve(true));
      raw.on('close', () => resolve(false));
    });
    socket.destroy();
    return done;
  });
  return (await within(Promise.all(tries), 'the handshakes')).filter((done) => done).length;
}

async function countedNode(t, args) {
  const [admin] = await freePorts(1);
  const node = await secureNode(t, 'relay_node', ['--admin-bind', `127.0.0.1:${admin}`, ...args]);
  const rejected = async () => {
    const answer = await fetch(`http://127.0.0.1:${admin}/metrics`);
    const counted = /rejected_total\{reason="tls_rate_per_ip"\} (\d+)/;
    return Number((await answer.text()).match(counted)[1]);
  };
  return Object.assign(node, { rejected });
}

// Pins §16.40.
test('an address that opens TLS too fast is ended before its handshake', async (t) => {
  const node = await countedNode(t, ['--tls-handshakes-per-ip', '0.2']);

  assert.equal(await handshakesOf(node, 10), 1);
  assert.equal(await node.rejected(), 9);
});

// Pins §16.40.
test('an address has 100 handshakes at once and 20 a second, the loopback if asked', async (t) => {
  const node = await countedNode(t, [
    '--max-connections-per-ip', '1000', '--max-pending-per-ip', '0', // which would end some first
  ]);
  const began = performance.now();

  const done = await handshakesOf(node, 200);

  const later = Math.ceil(((performance.now() - began) / 1000) * 20);
  assert.ok(done >= 100 && done <= 100 + later, `${done} handshakes, of which ${later} in time`);
  assert.equal(await node.rejected(), 200 - done);
});

test('the loopback may open TLS as fast as it can unless asked', async (t) => {
  const node = await countedNode(t, []);

  assert.equal(await handshakesOf(node, 150), 150);
  assert.equal(await node.rejected(), 0);
});

// Pins §16.40.
test('behind a proxy that names its clients, TLS has a rate for each of them', async (t) => {
  const node = await countedNode(t, [
    '--trusted-proxy', '127.0.0.1', '--proxy-protocol', '--tls-handshakes-per-ip', '0.4',
  ]);
  const from = (address) => `PROXY TCP4 ${address} 192.0.2.9 4000 443\r\n`;

  assert.equal(await handshakesOf(node, 6, from('203.0.113.1')), 2);
  assert.equal(await handshakesOf(node, 6, from('203.0.113.2')), 2);
  assert.equal(await handshakesOf(node, 6, 'PROXY UNKNOWN\r\n'), 6, 'the proxy itself');
  assert.equal(await node.rejected(), 8);
});

// RFC 9110, 7.4.
test('what https names is answered over TLS', async (t) => {
  const node = await secureNode(t, 'relay_node');
  const socket = tls.connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false });
  let said = '';
  socket.on('data', (bytes) => (said += bytes));
  socket.write('GET https://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');

  await within(once(socket, 'end'), 'the answer');

  assert.match(said, /^HTTP\/1.1 200 /);
});

// RFC 9112, 9.8.
for (const [how, args, ends] of [
  ['has waited too long', ['--keep-alive', '1s'], () => {}],
  ['waits while the node stops', [], (node) => node.signal('SIGTERM')],
  ['stops within a header', [], (_, client) => client.stdin.write('GET /')],
])
  test(`an HTTP connection that ${how} is told so in TLS`, async (t) => {
    const node = await secureNode(t, 'relay_node', args);
    const client = spawn('openssl', ['s_client', '-state', '-connect', `127.0.0.1:${node.port}`]);
    t.after(() => client.kill());
    let said = '';
    for (const stream of [client.stdout, client.stderr])
      stream.on('data', (bytes) => (said += bytes));
    client.stdin.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => said.includes('HTTP/1.1 200'), 'the answer');

    ends(node, client);

    await within(once(client, 'close'), 'the end');
    assert.match(said, /alert read:warning:close notify/);
  });
