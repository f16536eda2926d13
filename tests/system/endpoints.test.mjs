// WebSockets without envelope: the first servers of the tutorial.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { startNode } from './support/node.mjs';
import { inSeconds, secretFile, sign } from './support/tokens.mjs';
import { Inbox, within } from './support/wait.mjs';

class Plain {
  constructor(url, options = { perMessageDeflate: false }) {
    this.socket = new WebSocket(url, options);
    this.inbox = new Inbox();
    this.socket.on('message', (data, isBinary) =>
      this.inbox.push(isBinary ? data : data.toString()),
    );
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }
  static async open(node, options) {
    const client = new Plain(node.url(), options);
    await within(once(client.socket, 'open'), 'a connection');
    return client;
  }
  take(what = 'a message') {
    return this.inbox.take(what);
  }
}

describe('echo_node', () => {
  test('greets and answers with the tutorial\'s texts', async (t) => {
    const node = await startNode(t, 'echo_node');
    const client = await Plain.open(node);

    assert.equal(await client.take(), 'WebSocket 서버에 연결되었습니다!');
    client.socket.send('안녕하세요!');

    assert.equal(await client.take(), '서버 응답: 안녕하세요!');
  });

  test('closes with 1008 when the token expires, ' +
    'and tells a bearer subprotocol\'s browser that it was understood', async (t) => {
    const secret = 'a-secret-of-the-endpoints-test-which-is-long';
    const node = await startNode(t, 'echo_node', [
      '--jwt-secret-file', secretFile(t, secret), '--jwt-profile', 'seed',
    ]);
    const leeway = 30;
    const token = sign({ sub: 'ann', exp: inSeconds(2 - leeway) }, secret);
    const socket = new WebSocket(node.url(), ['troupe.v1.json', `troupe.bearer.${token}`]);
    const closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve([code, reason.toString()])),
    );
    await within(once(socket, 'open'), 'a connection');
    assert.equal(socket.protocol, 'troupe.v1.json');
    assert.deepEqual(await within(closed, 'the close'), [1008, 'token_expired']);
  });

  test('--mode broadcast gives every message to all, the sender included', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'broadcast']);
    const clients = await Promise.all([Plain.open(node), Plain.open(node), Plain.open(node)]);

    for (let i = 0; i < 100; ++i) clients[i % 3].socket.send(`m${i}`);
    const heard = await Promise.all(clients.map(async (c) => {
      const all = [];
      while (all.length < 100) all.push(await c.take());
      return all;
    }));

    assert.deepEqual(heard[1], heard[0], 'one order for all');
    assert.deepEqual(heard[2], heard[0]);
    assert.equal(new Set(heard[0]).size, 100);
  });

  test('--mode others leaves the sender out', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'others']);
    const [a, b, c] = await Promise.all([Plain.open(node), Plain.open(node), Plain.open(node)]);

    a.socket.send('from a');
    assert.equal(await b.take(), 'from a');
    assert.equal(await c.take(), 'from a');
    b.socket.send(Buffer.from([1, 2, 3]));

    assert.deepEqual(await a.take(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await c.take(), Buffer.from([1, 2, 3]));
    assert.deepEqual(b.inbox.pending, []);
  });

  test('--mode plain gives text and binary back byte by byte, up to the limit', async (t) => {
    const node = await startNode(t, 'echo_node', [
      '--mode', 'plain', '--max-message-bytes', '16777216',
    ]);
    const client = await Plain.open(node);

    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000, 16_777_216]) {
      const bytes = Buffer.alloc(size, 'ab');
      client.socket.send(bytes);
      assert.ok(bytes.equals(await client.take(`${size} bytes`)));
      client.socket.send(bytes.toString());
      assert.equal(await client.take(`${size} characters`), bytes.toString());
    }
  });

  test('answers pings, and a close in kind', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'plain']);
    const client = await Plain.open(node);
    const pong = once(client.socket, 'pong');
    client.socket.ping('are you there');
    assert.equal((await within(pong, 'a pong'))[0].toString(), 'are you there');

    client.socket.close(4321, 'enough');

    assert.equal((await within(client.closed, 'the end')).code, 4321);
  });

  test('says goodbye by a close code when it stops', async (t) => {
    const node = await startNode(t, 'echo_node');
    const client = await Plain.open(node);
    await client.take();

    node.signal('SIGTERM');

    assert.equal((await within(client.closed, 'the end')).code, 1012);
    assert.equal((await node.ended()).code, 0);
  });

  // Pins §12.16.
  test('--message-rate holds: the first message beyond it closes with 1008 flood', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'plain', '--message-rate', '10']);
    const client = await Plain.open(node);
    for (let i = 0; i < 1000; ++i) client.socket.send(`${i}`);

    const { code, reason } = await within(client.closed, 'the end');
    const echoed = client.inbox.pending;

    assert.deepEqual([code, reason], [1008, 'flood']);
    assert.ok(echoed.length >= 20 && echoed.length < 30, `${echoed.length} were answered`);
    assert.deepEqual(echoed, echoed.map((_, i) => `${i}`));
    assert.ok((await node.metric('troupe_dropped_total', 'rate_limited')) >= 1);
    assert.equal(await node.metric('troupe_ws_protocol_error_total', 'flood'), 1);
    assert.equal(await node.metric('troupe_ws_closed_total', 'flood'), 1);
  });

  // Pins §12.16.
  test('has no rate of messages unless one is given', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'plain']);
    const client = await Plain.open(node);
    for (let i = 0; i < 2000; ++i) client.socket.send(`${i}`);

    for (let i = 0; i < 2000; ++i) assert.equal(await client.take(), `${i}`);
  });

  // Pins §16.3.
  test('--byte-rate holds: what is beyond it waits, and none is lost', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'plain', '--byte-rate', '20KiB']);
    const client = await Plain.open(node);
    const began = performance.now();
    for (let i = 0; i < 50; ++i) client.socket.send(`${i}`.padEnd(1024));

    for (let i = 0; i < 50; ++i) assert.equal((await client.take()).trim(), `${i}`);
    const took = performance.now() - began;
    assert.ok(took > 1000, `50 KiB at 20 KiB a second took ${took} ms`);
  });

  // Pins §1.45.
  test('is held to --max-connections, and a user to --max-connections-per-user', async (t) => {
    const secret = 'a-secret-of-the-endpoints-test-which-is-long';
    const node = await startNode(t, 'echo_node', [
      '--max-connections', '3', '--jwt-secret-file', secretFile(t, secret),
      '--max-connections-per-user', '2',
    ]);
    const as = (sub) => ({
      headers: { Authorization: `Bearer ${sign({ sub, exp: inSeconds(60) }, secret)}` },
    });
    const refusal = (options) =>
      within(once(new WebSocket(node.url(), options), 'error'), 'a refusal').then(([e]) => `${e}`);
    await Plain.open(node, as('ann'));
    await Plain.open(node, as('ann'));
    assert.match(await refusal(as('ann')), /503/);
    await Plain.open(node, as('bob'));
    assert.match(await refusal(as('bob')), /503/);

    assert.equal(await node.metric('troupe_connections'), 3);
  });

  // Pins §14.1, §14.3.
  test('is pinged, and ends if it does not answer', async (t) => {
    const node = await startNode(t, 'echo_node', [
      '--ping-interval', '200ms', '--ping-timeout', '300ms',
    ]);
    const deaf = await Plain.open(node, { perMessageDeflate: false, autoPong: false });
    const pinged = once(deaf.socket, 'ping');

    await within(pinged, 'a ping');
    assert.equal((await within(deaf.closed, 'the end')).code, 1006);
    assert.equal(await node.metric('troupe_ws_closed_total', 'heartbeat_timeout'), 1);
  });

  test('refuses another mode', async () => {
    const { runToEnd } = await import('./support/node.mjs');
    const { code, stderr } = await runToEnd('echo_node', ['--mode', 'shout']);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^echo_node: --mode: expected echo, broadcast, others or plain, not "shout"\n$/,
    );
  });
});
