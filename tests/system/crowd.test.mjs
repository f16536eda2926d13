// Sockets that never become WebSockets take nothing from those who do.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { RawSocket } from './support/raw.mjs';
import {
  inSeconds, makeCertificate, secretFile, sign, temporaryFolder,
} from './support/tokens.mjs';
import { until } from './support/wait.mjs';

test('a crowd of idle sockets larger than the node has descriptors keeps nobody out', async (t) => {
  const node = await startNode(t, 'relay_node', [], { descriptors: 256 });
  const [a, b] = await roomOf(node, freshRoom(), 'json', 'msgpack');
  const crowd = [];
  for (let i = 0; i < 600; ++i) {
    const socket = await RawSocket.open(node);
    if (i % 2) socket.write('GET / HTTP/1.1\r\n');
    crowd.push(socket);
  }

  for (let i = 0; i < 20; ++i) {
    const newcomer = await connect(node);
    await newcomer.fence();
    await newcomer.close();
  }
  a.send({ type: 'message', data: 1 });
  await b.expect('message', { data: 1 });
  assert.ok((await node.metric('troupe_ws_handshake_rejected_total', 'sockets')) > 300);
  for (const socket of crowd) socket.destroy();
});

// Pins §1.49, §16.17.
test('an address has 128 sockets at a time that are no WebSockets, ' +
  'the loopback where it is counted', async (t) => {
  const node = await startNode(t, 'relay_node', ['--max-connections-per-ip', '50']);
  const crowd = await Promise.all(Array.from({ length: 200 }, () => RawSocket.open(node)));
  let ended = 0;
  for (const socket of crowd) socket.ended.then(() => ++ended);

  await until(() => ended >= 72, '72 sockets to end');
  const newcomer = await connect(node);
  await newcomer.fence();
  assert.ok(ended <= 74, `${ended} have ended`);
  for (const socket of crowd) socket.destroy();
});

for (const [stage, reach] of [
  [
    'answered, and kept open',
    (node) =>
      RawSocket.open(node).then(async (s) => {
        s.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        await s.response();
        return s.socket;
      }),
  ],
  ['before the handshake of TLS', (node) => net.connect(node.port, '127.0.0.1')],
  [
    'in the handshake of TLS',
    (node) => {
      const s = net.connect(node.port, '127.0.0.1');
      s.write(Buffer.from('160301020001', 'hex'));
      return s;
    },
  ],
  [
    'behind the handshake of TLS',
    (node) =>
      new Promise((resolve) => {
        const s = tls.connect(
          { port: node.port, host: '127.0.0.1', rejectUnauthorized: false },
          () => resolve(s),
        );
        s.on('error', () => resolve(s));
      }),
  ],
])
  test(`an address's sockets are bounded at each stage: ${stage}`, async (t) => {
    const files = stage.includes('TLS') ? makeCertificate(temporaryFolder(t)) : null;
    const node = await startNode(t, 'relay_node', [
      '--max-pending-per-ip', '5',
      ...(files ? ['--tls-cert', files.cert, '--tls-key', files.key] : []),
    ]);
    let ended = 0;
    const crowd = [];
    for (let i = 0; i < 12; ++i) {
      const socket = await reach(node);
      socket.on('error', () => {});
      socket.on('close', () => ++ended);
      socket.resume();
      crowd.push(socket);
    }

    await until(() => ended >= 7, '7 sockets to end');
    await new Promise((resolve) => setTimeout(resolve, 200)); // time for more to end
    assert.equal(ended, 7);
    for (const socket of crowd) socket.destroy();
  });

// Bit 12 of the mask stands for SIGPIPE, which is signal 13.
test('a node ignores SIGPIPE', async (t) => {
  const node = await startNode(t, 'relay_node');
  const [, ignored] = readFileSync(`/proc/${node.pid}/status`, 'utf8').match(
    /SigIgn:\s+([0-9a-f]+)/,
  );
  assert.ok(BigInt(`0x${ignored}`) & (1n << 12n), ignored);
});

test('a node raises its limit of descriptors to what it may have', async (t) => {
  const node = await startNode(t, 'relay_node');
  const [, soft, hard] = readFileSync(`/proc/${node.pid}/limits`, 'utf8').match(
    /Max open files\s+(\S+)\s+(\S+)/,
  );
  const highest = hard === 'unlimited' ? 1_048_576 : Math.min(Number(hard), 1_048_576);
  assert.ok(Number(soft) >= highest, `${soft} of ${hard}`);
});

test('/session and the upgrade count wrong tokens together, and missing ones never', async (t) => {
  const secret = 'a-secret-of-the-crowd-test-which-is-long';
  const node = await startNode(t, 'chat_node', [
    '--jwt-secret-file', secretFile(t, secret), '--max-connections-per-ip', '1000',
  ]);
  const ask = async (authorization) =>
    node.http('/session', authorization ? { headers: { authorization } } : {});
  for (let i = 0; i < 30; ++i) assert.equal((await ask()).status, 401);
  const good = `Bearer ${sign({ sub: 'ann', iat: inSeconds(0), exp: inSeconds(60) }, secret)}`;
  assert.equal((await ask(good)).status, 204);

  const statuses = [];
  for (let i = 0; i < 30; ++i)
    statuses.push(
      (await ask(`Bearer ${sign({ sub: 'ann' }, `wrong ${i}, and long enough for HS256`)}`)).status,
    );

  assert.deepEqual([...new Set(statuses)], [401, 429]);
  const last = await ask(good);
  assert.equal(last.status, 429);
  assert.match(last.headers['retry-after'], /^\d+$/);
  await assert.rejects(connect(node, 'json', { headers: { Authorization: good } }));
});
