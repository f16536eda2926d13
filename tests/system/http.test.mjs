// The HTTP side of the nodes: probes, metrics, the page, and upgrade requests.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { randomBytes } from 'node:crypto';
import { connect, freshRoom, refused } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { until } from './support/wait.mjs';
import { frame, rawRequest, rawWebSocket, upgradeRequest, RawSocket } from './support/raw.mjs';

let relay, chat;
before(
  async () =>
    ([relay, chat] = await Promise.all([
      startNode(null, 'relay_node'), startNode(null, 'chat_node'),
    ])),
);
after(async () => {
  await relay.end();
  await chat.end();
});

const statusOf = async (options) => (await rawRequest(relay, upgradeRequest(options)))?.status;

describe('an upgrade request', () => {
  // Pins §1.1.
  test('that is whole is answered by 101 and the key\'s hash', async () => {
    const answer = await rawRequest(
      relay,
      upgradeRequest({ headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } }),
    );
    assert.equal(answer.status, 101);
    assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    assert.equal(answer.headers['sec-websocket-extensions'], undefined);
  });

  test('may list other tokens in Connection and Upgrade, in any case', async () =>
    assert.equal(
      await statusOf({ headers: { Connection: 'keep-alive, UPGRADE', Upgrade: 'WebSocket' } }),
      101,
    ));

  test('may have them in headers of their own', async () =>
    assert.equal(
      await statusOf({
        headers: { Connection: ['keep-alive', 'Upgrade'], Upgrade: ['h2c', 'websocket'] },
      }),
      101,
    ));

  for (const header of ['Host', 'Connection', 'Sec-WebSocket-Key'])
    test(`without ${header} is answered by 400`, async () =>
      assert.equal(await statusOf({ headers: { [header]: undefined } }), 400));

  test('without Upgrade is no upgrade', async () => {
    const status = await statusOf({ headers: { Upgrade: undefined } });
    assert.ok(status >= 400 && status < 500, `got ${status}`);
  });

  for (const version of ['8', '12', '14', '0', 'x', ''])
    // Pins §1.34.
    test(`of version ${JSON.stringify(version)} is answered by 426 that names 13`, async () => {
      const answer = await rawRequest(
        relay,
        upgradeRequest({ headers: { 'Sec-WebSocket-Version': version } }),
      );
      assert.equal(answer.status, 426);
      assert.equal(answer.headers['sec-websocket-version'], '13');
    });

  test('of no version is never answered by 101', async () =>
    assert.ok(
      [400, 426].includes(await statusOf({ headers: { 'Sec-WebSocket-Version': undefined } })),
    ));

  // Pins §1.29.
  test('of HTTP/1.0 is none', async () =>
    assert.equal(await statusOf({ line: 'GET / HTTP/1.0' }), 404));
  // Pins §1.30.
  test('by POST is answered by 400', async () =>
    assert.equal(await statusOf({ line: 'POST / HTTP/1.1' }), 400));

  for (const line of [
    'nonsense', 'GET /', 'GET / http/1.1', 'GET  / HTTP/1.1', 'G\u0001T / HTTP/1.1',
    '\x16\x03\x01\x02',
  ])
    // Pins §1.28.
    test(`with the first line ${JSON.stringify(line)} is answered by 400`, async () =>
      assert.equal(await statusOf({ line }), 400));

  for (const [what, key] of [
    ['x', 'x'],
    ['empty', ''],
    ['24 characters that are no base64', '!'.repeat(24)],
    ['too short', randomBytes(15).toString('base64')],
    ['too long', randomBytes(18).toString('base64')],
    ['given twice', [randomBytes(16).toString('base64'), randomBytes(16).toString('base64')]],
  ])
    // Pins §1.35.
    test(`with a key that is ${what} is answered by 400`, async () =>
      assert.equal(await statusOf({ headers: { 'Sec-WebSocket-Key': key } }), 400));

  // Pins §1.33.
  test('with a body is answered by 400', async () => {
    assert.equal(await statusOf({ headers: { 'Content-Length': '5' } }), 400);
    assert.equal(await statusOf({ headers: { 'Transfer-Encoding': 'chunked' } }), 400);
    assert.equal(
      await statusOf({ headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '5' } }),
      400,
    );
    assert.equal(await statusOf({ headers: { 'Content-Length': `${1 << 20}` } }), 413);
  });

  // Pins §1.26.
  test('that is refused is answered by one line of text, ' +
    'behind which the connection ends', async () => {
    const big = { 'X-Big': 'x'.repeat(9 * 1024) };
    for (const options of [
      { line: 'nonsense' }, { line: 'POST / HTTP/1.1' }, { line: 'GET /nowhere HTTP/1.1' },
      { headers: { Host: undefined } }, { headers: { 'Sec-WebSocket-Version': '8' } },
      { headers: big },
    ]) {
      const socket = await RawSocket.open(relay);
      socket.write(upgradeRequest(options));
      const { status, headers, body } = await socket.response();
      assert.ok(status >= 400, JSON.stringify(options));
      assert.match(headers['content-type'], /^text\/plain/);
      assert.match(body, /^[^\n]+\n?$/, JSON.stringify(options));
      await socket.untilEnded();
    }
  });

  test('with another request behind it never starts that request', async () => {
    const socket = await RawSocket.open(relay);
    socket.write(upgradeRequest() + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await socket.response();
    if (answer.status === 101) assert.equal((await socket.closeFrame()).code, 1002);
    else assert.equal(answer.status, 400);
    assert.doesNotMatch(socket.received.toString('latin1'), /HTTP\/1\.1 200/);
    socket.destroy();
  });

  // Pins §1.27.
  test('with more than 8 KiB of headers is answered by 431', async () => {
    assert.equal(await statusOf({ headers: { 'X-Big': 'x'.repeat(9 * 1024) } }), 431);
    const eight = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`X-${i}`, 'x'.repeat(900)]),
    );
    assert.equal(await statusOf({ headers: eight }), 431);
  });

  // Pins §1.27.
  test('with more than 100 headers is answered by 431', async () => {
    const headers = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`X-${i}`, '1']));
    assert.equal(await statusOf({ headers: headers(101) }), 431);
    assert.equal(await statusOf({ headers: headers(2000) }), 431);
    assert.equal(await statusOf({ headers: headers(90) }), 101);
  });

  test('with a header of 7 KiB is answered by 101', async () =>
    assert.equal(await statusOf({ headers: { Cookie: 'x'.repeat(7 * 1024) } }), 101));

  // Pins §1.1, §1.37.
  test('of a path that is no WebSocket is answered by 404', async () => {
    assert.equal((await refused(relay, 'json', { path: '/nowhere' })).status, 404);
    assert.equal((await refused(chat, 'json', { path: '/nowhere' })).status, 404);
  });

  // Pins §1.3.
  test('may carry a query', async () => {
    const client = await connect(relay, 'json', { path: '/?room=1&x=%20' });
    await client.join(freshRoom());
  });

  // Pins §1.5.
  test('that offers deflate gets a connection without it', async () => {
    const client = await connect(relay, 'json', { perMessageDeflate: true });
    assert.equal(client.socket.extensions, '');
    await client.join(freshRoom());
  });

  test('that offers several subprotocols gets the first that is known', async () => {
    const answer = await rawRequest(
      relay,
      upgradeRequest({
        headers: { 'Sec-WebSocket-Protocol': 'chat, troupe.v1.msgpack, troupe.v1.json' },
      }),
    );
    assert.equal(answer.headers['sec-websocket-protocol'], 'troupe.v1.msgpack');
  });

  // Pins §1.23.
  test('that offers none that is known gets none', async () => {
    const answer = await rawRequest(
      relay,
      upgradeRequest({ headers: { 'Sec-WebSocket-Protocol': 'chat, troupe.v2.json' } }),
    );
    assert.equal(answer.status, 101);
    assert.equal(answer.headers['sec-websocket-protocol'], undefined);
  });

  test('that the client resets leaves no trace', async () => {
    for (let i = 0; i < 50; ++i) {
      const socket = await RawSocket.open(relay);
      socket.write(upgradeRequest().slice(0, 20 + i));
      socket.reset();
    }
    assert.equal((await relay.http('/healthz')).status, 200);
  });
});

