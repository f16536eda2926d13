// troupe_load reports the truth, also about servers that lose, double or swap messages.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { WebSocketServer } from 'ws';
import { load, unbounded } from './support/load.mjs';
import { runToEnd, startNode } from './support/node.mjs';
import { makeCertificate, temporaryFolder } from './support/tokens.mjs';

for (const [what, args] of [
  ['a closed loop', ['--members', '20', '--in-flight', '4']],
  [
    'an open loop of many publishers without echo',
    ['--rooms', '3', '--members', '10', '--publishers', '5', '--rate', '40', '--no-echo'],
  ],
  [
    'MessagePack and JSON members',
    ['--members', '20', '--dialect', 'mixed', '--rate', '100', '--bytes', '2000'],
  ],
  ['plain members that reconnect', ['--members', '20', '--dialect', 'plain', '--reconnect']],
  [
    'clients in several rooms',
    [
      '--rooms', '5', '--members', '4', '--joins', '3', '--publishers', '2', '--rate', '20',
      '--no-echo',
    ],
  ],
  ['clients in rooms of all sizes', ['--members', '20', '--joins', '4', '--mix', '--rate', '5']],
  ['joins and leaves on top', ['--members', '10', '--rate', '50', '--churn', '200']],
])
  test(`${what}: everything arrives, as many as were published`, async (t) => {
    const node = await startNode(t, 'relay_node', unbounded);
    const { code, report, stderr } = await load(t, node.url(), args);
    assert.equal(code, 0, stderr);
    assert.deepEqual([report.lost, report.doubled, report.disordered, report.cut], [0, 0, 0, 0]);
    assert.ok(report.published > 0 && report.delivered >= report.published, JSON.stringify(report));
    assert.ok(report.latency_us.p50 > 0 && report.latency_us.p50 <= report.latency_us.p99);
  });

test('broadcasts at a raw endpoint, and pings, are counted', async (t) => {
  const node = await startNode(t, 'echo_node', [
    '--mode', 'broadcast', '--message-rate', '0', '--ping-interval', '200ms',
  ]);
  const { code, report, stderr } = await load(
    t,
    node.url(),
    ['--dialect', 'broadcast', '--members', '5', '--rate', '50'],
    2,
  );
  assert.equal(code, 0, stderr);
  assert.ok(report.delivered > 4.5 * report.published && report.lost === 0, JSON.stringify(report));
  assert.ok(report.pings > 0, 'four of them say nothing');
});

test('over TLS with deflate, with the server\'s time and memory', async (t) => {
  const { cert, key } = makeCertificate(temporaryFolder(t));
  const node = await startNode(t, 'relay_node', [
    ...unbounded, '--deflate', '--tls-cert', cert, '--tls-key', key,
  ]);
  const args = [
    '--members', '30', '--bytes', '1024', '--rate', '50', '--deflate', '--pid', String(node.pid),
  ];
  const { code, report, stderr } = await load(t, node.url().replace('ws:', 'wss:'), args);
  assert.equal(code, 0, stderr);
  assert.equal(report.lost, 0);
  assert.ok(report.server_cpu_seconds > 0 && report.server_kib.most > 1000);
});

test('a server that is cut off at its stalled readers is told apart', async (t) => {
  const node = await startNode(t, 'relay_node', [...unbounded, '--max-message-bytes', '1MiB']);
  const { report } = await load(
    t,
    node.url(),
    ['--members', '10', '--stall', '20%', '--bytes', '200000', '--rate', '30'],
    4,
  );
  assert.deepEqual([report.lost, report.cut, report.cut_stalled], [0, 0, 2]);
});

/// A rooms server that calls `deliver(members, text, n)` for the nth text; it picks the receivers.
async function faulty(t, deliver) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  const members = new Set();
  let n = 0;
  server.on('connection', (socket) => {
    socket.on('message', (bytes) => {
      const message = JSON.parse(bytes);
      if (message.type !== 'join') return deliver([...members], bytes.toString(), ++n);
      members.add(socket);
      socket.send('{"type":"joined"}');
    });
    socket.on('close', () => members.delete(socket));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return `ws://127.0.0.1:${server.address().port}`;
}

const all = (members, text) => members.forEach((m) => m.send(text));

test('lost messages are counted', async (t) => {
  const url = await faulty(t, (members, text, n) =>
    all(n % 10 === 0 ? members.slice(1) : members, text),
  );
  const { code, report } = await load(t, url, [
    '--members', '5', '--rate', '50', '--patience', '3',
  ]);
  assert.equal(code, 3);
  assert.ok(report.lost >= 4 && report.lost <= 7, `lost ${report.lost}`);
  assert.equal(report.disordered, 0);
});

test('doubled and swapped messages are counted', async (t) => {
  let held = null;
  const url = await faulty(t, (members, text, n) => {
    if (n % 10 === 0) all(members, text);
    if (n % 10 === 5) return void (held = text);
    all(members, text);
    if (held) all(members, held);
    held = null;
  });
  const { code, report } = await load(t, url, [
    '--members', '2', '--rate', '50', '--patience', '3',
  ]);
  assert.equal(code, 3);
  for (const [what, n] of [['doubled', report.doubled], ['out of order', report.disordered]])
    assert.ok(n >= 8 && n <= 14, `${n} ${what}`);
});

test('a double does not make up for a loss', async (t) => {
  const url = await faulty(t, (members, text, n) => {
    if (n % 10 === 5) all(members, text);
    if (n % 10 !== 6) all(members, text);
  });
  const { report } = await load(t, url, ['--members', '1', '--rate', '50', '--patience', '3']);
  assert.ok(report.lost >= 4 && report.lost <= 7, `lost ${report.lost}`);
  assert.ok(report.doubled >= 4 && report.doubled <= 7, `doubled ${report.doubled}`);
});

test('input that cannot be is told in one line', async () => {
  for (const args of [
    ['http://127.0.0.1:1'],
    ['ws://127.0.0.1:1', '--no-echo'],
    ['ws://127.0.0.1:1', '--members', '2', '--publishers', '3'],
    ['ws://127.0.0.1:1', '--stall', '200%'],
    ['ws://127.0.0.1:1', '--stall', 'some%'],
    ['ws://127.0.0.1:1', '--rooms', '0', '--publishers', '0', '--churn', '5'],
    ['ws://127.0.0.1:1', '--rooms', '2', '--joins', '3'],
    ['ws://127.0.0.1:1', '--mix'],
    ['ws://127.0.0.1:99999'],
    ['ws://127.0.0.1:80abc'],
    ['ws://127.0.0.1:1', '--dialect', 'morse'],
    [],
  ]) {
    const { code, stderr } = await runToEnd('troupe_load', args);
    assert.equal(code, 2, args.join(' '));
    assert.notEqual(stderr.trim(), '');
  }
  const { code, stderr } = await runToEnd('troupe_load', ['ws://127.0.0.1:1', '--quiet']);
  assert.equal(code, 1);
  assert.match(stderr, /^troupe_load: connect: /);
});
