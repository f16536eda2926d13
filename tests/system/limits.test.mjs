// The limits that a node sets, each with its answer.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, refused, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { inSeconds, secretFile, sign } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

function assertTurnedAway({ status, headers }, seconds = '5') {
  assert.deepEqual([status, headers['retry-after']], [503, seconds]);
}

// Pins §1.40.
test('an address that has had many tokens refused is told to wait', async (t) => {
  const secret = 'a-secret-of-the-limits-test-which-is-long';
  const node = await startNode(t, 'relay_node', [
    '--jwt-secret-file', secretFile(t, secret), '--max-connections-per-ip', '1000',
  ]);
  const good = sign({ sub: 'ann', iat: inSeconds(0), exp: inSeconds(60) }, secret);
  const ann = await connect(node, 'json', { headers: { Authorization: `Bearer ${good}` } });
  const statuses = [];
  let last;
  for (let i = 0; i < 30; ++i)
    statuses.push(
      (last = await refused(node, 'json', { headers: { Authorization: 'Bearer no.token.at-all' } }))
        .status,
    );

  assert.deepEqual([...new Set(statuses)], [401, 429]);
  assert.match(last.headers['retry-after'], /^\d+$/);
  assert.ok((await node.metric('troupe_auth_failed_total', 'throttled')) > 0);
  await ann.fence();
});

describe('connections', () => {
  // Pins §1.45.
  test('beyond --max-connections are answered by 503 with Retry-After, ' +
    'and the others go on', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-connections', '3']);
    const members = await roomOf(node, freshRoom(), 'json', 'msgpack', 'plain');

    assertTurnedAway(await refused(node, 'json'));
    assertTurnedAway(await refused(node, 'plain'));
    members[0].send({ type: 'message', text: 'x' });
    for (const m of members) await m.expect('message');
    await members[0].close();

    await until(() => connect(node).catch(() => undefined), 'the place to be free again');
  });

  test('beyond --max-connections still get answers from the probes', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-connections', '1']);
    await connect(node);
    assertTurnedAway(await refused(node));
    assert.equal((await node.http('/healthz')).status, 200);
    assert.equal(await node.metric('troupe_ws_handshake_rejected_total', 'connections'), 1);
  });

  // Pins §1.45.
  test('beyond --max-connections-per-ip are answered by 503, ' +
    'the loopback counted when the option is given', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-connections-per-ip', '2']);
    const first = await connect(node);
    await connect(node);

    assertTurnedAway(await refused(node));
    await connect(node, 'json', { host: '[::1]' });
    await first.close();

    await until(() => connect(node).catch(() => undefined), 'the place to be free again');
  });

  test('from the loopback are not counted per address unless asked', async (t) => {
    const node = await startNode(t, 'relay_node');
    for (let i = 0; i < 120; ++i) await connect(node);
  });

  // Pins §1.46.
  test('faster than --admission-rate are answered by 503', async (t) => {
    const node = await startNode(t, 'relay_node', ['--admission-rate', '5']);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        connect(node).then(
          () => 101,
          () => refused(node).catch(() => 101),
        ),
      ),
    );
    const away = answers.filter((a) => a !== 101);
    assert.ok(away.length >= 5, `${away.length} were turned away`);
    for (const answer of away) assertTurnedAway(answer, '1');
    await until(() => connect(node).catch(() => undefined), 'a place in a later second');
  });
});

