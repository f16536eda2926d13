// SIGTERM and SIGINT: what clients are told, and how the process ends.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, refused, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { stalledReader } from './support/process_client.mjs';
import { freePorts } from './support/ports.mjs';
import { RawSocket, rawWebSocket, text, upgradeRequest } from './support/raw.mjs';
import { until } from './support/wait.mjs';

for (const name of ['relay_node', 'chat_node'])
  describe(`${name} on`, () => {
    // Pins §2.3, §6.5, §15.1, §15.10.
    test('SIGTERM says goodbye with a time to reconnect, ' +
      'closes with 1012 and exits with 0', async (t) => {
      const node = await startNode(t, name);
      const clients = [await connect(node, 'json'), await connect(node, 'msgpack')];
      const plain = await connect(node, 'plain');

      node.signal('SIGTERM');

      for (const client of clients) {
        const goodbye = await client.find('goodbye', { reason: 'restart' });
        const [min, max] = goodbye.reconnectAfterMs;
        assert.ok(
          Number.isInteger(min) && Number.isInteger(max) && 0 < min && min < max,
          JSON.stringify(goodbye),
        );
        assert.deepEqual(Object.keys(goodbye), ['type', 'reason', 'reconnectAfterMs']);
        assert.deepEqual(await client.end(), { code: 1012, reason: 'restart' });
        assert.deepEqual(client.pending, []);
      }
      assert.equal((await plain.end()).code, 1012);
      assert.ok(
        plain.pending.every((f) => ['system', 'info'].includes(f.type)),
        'a plain client gets no goodbye',
      );
      assert.deepEqual(await node.ended(), { code: 0, signal: null });
    });

    // Pins §15.2.
    test('SIGINT says goodbye for good, closes with 1001 and exits with 0', async (t) => {
      const node = await startNode(t, name);
      const clients = [await connect(node, 'json'), await connect(node, 'msgpack')];
      const plain = await connect(node, 'plain');

      node.signal('SIGINT');

      for (const client of clients) {
        const goodbye = await client.find('goodbye', { reason: 'shutdown' });
        assert.deepEqual(Object.keys(goodbye), ['type', 'reason']);
        assert.equal((await client.end()).code, 1001);
      }
      assert.equal((await plain.end()).code, 1001);
      assert.deepEqual(await node.ended(), { code: 0, signal: null });
    });
  });

