// A node behind nginx and haproxy, configured as the transport's README says.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { Client } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { ways, withoutHaproxy } from './support/proxies.mjs';
import { text } from './support/raw.mjs';
import { makeCertificate, temporaryFolder } from './support/tokens.mjs';
import { until, within } from './support/wait.mjs';

const run = promisify(execFile);

async function startBehind(t, way, args = [], ...how) {
  const node = await startNode(t, 'relay_node', [
    '--bind', '127.0.0.1', '--trusted-proxy', '127.0.0.1', ...way.args, ...args,
  ]);
  const proxy = await way.start(t, node, ...how);
  const scheme = (plain) => plain + (way.secure ? 's' : '') + `://127.0.0.1:${proxy.port}`;
  return { node, ca: proxy.ca, ws: scheme('ws'), http: scheme('http') };
}

/// Connects from an address of this machine, and takes `welcome`; resolves to the HTTP status if
/// the upgrade is refused.
async function connectFrom(address, { ws, ca }, headers = {}) {
  const socket = new WebSocket(ws, ['troupe.v1.json'], {
    ca, headers, localAddress: address, perMessageDeflate: false,
  });
  const client = new Client('json', socket);
  const refusal = new Promise((resolve) =>
    socket.on('unexpected-response', (_, response) => {
      socket.terminate();
      resolve(response.statusCode);
    }),
  );
  const opened = client.opened.then(() => client);
  opened.catch(() => {});
  const outcome = await within(Promise.race([refusal, opened]), 'an answer to the upgrade');
  if (outcome === client) client.welcome = await client.expect('welcome');
  return outcome;
}

/// What `curl` gets: {status, version, body}.
async function curl(url, ...args) {
  const form = '\n%{http_code} %{http_version}';
  const { stdout } = await run('curl', ['-sk', '-m', '10', '-w', form, ...args, url]);
  const end = stdout.lastIndexOf('\n');
  const [status, version] = stdout.slice(end + 1).split(' ');
  return { status: Number(status), version, body: stdout.slice(0, end) };
}

for (const way of ways)
  describe(`behind ${way.name}`, { skip: way.leftOut }, () => {
    test('WebSockets pass, with 1 MB in one message, and end with their codes', async (t) => {
      const behind = await startBehind(t, way, ['--max-message-bytes', '2MiB']);
      const [ann, bob] = [
        await connectFrom('127.0.0.1', behind), await connectFrom('127.0.0.1', behind),
      ];
      await ann.join('r');
      await bob.join('r');
      await ann.expect('userJoined');
      const long = 'x'.repeat(1_000_000);
      ann.send({ type: 'message', text: long });
      assert.equal((await bob.expect('message')).text.length, long.length);

      await ann.close(4321);

      await bob.expect('userLeft');
      behind.node.signal('SIGTERM');
      assert.equal((await bob.expect('goodbye')).reason, 'restart');
      assert.equal((await bob.end()).code, 1012);
      assert.equal((await behind.node.ended()).code, 0);
    });

    // Pins §1.45.
    test('an address is the client\'s, whatever the client says of it', async (t) => {
      const behind = await startBehind(t, way, ['--max-connections-per-ip', '1']);
      const lie = { 'X-Forwarded-For': '192.0.2.7' };
      assert.ok((await connectFrom('127.0.0.2', behind)) instanceof Client);
      assert.equal(await connectFrom('127.0.0.2', behind), 503);
      assert.ok((await connectFrom('127.0.0.3', behind)) instanceof Client);
      assert.equal(await connectFrom('127.0.0.2', behind, lie), 503);
      assert.ok((await connectFrom('127.0.0.4', behind, lie)) instanceof Client);
      assert.equal(await connectFrom('127.0.0.4', behind), 503);
    });

    test('HTTP passes: curl gets what it asks for', async (t) => {
      const behind = await startBehind(t, way);
      const version = way.secure ? '2' : '1.1';
      assert.deepEqual(await curl(`${behind.http}/healthz`), { status: 200, version, body: 'ok\n' });
      assert.equal((await curl(`${behind.http}/healthz`, '--head')).status, 200);
      assert.equal((await curl(`${behind.http}/no/such`)).status, 404);
      assert.equal((await curl(`${behind.http}/healthz`, '--http1.1')).version, '1.1');
      assert.equal((await curl(`${behind.http}/healthz`, '-X', 'DELETE')).status, 405);
    });
  });