describe('an origin allow-list', () => {
  let node;
  before(
    async () =>
      (node = await startNode(null, 'relay_node', [
        '--origin', 'https://good.example', '--origin', 'http://localhost:3000',
      ])),
  );
  after(() => node.end());

  for (const origin of ['https://good.example', 'http://localhost:3000'])
    test(`lets ${origin} in`, async () => {
      const client = await connect(node, 'plain', { origin });
      await client.join(freshRoom());
    });

  for (const origin of [
    'https://bad.example', 'null', 'https://good.example.evil.com', 'http://good.example',
    'https://good.example:8443', 'https://evil.com/https://good.example', 'https://xgood.example',
    'HTTPS://GOOD.EXAMPLE', '*', '',
  ])
    // Pins §1.36.
    test(`refuses ${JSON.stringify(origin)} with 403`, async () =>
      assert.equal((await refused(node, 'plain', { headers: { Origin: origin } })).status, 403));

  test('refuses two origins at once with 403', async () => {
    const answer = await rawRequest(
      node,
      upgradeRequest({ headers: { Origin: ['https://good.example', 'https://bad.example'] } }),
    );
    assert.equal(answer.status, 403);
  });
});

describe('the probes', () => {
  test('say that the node lives and is ready', async () => {
    for (const node of [relay, chat])
      for (const path of ['/healthz', '/readyz']) {
        const { status } = await node.http(path);
        assert.equal(status, 200, `${node.name} ${path}`);
      }
  });

  test('answer several requests on one connection', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; ++i) assert.equal((await relay.http('/healthz', { agent })).status, 200);
    assert.equal(Object.values(agent.freeSockets).flat().length, 1);
    agent.destroy();
  });

  test('answer requests that come in one segment, in order', async () => {
    const socket = await RawSocket.open(relay);
    const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    socket.write(get('/healthz') + get('/nowhere') + get('/healthz'));
    const statuses = [];
    for (let i = 0; i < 3; ++i) statuses.push((await socket.response()).status);
    assert.deepEqual(statuses, [200, 404, 200]);
    socket.destroy();
  });

  test('answer HEAD without a body and other methods with 405', async () => {
    const head = await relay.http('/healthz', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
    for (const method of ['POST', 'DELETE', 'PUT'])
      assert.equal((await relay.http('/healthz', { method })).status, 405);
  });

  test('are at no other path', async () => {
    for (const path of ['/healthz/', '/HEALTHZ', '/health', '/metrics/x'])
      assert.equal((await relay.http(path)).status, 404, path);
  });
});