describe('rooms', () => {
  for (const as of ['json', 'msgpack'])
    // Pins §4.16, §12.3, §12.4.
    test(`beyond --max-rooms-per-connection are answered by room_limit (${as})`, async (t) => {
      const node = await startNode(t, 'relay_node', ['--max-rooms-per-connection', '2']);
      const client = await connect(node, as);
      const [one, two, three] = [freshRoom(), freshRoom(), freshRoom()];
      await client.join(one);
      await client.join(two);

      client.send({ type: 'join', roomId: three, ref: 1 });
      await client.expect('error', {
        ref: 1, code: 'room_limit', request: 'join', roomId: three, retryable: true,
      });
      await client.join(one);
      client.send({ type: 'leave', roomId: two });
      await client.expect('left');

      await client.join(three);
    });

  // Pins §4.16.
  test('are 128 per connection unless configured', async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const client = await connect(node);
    for (let i = 0; i < 128; ++i) client.send({ type: 'join', roomId: `r${i}` });
    for (let i = 0; i < 128; ++i) await client.find('joined');
    client.send({ type: 'join', roomId: 'one more' });
    await client.expect('error', { code: 'room_limit' });
    assert.equal(client.welcome.limits.maxRooms, 128);
  });

  // Pins §4.17, §12.4.
  test('beyond --max-rooms are answered by node_room_limit, until one is empty', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-rooms', '2']);
    const client = await connect(node);
    const other = await connect(node);
    await client.join('one');
    await client.join('two');

    other.send({ type: 'join', roomId: 'three', ref: 'x' });
    await other.expect('error', {
      ref: 'x', code: 'node_room_limit', request: 'join', retryable: true,
    });
    await other.join('one');
    client.send({ type: 'leave', roomId: 'two' });
    await client.find('left');

    await until(async () => {
      other.send({ type: 'join', roomId: 'three' });
      return (await other.take()).type === 'joined';
    }, 'the place of the empty room');
  });

  // Pins §4.18, §12.3, §12.4.
  test('with --max-members members answer room_full to the next', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-members', '2']);
    const room = freshRoom();
    const [first] = await roomOf(node, room, 'json', 'msgpack');
    const third = await connect(node);

    third.send({ type: 'join', roomId: room, ref: 3 });
    await third.expect('error', {
      ref: 3, code: 'room_full', request: 'join', roomId: room, retryable: true,
    });
    await first.join(room);
    first.socket.terminate();

    await until(async () => {
      third.send({ type: 'join', roomId: room });
      return (await third.take()).type === 'joined';
    }, 'the place of the one who left');
  });

  // Pins §4.16.
  test('let nobody in by many pending joins', async (t) => {
    const node = await startNode(t, 'relay_node', [
      '--max-rooms-per-connection', '3', '--message-rate', '0',
    ]);
    const client = await connect(node);
    for (let i = 0; i < 50; ++i) client.send({ type: 'join', roomId: `r${i}` });
    const answers = [];
    for (let i = 0; i < 50; ++i) answers.push((await client.take()).type);
    assert.equal(answers.filter((a) => a === 'joined').length, 3);
    assert.equal(answers.filter((a) => a === 'error').length, 47);
  });
});

describe('messages', () => {
  // Pins §12.13, §12.14.
  test('faster than --message-rate are answered by rate_limited, ' +
    'then the connection is closed with 1008', async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '10']);
    const room = freshRoom();
    const [flooder, witness] = await roomOf(node, room, 'json', 'json');
    for (let i = 0; i < 200; ++i) flooder.send({ type: 'message', data: i });

    const end = await flooder.end();
    const seen = flooder.pending;
    const own = seen.filter((f) => f.type === 'message');
    const errors = seen.filter((f) => f.type === 'error');
    const told = [];
    for (let frame; (frame = await witness.take()).type !== 'userLeft'; ) told.push(frame);

    assert.equal(end.code, 1008);
    assert.ok(told.length >= 15 && told.length < 40, `${told.length} were let through`);
    assert.deepEqual(
      own,
      told.slice(0, own.length),
      'the flooder got what was said before its close frame',
    );
    assert.ok(errors.length >= 1 && errors.length <= 3, `${errors.length} errors`);
    for (const error of errors) {
      assert.equal(error.code, 'rate_limited');
      assert.equal(error.retryable, true);
      assert.ok(error.retryAfterMs > 0);
    }
  });

  // Pins §5.4, §5.13, §12.12.
  test('at the rate are all taken', async (t) => {
    const node = await startNode(t, 'relay_node');
    const [client] = await roomOf(node, freshRoom(), 'json');
    for (let i = 0; i < 150; ++i) client.send({ type: 'message', data: i });
    for (let i = 0; i < 150; ++i) await client.expect('message', { data: i });
    assert.deepEqual(client.welcome.limits, {
      maxMessageBytes: 65_536, maxRooms: 128, messagesPerSecond: 100, burstMessages: 200, dedupe: 64,
    });
  });

  test('that are many wait in the client, not in the node', async (t) => {
    const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const [flooder, other] = await roomOf(node, freshRoom(), 'json', 'json');
    const [a, b] = await roomOf(node, freshRoom(), 'json', 'json');
    const before = node.kib('VmRSS');
    const count = 20_000;
    for (let i = 0; i < count; ++i) flooder.send({ type: 'message', data: i, echo: false });

    let highest = before;
    for (let i = 0; i < count; ++i) {
      assert.equal((await other.expect('message')).data, i);
      if (i % 1000 !== 0) continue;
      highest = Math.max(highest, node.kib('VmRSS'));
      a.send({ type: 'message', data: i });
      await a.expect('message', { data: i });
      await b.expect('message', { data: i });
    }
    assert.ok(highest - before < 24 * 1024, `grew by ${highest - before} KiB`);
  });

  // Pins §5.13, §13.6.
  test('may be as big as --max-message-bytes', async (t) => {
    const node = await startNode(t, 'relay_node', ['--max-message-bytes', '256KiB']);
    const [client] = await roomOf(node, freshRoom(), 'json');
    client.send({ type: 'message', text: 'x'.repeat(200_000) });
    assert.equal((await client.expect('message')).text.length, 200_000);
    client.send({ type: 'message', text: 'x'.repeat(270_000) });
    assert.equal((await client.end()).code, 1009);
    assert.equal(client.welcome.limits.maxMessageBytes, 262_144);
  });
});
