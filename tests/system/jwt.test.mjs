// Tokens at the handshake and after it.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect, refused } from './support/client.mjs';
import { runToEnd, startNode } from './support/node.mjs';
import { inSeconds, secretFile, sign, temporaryFolder } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const secret = 'a secret that is long enough for hs256!!';

const nodeWithTokens = (t, args = [], name = 'relay_node') =>
  startNode(t, name, ['--jwt-secret-file', secretFile(t, secret), ...args]);
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

describe('a token', () => {
  // Pins §1.9, §1.11, §1.12.
  test('gives its subject as the user id, whichever way it comes', async (t) => {
    const node = await nodeWithTokens(t);
    const token = sign({ sub: 'ann', exp: inSeconds(60) }, secret);

    const byHeader = await connect(node, 'json', bearer(token));
    const byQuery = await connect(node, 'json', { path: `/?token=${token}` });

    assert.equal(byHeader.userId, 'ann');
    assert.equal(byQuery.userId, 'ann');
  });

  // Pins §1.10, §1.12.
  test('may come as a subprotocol, which is not repeated', async (t) => {
    const node = await nodeWithTokens(t);
    const { default: WebSocket } = await import('ws');
    const socket = new WebSocket(node.url(), [
      'troupe.v1.json', `troupe.bearer.${sign({ username: 'bob' }, secret)}`,
    ]);
    const welcome = await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data) => resolve(JSON.parse(data)));
    });
    assert.equal(socket.protocol, 'troupe.v1.json');
    assert.equal(welcome.userId, 'bob');
    socket.terminate();
  });

  // Pins §1.42.
  test('that is missing or bad is answered 401 with the tutorial\'s texts', async (t) => {
    const node = await nodeWithTokens(t);
    const missing = await refused(node);
    assert.deepEqual(
      [missing.status, missing.body.trim(), missing.headers['www-authenticate']],
      [401, 'Unauthorized', 'Bearer'],
    );
    const bad = [
      'x',
      'a.b.c',
      `${sign({ sub: 'a' }, 'another secret')}`,
      sign({ sub: 'a', exp: inSeconds(-60) }, secret),
      sign({ sub: 'a', nbf: inSeconds(3600) }, secret),
      sign({}, secret),
      sign({ sub: 'a' }, secret, { alg: 'none' }),
      sign({ sub: 'a' }, secret, { jku: 'http://127.0.0.1/' }),
    ];
    for (const token of bad) {
      const answer = await refused(node, 'json', bearer(token));
      assert.deepEqual(
        [answer.status, answer.body.trim(), answer.headers['www-authenticate']],
        [401, 'Invalid token', 'Bearer'],
        token,
      );
    }
    assert.equal(await node.metric('troupe_auth_failed_total', 'reason="missing"'), 1);
    assert.equal(await node.metric('troupe_auth_failed_total'), bad.length + 1);
  });

  // Pins §1.41.
  test('in two places is answered 400', async (t) => {
    const node = await nodeWithTokens(t);
    for (const token of [sign({ sub: 'a' }, secret), 'none.at.all'])
      assert.equal(
        (await refused(node, 'json', { path: `/?token=${token}`, ...bearer(token) })).status,
        400,
      );
  });

  test('is written nowhere', async (t) => {
    const node = await nodeWithTokens(t);
    const token = sign({ sub: 'a', exp: inSeconds(-60) }, secret);
    await refused(node, 'json', { path: `/?token=${token}` });
    await refused(node, 'json', bearer(token));
    const metrics = (await node.http('/metrics')).body;
    for (const part of token.split('.')) {
      assert.ok(!node.log.includes(part));
      assert.ok(!metrics.includes(part));
    }
  });
});

describe('the strict profile', () => {
  // Pins §1.17, §1.18, §1.43.
  test('asks for an expiry and takes no token in the query', async (t) => {
    const node = await nodeWithTokens(t, [
      '--jwt-profile', 'strict', '--jwt-issuer', 'us', '--jwt-audience', 'chat',
    ]);
    const good = { sub: 'a', iss: 'us', aud: ['x', 'chat'], exp: inSeconds(60), iat: inSeconds(0) };
    assert.equal((await connect(node, 'json', bearer(sign(good, secret)))).userId, 'a');
    for (const change of [
      { exp: undefined }, { iss: 'them' }, { aud: 'game' }, { exp: inSeconds(40 * 24 * 3600) },
    ])
      assert.equal(
        (await refused(node, 'json', bearer(sign({ ...good, ...change }, secret)))).status,
        401,
        JSON.stringify(change),
      );
    const { status, body } = await refused(node, 'json', { path: `/?token=${sign(good, secret)}` });
    assert.deepEqual([status, body.trim()], [401, 'A valid token is needed.']);
  });
});