describe('a node that drains', () => {
  test('exits at once without connections', async (t) => {
    const node = await startNode(t, 'relay_node', ['--drain-timeout', '60s']);
    node.signal('SIGTERM');
    assert.deepEqual(await node.ended(5000), { code: 0, signal: null });
  });

  test('delivers what was acked before the signal', async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const [sender, receiver] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    const count = 2000;
    for (let i = 0; i < count; ++i) sender.send({ type: 'message', data: i, ref: i, echo: false });
    for (let acked = -1; acked < count / 2; ) acked = (await sender.expect('ack')).ref;

    node.signal('SIGTERM');

    await sender.end();
    const acked = sender.pending.filter((f) => f.type === 'ack').map((f) => f.ref);
    const last = acked.at(-1) ?? count / 2;
    await receiver.end();
    const got = receiver.pending.filter((f) => f.type === 'message').map((f) => f.data);
    for (let i = 0; i <= last; ++i) assert.equal(got[i], i);
    assert.equal(receiver.pending.at(-1).type, 'goodbye');
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
  });

  test('flushes what a slow but living reader has not read yet', async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const room = freshRoom();
    const [sender] = await roomOf(node, room, 'json');
    const slow = await rawWebSocket(node);
    slow.write(text({ type: 'join', roomId: room }));
    await slow.message();
    slow.socket.pause();
    await sender.expect('userJoined');
    const count = 20; // fits the bound of the outbox
    for (let i = 0; i < count; ++i) {
      sender.send({ type: 'message', text: `${i} ${'x'.repeat(50_000)}` });
      await sender.expect('message');
    }

    node.signal('SIGTERM');
    await sender.end();
    slow.socket.resume();

    const { code, frames } = await slow.closeFrame();
    assert.equal(frames.length, count);
    frames.forEach((f, i) => assert.ok(JSON.parse(f.payload.toString()).text.startsWith(`${i} `)));
    assert.equal(code, 1012);
    slow.destroy();
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
  });

  // Pins §15.11.
  test('exits within --drain-timeout ' +
    'with idle, stalled and mid-handshake sockets present', async (t) => {
    // What a history keeps does not count as output.
    const node = await startNode(t, 'relay_node', [
      '--message-rate', '0', '--drain-timeout', '2s', '--history', 'off',
    ]);
    const room = freshRoom();
    const [sender] = await roomOf(node, room, 'json');
    await stalledReader(t, node, room);
    await sender.expect('userJoined');
    do { // until the kernel takes no more and the node queues
      sender.send({ type: 'message', text: 'x'.repeat(60_000) });
      await sender.find('message');
    } while ((await node.metric('troupe_output_bytes')) < 200_000);
    assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
    const idleTcp = await RawSocket.open(node);
    const halfRequest = await RawSocket.open(node);
    halfRequest.write(upgradeRequest().slice(0, 60));
    const idleWebSocket = await rawWebSocket(node); // answers no close frame
    const halfMessage = await rawWebSocket(node);
    halfMessage.write(text('{"type":', { fin: false }));
    const began = Date.now();

    node.signal('SIGTERM');

    assert.deepEqual(await node.ended(), { code: 0, signal: null });
    assert.ok(Date.now() - began < 4000, `took ${Date.now() - began} ms`);
    for (const socket of [idleTcp, halfRequest, idleWebSocket, halfMessage])
      await socket.untilEnded();
  });

  // Pins §1.38, §15.4, §15.12.
  test('is not ready, and lets nobody in', async (t) => {
    const node = await startNode(t, 'relay_node', [
      '--message-rate', '0', '--drain-timeout', '30s',
    ]);
    const idle = await RawSocket.open(node);
    idle.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await idle.response()).status, 200);
    const asking = await RawSocket.open(node);
    asking.write('GET /readyz HTTP/1.1\r\n');
    const waiting = await RawSocket.open(node);
    const begun = await RawSocket.open(node);
    begun.write(upgradeRequest().slice(0, 60));
    const silent = await rawWebSocket(node); // keeps the node draining: it answers no close frame
    const witness = await connect(node);
    const rest = upgradeRequest().slice(60);

    node.signal('SIGTERM');
    await idle.untilEnded();
    await witness.find('goodbye');

    asking.write('Host: x\r\n\r\n');
    const { status, headers } = await asking.response();
    assert.deepEqual([status, headers.connection], [503, 'close']);
    await asking.untilEnded(); // it was the last answer
    waiting.write(upgradeRequest());
    begun.write(rest);
    for (const upgrade of [waiting, begun]) {
      const { status, headers, body } = await upgrade.response();
      assert.deepEqual([status, headers['retry-after']], [503, '5'], body);
      await upgrade.untilEnded();
    }
    assert.equal(await refused(node).then((r) => r.status, (error) => error.code), 'ECONNREFUSED');
    assert.equal(node.exit, undefined);
    silent.destroy();
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
  });

  // Pins §15.3.
  test('is not ready for --drain-delay, and serves who comes meanwhile', async (t) => {
    const node = await startNode(t, 'relay_node', ['--drain-delay', '1s']);
    const balancer = await RawSocket.open(node);
    const asked = async () => {
      balancer.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
      const { status, headers } = await balancer.response();
      return [status, headers.connection];
    };
    assert.deepEqual(await asked(), [200, 'keep-alive']);
    const began = Date.now();

    node.signal('SIGTERM');

    await until(
      async () => (await node.http('/readyz')).status === 503,
      'the node to say that it stops',
    );
    assert.deepEqual(await asked(), [503, 'keep-alive']); // it may go on asking
    const late = await connect(node);
    late.send({ type: 'join', roomId: 'r' });
    await late.find('joined');
    assert.deepEqual(await late.end(), { code: 1012, reason: 'restart' });
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
    assert.ok(Date.now() - began >= 1000, `took ${Date.now() - began} ms`);
  });

  // Pins §15.5.
  test('answers at its admin port until the end', async (t) => {
    const [admin] = await freePorts(1);
    const node = await startNode(t, 'relay_node', [
      '--drain-timeout', '2s', '--admin-bind', `127.0.0.1:${admin}`,
    ]);
    await rawWebSocket(node); // answers no close frame, so that the drain takes its time
    const asked = (path) =>
      fetch(`http://127.0.0.1:${admin}${path}`).then(
        (r) => r.status,
        () => null,
      );
    assert.equal(await asked('/readyz'), 200);
    const began = Date.now();

    node.signal('SIGTERM');

    await until(async () => (await asked('/readyz')) === 503, 'the node to say that it stops');
    let last = 0;
    while (!node.exit) if ((await asked('/metrics')) === 200) last = Date.now() - began;
    assert.ok(last >= 1200, `the last answer came after ${last} ms`);
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
  });

  for (const [first, second] of [
    ['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGINT'], ['SIGINT', 'SIGTERM'],
  ])
    // Pins §15.13.
    test(`on ${first} exits at once on ${second}`, async (t) => {
      const node = await startNode(t, 'relay_node', ['--drain-timeout', '60s']);
      node.expectedEnd = true;
      await rawWebSocket(node);
      const witness = await connect(node);
      node.signal(first);
      await witness.find('goodbye');

      node.signal(second);

      assert.deepEqual(await node.ended(1500), { code: 1, signal: null });
    });

  // Pins §15.14.
  test('tells all clients goodbye although the signal comes twice at once', async (t) => {
    for (const apart of [0, 0, 1, 1, 3, 3, 10]) {
      const node = await startNode(t, 'relay_node', ['--drain-delay', '100ms']);
      const client = await connect(node);

      node.signal('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, apart));
      node.signal('SIGTERM');

      await client.expect('goodbye', { reason: 'restart' });
      assert.deepEqual(await client.end(), { code: 1012, reason: 'restart' });
      assert.deepEqual(await node.ended(), { code: 0, signal: null }, `${apart} ms apart`);
    }
  });

  // Pins §15.13.
  test('exits at once on a second signal in the drain delay', async (t) => {
    const node = await startNode(t, 'relay_node', ['--drain-delay', '60s']);
    node.expectedEnd = true;
    node.signal('SIGTERM');
    await until(async () => (await node.http('/readyz')).status === 503, 'the node to stop');
    await new Promise((resolve) => setTimeout(resolve, 150));

    node.signal('SIGTERM');

    assert.deepEqual(await node.ended(1500), { code: 1, signal: null });
  });

  test('closes many connections, all with 1012', async (t) => {
    const node = await startNode(t, 'relay_node');
    const clients = [];
    for (let i = 0; i < 300; ++i)
      clients.push(await connect(node, ['json', 'msgpack', 'plain'][i % 3]));

    node.signal('SIGTERM');

    for (const client of clients) assert.equal((await client.end()).code, 1012);
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
  });
});

test('a second signal ends a node by its exit code, however late it comes', async (t) => {
  for (let round = 0; round < 40; ++round) {
    const delay = round % 10;
    const node = await startNode(t, 'relay_node');
    node.expectedEnd = true; // exits with 1 if the second signal comes before its end
    node.signal('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, delay));
    node.child.kill('SIGTERM'); // if it still runs
    const { code, signal } = await node.ended();
    assert.equal(signal, null, `${delay} ms later`);
    assert.ok(code === 0 || code === 1, `${code}`);
  }
});

// SIGHUP reloads the certificate; without one it does nothing.
test('a SIGHUP ends no node, neither while it starts nor while it ends', async (t) => {
  for (let round = 0; round < 20; ++round) {
    const [port] = await freePorts(1);
    const node = await startNode(t, 'relay_node', [], {
      port,
      onceItAccepts: (child) => child.kill('SIGHUP'),
    });
    node.signal('SIGTERM');
    const again = setInterval(() => node.child.kill('SIGHUP'), 1);
    const end = await node.ended();
    clearInterval(again);
    assert.deepEqual(end, { code: 0, signal: null });
  }
});
