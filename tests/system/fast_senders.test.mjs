// Clients that send faster than the server handles what they send: the server reads them later,
// cuts none of them, and keeps no more than what is under way.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, freshRoom } from './support/client.mjs';
import { nothingSpare, startNode } from './support/node.mjs';
import { frame, rawWebSockets, text } from './support/raw.mjs';
import { resident } from './support/resident.mjs';

test('a sender beyond its bytes of a second is read later, and is told nothing', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0', '--byte-rate', '300000']);
  const client = await connect(node);
  await client.join(freshRoom());
  const start = performance.now();
  for (let i = 0; i < 20; ++i) client.send({ type: 'message', text: `${i} ${'z'.repeat(30_000)}` });
  for (let i = 0; i < 20; ++i) assert.ok((await client.expect('message')).text.startsWith(`${i} `));
  const took = performance.now() - start;

  assert.ok(took > 900 && took < 3000, `${took} ms for twice what a second allows`);
});

describe('who sends as fast as it can, and reads, has kept what is under way', () => {
  /// The node's peaks while `act` runs: `kib` of memory beyond `before`, and `output` in bytes.
  const peaksOf = async (node, before, act) => {
    const highest = { kib: before, output: 0 };
    const watch = setInterval(() => {
      highest.kib = Math.max(highest.kib, node.kib('VmRSS'));
    }, 10);
    let acts = true;
    const count = async () => {
      while (acts)
        highest.output = Math.max(highest.output, await node.metric('troupe_output_bytes'));
    };
    const counting = count();
    await act();
    acts = false;
    clearInterval(watch);
    await counting;
    return { kib: highest.kib - before, output: highest.output };
  };
  /// Sends `chunk` again and again until `end`.
  /// Returns how often the socket took no more, because the server did not read.
  const pump = async (client, chunk, end) => {
    let waits = 0;
    while (performance.now() < end) {
      assert.ok(!client.over, 'the server has ended the connection');
      client.socket.write(chunk);
      await new Promise(setImmediate);
      if (!client.socket.writableNeedDrain) continue;
      ++waits;
      await Promise.race([
        once(client.socket, 'drain'),
        new Promise((resolve) => setTimeout(resolve, end - performance.now())),
      ]);
    }
    return waits;
  };

  // jemalloc returns what is free at once, not after seconds: only what is in use counts.
  const env = nothingSpare;
  const unbounded = ['--message-rate', '0', '--byte-rate', '0'];
  const message = text({ type: 'message', text: 'x'.repeat(60_000) });
  const many = (one) => Buffer.concat(Array.from({ length: 500 }, () => one));
  const parts = Buffer.concat([
    frame({ fin: false, payload: '{"type":"message","text":"' }),
    many(frame({ opcode: 0, fin: false, payload: 'x'.repeat(100) })),
    frame({ opcode: 0, payload: '"}' }),
  ]);
  // Fills a socket even if the server reads fast.
  const moreThanASocketTakes = (one) =>
    Buffer.concat(Array.from({ length: Math.ceil(8 * 1024 * 1024 / one.length) }, () => one));
  const started = async (t, args, count, options) => {
    const node = await startNode(t, 'relay_node', [
      ...args, '--history', 'off', '--admission-rate', '0',
    ], options);
    const clients = await rawWebSockets(node, count);
    for (const [i, c] of clients.entries()) {
      c.write(text({ type: 'join', roomId: `own${i}` }));
      await c.message();
      c.socket.removeAllListeners('data');
      c.socket.resume();
    }
    return { node, clients };
  };
  // Half of 1 MiB, 16 KiB, the client's credits, and a message that exceeds each of them.
  const mostOutput = 512 + 16 + 128 + 3 * 64;

  // Pins §4.58.
  test('and is not cut for the answers that it brings upon itself', async (t) => {
    // At its fastest, with its allocator as people run it.
    const { node, clients: [client] } = await started(t, unbounded, 1);
    const chunk = moreThanASocketTakes(message);
    const { output } = await peaksOf(node, 0, () => pump(client, chunk, performance.now() + 3000));

    t.diagnostic(`${(output / 1024).toFixed(0)} KiB of output`);
    assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
    assert.ok(output <= mostOutput * 1024, `${output} bytes of output`);
  });

  // `least`: the node must handle so many messages of each client, else the row tests nothing.
  for (const [what, args, said, least] of [
    ['large messages', [], message, 10],
    ['large messages that nobody bounds', unbounded, message, 200],
    ['small messages', unbounded, many(text({ type: 'message', text: 'x' })), 1000],
    ['pings', unbounded, many(text({ type: 'ping' })), 1000],
    ['parts of messages', unbounded, parts, 200],
  ])
    // `most`: KiB of memory for each client beside its output, of which more waits the later a busy
    // machine lets the clients read; one client pays for what the threads need once.
    for (const [count, most] of [[1, 688], [20, 352]])
      // Pins §4.58, §16.26, §16.34, §16.39.
      test(`${what}, ${count} at a time`, async (t) => {
        const { node, clients } = await started(t, args, count, { env });
        const chunk = moreThanASocketTakes(said);
        const before = await resident(node);
        let waits;
        const peaks = await peaksOf(node, before, async () => {
          waits = await Promise.all(clients.map((c) => pump(c, chunk, performance.now() + 1500)));
        });
        const kib = peaks.kib / count;
        const output = peaks.output / count / 1024;
        const heard = await node.metric('troupe_messages_in_total');

        t.diagnostic(
          `${output.toFixed(0)} KiB of output each in ${kib.toFixed(0)} KiB of memory, ` +
            `${(heard / count).toFixed(0)} messages of each heard`,
        );
        assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
        assert.ok(waits.every((n) => n > 0), 'each has sent more than the server took');
        assert.ok(heard >= least * count, `${heard} messages were heard`);
        assert.ok(output <= mostOutput, `${output.toFixed(0)} KiB of output each`);
        assert.ok(kib <= output + most, `${kib.toFixed(0)} KiB each`);
        for (const c of clients) c.destroy();
        await node.untilMetric('troupe_output_bytes', '', (n) => n === 0);
      });
});