test('the metrics tell of connections, rooms and members', async (t) => {
  const node = await startNode(t, 'relay_node');
  const client = await connect(node);
  await client.join(freshRoom());
  await client.join(freshRoom());
  client.send({ type: 'message', text: 'x' });
  await client.expect('message');

  const { headers, body } = await node.http('/metrics');

  assert.match(headers['content-type'], /^text\/plain/);
  assert.match(body, /^# TYPE /m);
  const metrics = await node.metrics();
  const value = (name) => [...metrics].find(([key]) => key.endsWith(name))?.[1];
  assert.equal(value('connections'), 1, body);
  assert.equal(value('rooms'), 2);
  assert.equal(value('members'), 2);
});

describe('the page of the chat node', () => {
  // Pins §1.4.
  test('lies at / beside the WebSocket', async () => {
    const { status, headers, body } = await chat.http('/');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html; ?charset=utf-8/i);
    assert.match(body, /<!doctype html>/i);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  });

  test('may connect to the host that it came from, and to no other', async () => {
    const policyFor = async (host) =>
      (await rawRequest(chat, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).headers[
        'content-security-policy'
      ];
    const connects = (policy) => policy.match(/connect-src ([^;]*)/)[1];

    const policy = await policyFor('chat.example:8080');
    assert.equal(connects(policy), "'self' ws://chat.example:8080 wss://chat.example:8080");
    assert.match(policy, /frame-ancestors 'self'/);
    assert.equal(connects(await policyFor('[::1]:80')), "'self' ws://[::1]:80 wss://[::1]:80");
    // what is no plain host adds nothing
    assert.equal(connects(await policyFor("x;script-src*'")), "'self'");
    assert.equal(connects(await policyFor('*')), "'self'");
  });

  test('brings all files that it names, each with its type', async () => {
    const { body } = await chat.http('/');
    const files = [...body.matchAll(/(?:src|href)="(?!https?:|data:|#)([^"]+)"/g)].map(
      (m) => new URL(m[1], 'http://x/').pathname,
    );
    assert.ok(files.length > 0);
    for (const file of files) {
      const { status, headers } = await chat.http(file);
      assert.equal(status, 200, file);
      if (file.endsWith('.js')) assert.match(headers['content-type'], /javascript/);
      if (file.endsWith('.css')) assert.match(headers['content-type'], /text\/css/);
    }
  });

  test('loads nothing from elsewhere', async () => {
    const { body } = await chat.http('/');
    assert.doesNotMatch(body, /(?:src|href)="(?:https?:)?\/\//);
  });

  for (const path of [
    '/../chat_room.cpp',
    '/../../etc/passwd',
    '/..%2f..%2f..%2fetc/passwd',
    '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/..%5c..%5cetc/passwd',
    '//etc/passwd',
    '/./../../../etc/passwd',
    '/index.html/../../../../etc/passwd',
    '/%00',
    '/index.html%00.js',
    '/.git/config',
    '/%',
    '/%zz',
    '/nothing.js',
    `/${'a/'.repeat(1000)}`,
  ])
    test(`gives nothing for ${path.slice(0, 50)}`, async () => {
      const answer = await rawRequest(
        chat,
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assert.ok([400, 403, 404].includes(answer.status), `got ${answer.status}`);
      assert.doesNotMatch(answer.body, /root:|#include|repositoryformatversion/);
    });
});

// Pins §1.29.
test('a node without a page has none at /', async () => {
  const { status } = await relay.http('/');
  assert.equal(status, 404);
});

test('a connection that never becomes a WebSocket ' +
  'costs no descriptor once it is gone', async () => {
  const before = relay.openDescriptors();
  const sockets = await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(relay)));
  for (const socket of sockets) socket.write('GET / HT');
  for (const socket of sockets) socket.destroy();

  await until(() => relay.openDescriptors() <= before, 'the descriptors to be given back');
});

test('a WebSocket that ends without a close frame costs no descriptor', async () => {
  const before = relay.openDescriptors();
  for (let i = 0; i < 50; ++i) {
    const socket = await rawWebSocket(relay);
    socket.write(frame({ payload: '{', fin: false }));
    i % 2 ? socket.reset() : socket.destroy();
  }

  await until(() => relay.openDescriptors() <= before, 'the descriptors to be given back');
});

describe('a request', () => {
  test('with a body that is announced as too large is answered by 413', async () => {
    const answer = await rawRequest(
      relay,
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${1 << 20}\r\n\r\n`,
    );
    assert.equal(answer.status, 413);
  });

  // Pins §1.37.
  test('may name scheme and host, and so may an upgrade', async () => {
    const answer = await rawRequest(
      relay,
      'GET http://example.org/healthz HTTP/1.1\r\nHost: example.org\r\n\r\n',
    );
    assert.equal(answer.status, 200);
    assert.ok(Math.abs(Date.parse(answer.headers.date) - Date.now()) < 5000, answer.headers.date);
    assert.equal(
      (await rawRequest(relay, upgradeRequest({ line: 'GET http://example.org/ HTTP/1.1' })))
        .status,
      101,
    );
  });
});
