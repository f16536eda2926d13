// What each kind of client can make the server keep:
// the rows of PROTOCOL.md, "What a client can make the server keep".
// Those who send as fast as they can are in fast_senders.test.mjs; what is told by gauges alone, so
// that other tests may run beside it, is in let_go.test.mjs.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import tls from 'node:tls';
import { constants, deflateRawSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import { connect, freshRoom } from './support/client.mjs';
import { fillRooms, part, unhurried } from './support/kept.mjs';
import { loops, nothingSpare, startNode } from './support/node.mjs';
import {
  frame, RawSocket, rawWebSocket, rawWebSockets, text, upgradeRequest,
} from './support/raw.mjs';
import { resident } from './support/resident.mjs';
import { makeCertificate, temporaryFolder } from './support/tokens.mjs';
import { until, within } from './support/wait.mjs';

const offer = { headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } };

/// A request whose chunk header is as long as one may be, so that the server's buffer grows.
const askWithLongChunkHeader =
  'POST /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' +
  `1;${'x'.repeat(8100)}\r\nx\r\n0\r\n\r\n`;

/// Sends requests that make the server keep much until each is answered: a header of many fields, a
/// body, a chunk header and a trailer as long as they may be.
async function askForMuch(socket) {
  const fields = Array.from({ length: 97 }, (_, i) => `X-${i}: ${'x'.repeat(60)}\r\n`).join('');
  const head = 'POST /none HTTP/1.1\r\nHost: x\r\n';
  for (const request of [
    `GET /none HTTP/1.1\r\nHost: x\r\n${fields}\r\n`,
    `${head}Content-Length: 65536\r\n\r\n${'x'.repeat(65_536)}`,
    askWithLongChunkHeader,
    `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A:\r\n'.repeat(2000)}\r\n`,
  ]) {
    socket.write(request);
    assert.equal((await socket.response()).status, 404);
  }
}

function tlsArguments(t) {
  const files = makeCertificate(temporaryFolder(t));
  return ['--tls-cert', files.cert, '--tls-key', files.key];
}

async function openTls(node) {
  const socket = tls.connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false });
  await within(once(socket, 'secureConnect'), 'a handshake');
  return new RawSocket(socket);
}