describe('a connection with a token', () => {
  // Pins §1.14.
  test('is closed with 1008 when it expires', async (t) => {
    const node = await nodeWithTokens(t);
    const client = await connect(
      node,
      'json',
      bearer(sign({ sub: 'ann', exp: inSeconds(2) }, secret)),
    );
    const { code, reason } = await client.end(10_000);
    assert.deepEqual([code, reason], [1008, 'token_expired']);
  });

  // Pins §1.14, §4.32, §4.33, §4.34.
  test('goes on with a fresh token of the same user', async (t) => {
    const node = await nodeWithTokens(t);
    const client = await connect(
      node,
      'json',
      bearer(sign({ sub: 'ann', exp: inSeconds(2) }, secret)),
    );

    client.send({ type: 'auth', token: sign({ sub: 'eve' }, secret), ref: 1 });
    await client.expect('error', { ref: 1, code: 'identity_mismatch' });
    client.send({ type: 'auth', token: 'x', ref: 2 });
    await client.expect('error', { ref: 2, code: 'unauthorized' });
    client.send({ type: 'auth', token: sign({ sub: 'ann', exp: inSeconds(600) }, secret), ref: 3 });
    await client.expectExactly({ type: 'ack', ref: 3 });

    const began = Date.now();
    await until(async () => Date.now() - began > 3000, 'the first token to have expired');
    await client.fence();
  });

  // Pins §1.13.
  test('may join the rooms that its token names', async (t) => {
    const node = await nodeWithTokens(t);
    const client = await connect(
      node,
      'msgpack',
      bearer(sign({ sub: 'ann', rooms: ['lobby', 'team:*'] }, secret)),
    );
    await client.join('lobby');
    await client.join('team:red');
    client.send({ type: 'join', roomId: 'boss', ref: 9 });
    await client.expect('error', { ref: 9, code: 'forbidden', request: 'join', roomId: 'boss' });
  });

  // Pins §4.30, §4.37, §4.38, §5.9.
  test('leaves the rooms that its next token does not name', async (t) => {
    const node = await nodeWithTokens(t);
    for (const as of ['json', 'msgpack', 'plain']) {
      const client = await connect(node, as, bearer(sign({ sub: as, rooms: ['a*', 'b'] }, secret)));
      await client.join('b');
      const room = `a-${as}`;
      await client.join(room);
      const other = await connect(node, 'json', bearer(sign({ sub: `other-${as}` }, secret)));
      await other.join(room);
      await client.expect('userJoined');

      client.send({ type: 'auth', token: sign({ sub: as, rooms: ['b'] }, secret), ref: 1 });
      await client.expect('ack', { ref: 1 });
      if (as === 'plain') await client.expect('error', { code: 'forbidden', roomId: room });
      else await client.expect('left', { roomId: room, reason: 'forbidden' });
      await other.expect('userLeft', { roomId: room, userId: as, reason: 'forbidden' });
      client.send({ type: 'join', roomId: room, ref: 2 });
      await client.expect('error', { ref: 2, code: 'forbidden' });
      client.send({ type: 'message', roomId: room, text: 'x', ref: 3 });
      await client.expect('error', { ref: 3 });
    }
  });

  // Pins §1.45.
  test('counts against --max-connections-per-user', async (t) => {
    const node = await nodeWithTokens(t, ['--max-connections-per-user', '2']);
    const token = sign({ sub: 'ann' }, secret);
    const first = await connect(node, 'json', bearer(token));
    await connect(node, 'json', bearer(token));
    assert.equal((await refused(node, 'json', bearer(token))).status, 503);
    await connect(node, 'json', bearer(sign({ sub: 'bob' }, secret)));
    await first.close();
    await until(
      () => connect(node, 'json', bearer(token)).catch(() => undefined),
      'the free place',
    );
  });
});

test('a key file that is none ends the node with 2 and one line', async (t) => {
  const file = path.join(temporaryFolder(t), 'key');
  writeFileSync(file, '');
  const { code, stderr } = await runToEnd('relay_node', ['--port', '0', '--jwt-secret-file', file]);
  assert.equal(code, 2);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
  assert.ok(stderr.includes(file));
});