for (const way of ways.filter((w) => !w.secure))
  test(`TLS of the node's own passes ${way.name}`, { skip: way.leftOut }, async (t) => {
    const { cert, key } = makeCertificate(temporaryFolder(t));
    const { node, ws } = await startBehind(t, way, [
      '--tls-cert', cert, '--tls-key', key, '--max-connections-per-ip', '1',
    ]);
    const secure = { ws: ws.replace('ws:', 'wss:'), ca: readFileSync(cert) };
    const ann = await connectFrom('127.0.0.2', secure);
    assert.equal(await connectFrom('127.0.0.2', secure), 503);
    assert.equal((await ann.close()).code, 1000);
    assert.equal(node.exit, undefined);
  });

/// What `h2load` counts: {status: '200 2xx, ...', failed}.
async function h2load(url, ...args) {
  const { stdout } = await run('h2load', ['-n', '2000', '-c', '10', '-m', '5', ...args, url]);
  return {
    statuses: stdout.match(/^status codes: (.*)$/m)[1],
    failed: Number(stdout.match(/(\d+) failed/)[1]),
  };
}

for (const way of ways.filter((w) => w.secure))
  test(`h2load through ${way.name}: 2,000 requests over HTTP/2 and as many over HTTP/1.1, all of ` +
    'them answered', { skip: way.leftOut }, async (t) => {
    const { http } = await startBehind(t, way, ['--max-pending-per-ip', '0']);
    const all = { statuses: '2000 2xx, 0 3xx, 0 4xx, 0 5xx', failed: 0 };
    assert.deepEqual(await h2load(`${http}/healthz`), all);
    assert.deepEqual(await h2load(`${http}/healthz`, '--h1'), all);
  });

test('a WebSocket over HTTP/2 passes haproxy (RFC 8441)', { skip: withoutHaproxy }, async (t) => {
  const { http, ca } = await startBehind(t, ways.find((w) => w.name === 'haproxy'));
  const session = http2.connect(http, { ca });
  t.after(() => session.destroy());
  const [settings] = await within(once(session, 'remoteSettings'), 'settings');
  assert.equal(settings.enableConnectProtocol, true);

  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/',
    'sec-websocket-version': '13', 'sec-websocket-protocol': 'troupe.v1.json',
  });
  const [answer] = await within(once(stream, 'response'), 'the answer to CONNECT');
  assert.equal(answer[':status'], 200);
  assert.equal(answer['sec-websocket-protocol'], 'troupe.v1.json');
  let got = '';
  stream.on('data', (bytes) => (got += bytes.toString('latin1')));
  stream.write(text(JSON.stringify({ type: 'ping', ref: 'over-h2' })));

  await until(() => got.includes('"type":"pong"') && got.includes('over-h2'), 'pong');
});

test('a node passes the check that haproxy makes unless told otherwise', {
  skip: withoutHaproxy,
}, async (t) => {
  const way = ways.find((w) => w.name === 'haproxy');
  const { http } = await startBehind(t, way, [], 'option httpchk');
  // It takes a server for good until three checks have failed.
  const end = Date.now() + 1000;
  while (Date.now() < end) assert.equal((await curl(`${http}/healthz`)).status, 200);
});

test('haproxy takes a node that stops out of its service', { skip: withoutHaproxy }, async (t) => {
  const way = ways.find((w) => w.name === 'haproxy');
  const { node, http } = await startBehind(t, way, ['--drain-delay', '20s']);
  await until(async () => (await curl(`${http}/healthz`)).status === 200, 'the node to be in');
  node.signal('SIGTERM');
  await until(async () => (await curl(`${http}/healthz`)).status === 503, 'the node to be out');
  node.expectedEnd = true;
});