describe('a socket that is no WebSocket yet', () => {
  const count = 200;
  const kibOf = async (node, each, connect = () => RawSocket.open(node)) => {
    const sockets = [];
    for (let i = 0; i < 20; ++i) await each(await connect());
    const before = await resident(node);
    for (let i = 0; i < count; ++i) sockets.push(await connect());
    for (const s of sockets) await each(s);
    // Nothing tells when the server has read it.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return ((await resident(node)) - before) / count;
  };

  for (const [what, each, most] of [
    ['and says nothing', () => {}, 4],
    [
      'with 7 KiB of a header',
      (s) => s.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(7000)}`),
      20,
    ],
    [
      'with 60 KiB of a body',
      (s) =>
        s.write(
          `POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 62000\r\n\r\n${'x'.repeat(61_000)}`,
        ),
      96,
    ],
    [
      'that keeps an answered connection open',
      async (s) => {
        s.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        await s.response();
      },
      8,
    ],
    ['that keeps one open behind requests which made much memory necessary', askForMuch, 8],
  ])
    // Pins §16.17, §16.18, §16.19.
    test(what, async (t) => {
      const kib = await kibOf(await startNode(t, 'relay_node', unhurried), each);
      t.diagnostic(`${kib.toFixed(1)} KiB each`);
      assert.ok(kib <= most, `${kib.toFixed(1)} KiB each`);
    });

  // Pins §16.20.
  test('and has begun a TLS handshake, or ended it and says nothing', async (t) => {
    const node = await startNode(t, 'relay_node', [...unhurried, ...tlsArguments(t)]);
    const begun = await kibOf(node, (s) => s.write(Buffer.from('16030100f8010000f40303', 'hex')));
    const ended = await kibOf(node, () => {}, () => openTls(node));
    const claims = await kibOf(node, (s) => s.write(Buffer.from('160301400001004000', 'hex')));
    // On a node where no earlier socket ends meanwhile. Its allocator gives back at once what is not
    // used, so that only what is kept counts.
    const fresh = await startNode(
      t, 'relay_node', [...unhurried, ...tlsArguments(t)], { env: nothingSpare },
    );
    const asked = await kibOf(fresh, askForMuch, () => openTls(fresh));
    t.diagnostic(
      `${begun.toFixed(1)} and ${ended.toFixed(1)} KiB each, ` +
        `${claims.toFixed(1)} with a claim of 16 KiB, ` +
        `${asked.toFixed(1)} behind requests which made much memory necessary`,
    );
    assert.ok(asked <= 112 + 8, `${asked.toFixed(1)} KiB each`);
    assert.ok(claims <= 112, `${claims.toFixed(1)} KiB each`);
    assert.ok(begun <= 112 && ended <= 112, `${begun.toFixed(1)} and ${ended.toFixed(1)} KiB each`);
  });
});

// Pins §16.20.
test('a first message of TLS that claims more than 16 KiB ' +
  'ends the socket before there is room for it', async (t) => {
  const node = await startNode(t, 'relay_node', [...unhurried, ...tlsArguments(t)]);
  const admitted = async () => {
    (await openTls(node)).destroy();
  };
  await admitted();
  const before = await resident(node);
  const sockets = [];
  for (let i = 0; i < 200; ++i) {
    const socket = await RawSocket.open(node);
    socket.write(Buffer.from('160301400001020000', 'hex'));
    sockets.push(socket);
  }
  for (const s of sockets) await s.untilEnded();
  const kib = ((await resident(node)) - before) / sockets.length;

  t.diagnostic(`${kib.toFixed(1)} KiB each`);
  assert.ok(kib <= 24, `${kib.toFixed(1)} KiB each`);
  await admitted();
});

describe('a connection that does nothing', () => {
  const count = 300;
  const idleKib = async (node, open) => {
    const warm = [];
    for (let i = 0; i < 50; ++i) warm.push(await open());
    const before = await resident(node);
    for (let i = 0; i < count; ++i) await open();
    return ((await resident(node)) - before) / count;
  };

  // Pins §16.22.
  test('over TLS', async (t) => {
    const node = await startNode(t, 'relay_node', [...unhurried, ...tlsArguments(t)]);
    const each = await idleKib(node, async () => {
      const raw = await openTls(node);
      raw.write(upgradeRequest());
      assert.equal((await raw.response()).status, 101);
    });

    t.diagnostic(`${each.toFixed(1)} KiB each`);
    assert.ok(each <= 24, `${each.toFixed(1)} KiB each`);
  });

  // Pins §16.21.
  test('that has said much at once', async (t) => {
    const node = await startNode(t, 'relay_node', unhurried);
    const pings = Buffer.concat(Array.from({ length: 700 }, () => text({ type: 'ping' })));
    const each = await idleKib(node, async () => {
      const raw = await rawWebSocket(node);
      raw.write(pings);
      for (let i = 0; i < 700; ++i) await raw.message();
    });

    t.diagnostic(`${each.toFixed(1)} KiB each`);
    assert.ok(each <= 6, `${each.toFixed(1)} KiB each`);
  });

  // Pins §16.23.
  test('with deflate, once it has said something deflated', async (t) => {
    const node = await startNode(t, 'relay_node', [...unhurried, '--deflate']);
    const said = frame({
      rsv: 4,
      payload: deflateRawSync('{"type":"ping"}', {
        finishFlush: constants.Z_SYNC_FLUSH,
      }).subarray(0, -4),
    });
    const each = await idleKib(node, async () => {
      const raw = await rawWebSocket(node, offer);
      raw.write(said);
      assert.equal((await raw.message()).type, 'pong');
    });

    t.diagnostic(`${each.toFixed(1)} KiB each`);
    assert.ok(each <= 64, `${each.toFixed(1)} KiB each`);
  });
});

describe('messages that have come in part', () => {
  for (const come of [2_000, 20_000, 60_000])
    // Pins §16.24.
    test(`are kept as far as they have come, and counted (${come} bytes)`, async (t) => {
      const node = await startNode(t, 'relay_node', unhurried);
      const count = 200;
      const sockets = await rawWebSockets(node, count);
      for (const s of await rawWebSockets(node, 20)) s.write(part(come));
      await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= 20 * come);
      const before = await resident(node);
      for (const s of sockets) s.write(part(come));
      await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= (count + 20) * come);
      const each = ((await resident(node)) - before) / count;
      const counted = (await node.metric('troupe_inbound_bytes')) / (count + 20);

      t.diagnostic(
        `${each.toFixed(1)} KiB for each of ${count} messages of which ${come} bytes have come, ` +
          `${counted} bytes counted`,
      );
      assert.ok(each <= come / 1024 + 24, `${each.toFixed(1)} KiB each`);
      assert.ok(counted <= come + 24 * 1024, `${counted} bytes counted`);
    });

  // Pins §16.24, §16.37.
  test('and are deflated may have what it can take to deflate the largest', async (t) => {
    const largest = 1024 * 1024;
    const most = largest + largest / 8 + largest / 64 + 2 * 16;
    // Stored blocks (RFC 1951, 3.2.4), the last ones empty: within 5 bytes of the most.
    const body = Buffer.from(`{"type":"ping","x":"${'x'.repeat(largest - 22)}"}`);
    const blocks = [];
    for (let at = 0, i = 0; i < Math.floor((most - largest) / 5); ++i) {
      const some = body.subarray(at, (at += 36));
      const head = Buffer.alloc(5);
      head.writeUInt16LE(some.length, 1);
      head.writeUInt16LE(~some.length & 0xffff, 3);
      blocks.push(head, some);
    }
    const message = frame({ rsv: 4, payload: Buffer.concat(blocks) });
    const node = await startNode(t, 'relay_node', [
      ...unhurried, '--deflate', '--max-message-bytes', '1MiB', '--inbound-budget', '0',
    ]);
    const count = 20;
    const sockets = [];
    while (sockets.length < count) sockets.push(await rawWebSocket(node, offer));
    const warm = await rawWebSocket(node, offer);
    warm.write(message);
    assert.equal((await warm.message()).type, 'pong');
    const before = await resident(node);

    for (const s of sockets) s.write(message.subarray(0, -1));
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= count * (most - 20));
    const each = ((await resident(node)) - before) / count;
    const counted = (await node.metric('troupe_inbound_bytes')) / count;

    t.diagnostic(`${each.toFixed(0)} KiB each, ${counted} bytes counted`);
    assert.ok(each <= (most / 1024) * (17 / 16) + 24, `${each.toFixed(0)} KiB each`);
    assert.ok(counted <= most + 24 * 1024, `${counted} bytes counted`);
    for (const s of sockets) s.write(message.subarray(-1));
    for (const s of sockets) assert.equal((await s.message()).type, 'pong');
    warm.write(frame({ rsv: 4, declare: BigInt(most) + 1n }));
    assert.equal((await warm.closeFrame()).code, 1009);
  });

  // Pins §16.33, §16.36.
  test('and are to be inflated take their inflated bytes four at a time', async (t) => {
    const largest = 8 * 1024 * 1024;
    const message = frame({
      rsv: 4,
      payload: deflateRawSync(`{"type":"ping","x":"${'x'.repeat(largest - 22)}"}`),
    });
    const node = await startNode(t, 'relay_node', [
      ...unhurried, '--deflate', '--max-message-bytes', `${largest}`, '--inbound-budget', '0',
    ], { env: nothingSpare });
    const sockets = [];
    while (sockets.length < 24) sockets.push(await rawWebSocket(node, offer));
    const before = await resident(node);
    node.signal('SIGSTOP'); // all of them are there at the same time
    await Promise.all(sockets.map((s) => new Promise((done) => s.socket.write(message, done))))
      .finally(() => node.signal('SIGCONT'));
    for (const s of sockets) assert.equal((await s.message()).type, 'pong');
    const mib = (node.kib('VmHWM') - before) / 1024;

    t.diagnostic(`${mib.toFixed(0)} MiB for ${sockets.length} messages of 8 MiB`);
    // Of a loop's four one ends at a time.
    assert.ok(mib <= Number(loops) * 6 * 8, `${mib.toFixed(0)} MiB`);
  });

  test('give their memory back at once where the peer ' +
    'that gave them up stays silent', async (t) => {
    const node = await startNode(t, 'relay_node', [
      ...unhurried, '--max-message-bytes', '8MiB', '--inbound-budget', '20MiB',
    ]);
    const huge = frame({ payload: 'x'.repeat(8_000_000) }).subarray(0, 7_000_000);
    const sockets = await rawWebSockets(node, 12);
    const before = await resident(node);
    for (const s of sockets) {
      s.socket.pause();
      s.write(huge);
    }
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n > 7_000_000);
    await until(
      async () => (await node.metric('troupe_ws_protocol_error_total', 'parts_limit')) >= 9,
      'the oldest to be closed',
    );
    const kib = (await resident(node)) - before;

    t.diagnostic(`${kib} KiB with a budget of 20 MiB`);
    assert.ok(kib < 45 * 1024, `${kib} KiB with a budget of 20 MiB`);
  });
});

describe('what has come and is not looked at yet', () => {
  const count = 100;
  const ping = text({ type: 'ping', x: 'x'.repeat(80) });
  const pings = Buffer.concat(Array.from({ length: 800 }, () => ping));
  const upgraded = async (socket) => {
    socket.write(upgradeRequest());
    assert.equal((await socket.response()).status, 101);
  };
  const plain = (node) => RawSocket.open(node);
  const behind = { ready: upgraded, said: () => [pings], answers: [] };
  const withUpgrade = {
    ready: () => {},
    said: () => [Buffer.from(askWithLongChunkHeader), Buffer.from(upgradeRequest()), pings],
    answers: [404, 101],
  };

  // `most`: KiB of memory for each connection, with what it takes idle.
  for (const [what, connect, args, { ready, said, answers }, most] of [
    ['is one read', plain, () => [], behind, 24 + 6],
    ['is one read, and a record of TLS', openTls, tlsArguments, behind, 48 + 24],
    ['is what HTTP has buffered, where it came with the upgrade',
      plain, () => [], withUpgrade, 24 + 6],
    ['is two records, where they came with the upgrade over TLS',
      openTls, tlsArguments, withUpgrade, 48 + 24],
  ])
    // Pins §16.25, §16.38.
    test(what, async (t) => {
      // A ping takes the bytes of more than a minute.
      const node = await startNode(t, 'relay_node', [
        '--admission-rate', '0', '--byte-rate', '1', ...args(t),
      ], { env: nothingSpare });
      const speak = async (sockets) => {
        const all = [];
        for (let i = 0; i < sockets; ++i) all.push(await connect(node));
        for (const s of all) await ready(s);
        node.signal('SIGSTOP'); // the next read finds all of it
        await Promise.all(
          all.map((s) => new Promise((done) => s.socket.write(Buffer.concat(said()), done))),
        ).finally(() => node.signal('SIGCONT'));
        for (const s of all) {
          for (const status of answers) assert.equal((await s.response()).status, status);
          assert.equal((await s.message()).type, 'pong');
        }
      };
      await speak(20);
      const before = await resident(node);
      await speak(count);
      const each = ((await resident(node)) - before) / count;

      t.diagnostic(`${each.toFixed(1)} KiB each`);
      assert.ok(each <= most, `${each.toFixed(1)} KiB each`);
    });
});

// Pins §16.28.
test('a profile of more than 4 KiB is bad_request, ' +
  'and 128 of 4 KiB are all that a client can have kept', async (t) => {
  const node = await startNode(t, 'relay_node', unhurried);
  const client = await connect(node);
  const profile = { x: 'p'.repeat(4096 - 8) };
  client.send({ type: 'join', roomId: 'large', ref: 1, profile: { x: 'p'.repeat(4096 - 7) } });
  const refusal = await client.expect('error', {
    ref: 1, code: 'bad_request', request: 'join', roomId: 'large',
  });
  assert.match(refusal.message, /profile/);
  const before = await resident(node);

  for (let i = 0; i < 128; ++i) client.send({ type: 'join', roomId: `room${i}`, profile });
  for (let i = 0; i < 128; ++i) await client.find('joined');
  const kib = (await resident(node)) - before;

  t.diagnostic(`${kib} KiB for 128 rooms with a profile of 4 KiB each`);
  assert.ok(kib <= 128 * 16, `${kib} KiB`);
});

// `bound` in KiB.
for (const [what, args, bound] of [
  ['1 MiB', [], 1024], ['four largest messages', ['--max-message-bytes', '1MiB'], 4096],
])
  // Pins §16.4, §16.27.
  test(`a client that does not read has kept ${what} of output`, async (t) => {
    const node = await startNode(t, 'relay_node', [...unhurried, '--history', 'off', ...args]);
    const room = freshRoom();
    const sender = await connect(node);
    await sender.join(room);
    const deaf = await rawWebSocket(node);
    deaf.write(text({ type: 'join', roomId: room }));
    await deaf.message();
    deaf.socket.pause();
    await sender.expect('userJoined');
    // Each loop allocates memory for scrapes; that is not output.
    for (let i = 0; i < 4; ++i) await node.metrics();
    const before = await resident(node);
    let [highest, kib] = [0, 0];
    for (let i = 0; (await node.metric('troupe_slow_consumer_total')) === 0; ++i) {
      assert.ok(i < 2000, 'the reader was not cut');
      sender.send({ type: 'message', text: 'y'.repeat(60_000) });
      await sender.find('message');
      const output = [
        await node.metric('troupe_output_bytes'), await node.metric('troupe_output_bytes'),
      ];
      // What is still under way to both members has left before the second reading.
      highest = Math.max(highest, Math.min(...output));
      kib = Math.max(kib, node.kib('VmRSS') - before);
    }

    t.diagnostic(`${highest} bytes of output, ${kib} KiB of memory`);
    const most = bound + 64; // KiB: the bound and one entry
    assert.ok(highest > bound * 900 && highest <= most * 1024, `${highest} bytes of output`);
    assert.ok(kib > bound * 0.8 && kib <= most * 1.25 + 512, `${kib} KiB of memory`);
  });

describe('histories', () => {
  test('stay within their budget, and the node goes on for everybody', async (t) => {
    const node = await startNode(t, 'relay_node', [
      ...unhurried, '--history-budget', '8MiB', '--output-budget', '16MiB',
    ]);
    const client = await connect(node);
    const before = await resident(node);
    await fillRooms(client, 40);
    const kib = (await resident(node)) - before;

    const newcomer = await connect(node);
    await newcomer.fence();
    t.diagnostic(`${kib} KiB for 40 MiB said in 40 rooms`);
    assert.ok((await node.metric('troupe_history_bytes')) <= 8 * 1024 * 1024);
    assert.ok((await node.metric('troupe_output_bytes')) < 1024 * 1024);
    assert.equal((await node.http('/readyz')).status, 200);
    assert.ok(kib <= 8 * 1024 * 1.5 + 4096, `${kib} KiB`);
  });

  // Pins §16.29.
  test('of 128 rooms, filled by one client, keep 1 MiB each', async (t) => {
    const node = await startNode(t, 'relay_node', unhurried);
    const client = await connect(node);
    const before = await resident(node);
    await fillRooms(client, 128);
    const kib = (await resident(node)) - before;

    t.diagnostic(`${(kib / 128).toFixed(0)} KiB for each of 128 rooms`);
    assert.ok(kib <= 128 * 1.25 * 1024, `${kib} KiB`);
    assert.ok((await node.metric('troupe_history_bytes')) <= 128 * 1024 * 1024);
  });
});

// Pins §16.27.
test('a client that does not read has kept seven times the bound at most, ' +
  'where all has grown in its codec', async (t) => {
  const node = await startNode(t, 'relay_node', [...unhurried, '--history', 'off']);
  const room = freshRoom();
  const sender = await rawWebSocket(node, {
    headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.msgpack' },
  });
  const said = (map) => frame({ opcode: 2, payload: Buffer.from(encode(map)) });
  sender.write(said({ type: 'join', roomId: room }));
  const deaf = await rawWebSocket(node);
  deaf.write(text({ type: 'join', roomId: room }));
  await deaf.message();
  deaf.socket.pause();
  // 60 KB in MessagePack, 360 KB in JSON.
  const growing = said({ type: 'message', echo: false, data: new Array(60_000).fill(false) });
  const before = await resident(node);
  let highest = 0;
  let kib = 0;
  for (let i = 0; (await node.metric('troupe_slow_consumer_total')) === 0; ++i) {
    assert.ok(i < 500, 'the reader was not cut');
    sender.write(growing);
    await node.untilMetric('troupe_publishes_total', '', (n) => n > i);
    highest = Math.max(highest, await node.metric('troupe_output_bytes'));
    kib = Math.max(kib, node.kib('VmRSS') - before);
  }

  t.diagnostic(`${highest} bytes of output, ${kib} KiB of memory`);
  const most = 7 * (1024 + 64); // the bound and one entry
  assert.ok(highest > 5 * 1024 * 1024, `${highest} bytes of output are not the case that is meant`);
  assert.ok(highest <= most * 1024, `${highest} bytes of output`);
  assert.ok(kib <= most * 1.25, `${kib} KiB`);
});

// Pins §16.31.
test('who has gone has nothing kept, in bytes', async (t) => {
  const node = await startNode(t, 'relay_node', [...unhurried, '--history-messages', '4']);
  const count = 40;
  const rounds = 8;
  const round = async () => {
    const sockets = await rawWebSockets(node, count);
    for (const [i, s] of sockets.entries()) {
      s.write(text({ type: 'join', roomId: `own${i}`, profile: { x: 'p'.repeat(4000) } }));
      await s.message();
      for (let k = 0; k < 3; ++k) s.write(text({ type: 'message', text: 'x'.repeat(30_000) }));
      s.write(part(20_000));
    }
    await node.untilMetric('troupe_inbound_bytes', '', (n) => n >= count * 20_000);
    for (const [i, s] of sockets.entries()) i % 2 ? s.destroy() : s.reset();
    for (const gauge of [
      'troupe_connections', 'troupe_members', 'troupe_rooms', 'troupe_profile_bytes',
      'troupe_inbound_bytes', 'troupe_output_bytes', 'troupe_history_bytes',
    ])
      await node.untilMetric(gauge, '', (n) => n === 0);
  };
  let kib = Infinity;
  // What the allocator keeps comes once; what is kept for clients that have gone, in each try.
  for (let tries = 0; kib > 1 && tries < 5; ++tries) {
    const before = await resident(node);
    for (let i = 0; i < rounds; ++i) await round();
    kib = ((await resident(node)) - before) / (rounds * count);
  }

  t.diagnostic(`${kib.toFixed(2)} KiB for each of ${rounds * count} that have gone`);
  assert.ok(kib <= 1, `${kib.toFixed(2)} KiB each`);
});
