// What a client is told when it asks for something impossible, and what ends its connection.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { encode } from '@msgpack/msgpack';
import { connect, freshRef, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { fromBase64, vectors } from './support/vectors.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node', ['--message-rate', '0'])));
after(() => node.end());

for (const as of ['json', 'msgpack'])
  describe(`a ${as} client`, () => {
    // Pins §4.36, §4.143, §12.1, §12.2.
    test('that sends an unsupported command gets unsupported ' +
      'with its ref and its type', async () => {
      const client = await connect(node, as);
      await client.join(freshRoom());
      const commands = [
        { type: 'direct', to: 'somebody', text: 'x' },
        { type: 'auth', token: 'a.b.c' },
      ];
      for (const command of commands) {
        const ref = freshRef();
        client.send({ ...command, ref });
        const error = await client.expect('error', {
          ref, request: command.type, code: 'unsupported', retryable: false,
        });
        assert.equal(typeof error.message, 'string');
      }
    });

    // Pins §4.29, §4.42, §4.44, §12.3.
    test('that names a room it is not in gets forbidden, without a room not_joined', async () => {
      const room = freshRoom();
      const [witness] = await roomOf(node, room, as);
      const client = await connect(node, as);

      client.send({ type: 'message', text: 'x', ref: 1 });
      await client.expect('error', { ref: 1, code: 'not_joined', request: 'message' });
      client.send({ type: 'message', roomId: room, text: 'x', ref: 2 });
      await client.expect('error', { ref: 2, code: 'forbidden', request: 'message', roomId: room });
      client.send({ type: 'leave', roomId: room, ref: 3 });
      await client.expect('error', { ref: 3, code: 'not_joined', request: 'leave', roomId: room });
      client.send({ type: 'dance', ref: 4 });
      await client.expect('error', { ref: 4, code: 'not_joined', request: 'dance' });

      await witness.fence();
    });

    // Pins §3.5, §4.45.
    test('that sends a type that nobody handles gets unknown_type', async () => {
      const [client] = await roomOf(node, freshRoom(), as);
      for (const type of ['dance', '$future', 'toString', '__proto__', 'joined', 'error']) {
        client.send({ type, ref: type });
        await client.expect('error', { ref: type, request: type, code: 'unknown_type' });
      }
    });

    // Pins §12.10.
    test('that sends ten faulty messages is closed with 1008', async () => {
      const client = await connect(node, as);
      const faulty = as === 'json' ? '{"type":' : encode({ type: 1 });
      for (let i = 0; i < 10; ++i) {
        client.sendRaw(faulty);
        await client.expect('error', { code: as === 'json' ? 'malformed' : 'bad_request' });
      }
      assert.deepEqual(await client.end(), { code: 1008, reason: 'too_many_errors' });
    });

    test('that sends nine faulty messages goes on', async () => {
      const client = await connect(node, as);
      for (let i = 0; i < 9; ++i) {
        client.send({ type: 'join', roomId: '' });
        await client.expect('error', { code: 'bad_room' });
      }
      await client.join(freshRoom());
    });

    test('whose error has its type first', async () => {
      const client = await connect(node, as);
      client.send({ type: 'message', text: 'x', ref: 'r' });
      const frame = await client.take();
      assert.deepEqual(Object.keys(frame).slice(0, 2), ['type', 'ref']);
      assert.equal(frame.type, 'error');
    });
  });

describe('bad room names', () => {
  const { illegal, illegalBase64 } = vectors('room_names');
  // Pins §4.15, §9.6.
  test('are refused with bad_room', async () => {
    let client;
    for (const [i, roomId] of illegal.entries()) {
      if (i % 9 === 0) client = await connect(node);
      client.send({ type: 'join', roomId, ref: i });
      await client.expect('error', { ref: i, code: 'bad_room', request: 'join' });
    }
  });

  test('that are no text close the connection with 1007', async () => {
    for (const name of illegalBase64) {
      const client = await connect(node, 'msgpack');
      const head = encode({ type: 'join' });
      const bytes = fromBase64(name);
      client.sendRaw(
        Buffer.concat([
          Buffer.from([0x82]),
          head.subarray(1),
          encode('roomId'),
          Buffer.from([0xa0 | bytes.length]),
          bytes,
        ]),
      );
      assert.equal((await client.end()).code, 1007);
    }
  });
});

describe('a message', () => {
  // Pins §2.2.
  test('as text on a MessagePack connection closes it with 1003', async () => {
    const client = await connect(node, 'msgpack');
    client.sendRaw('{"type":"ping"}');
    assert.equal((await client.end()).code, 1003);
  });

  // Pins §2.2, §7.10, §12.2.
  test('as binary on a JSON connection needs a room', async () => {
    const client = await connect(node, 'json');
    client.sendRaw(Buffer.from([1, 2, 3]));
    await client.expect('error', { code: 'not_joined', request: 'binary' });
  });

  // Pins §13.6.
  test('of the limit is delivered, one byte more closes with 1009', async () => {
    const limit = 65_536;
    const [client, witness] = await roomOf(node, freshRoom(), 'json', 'json');
    const empty = JSON.stringify({ type: 'message', text: '' }).length;

    client.send({ type: 'message', text: 'x'.repeat(limit - empty) });
    assert.equal((await witness.expect('message')).text.length, limit - empty);
    await client.expect('message');
    client.send({ type: 'message', text: 'y'.repeat(limit - empty + 1) });

    assert.equal((await client.end()).code, 1009);
    await witness.expect('userLeft');
  });

  // Pins §7.9.
  test('that carries bytes in base64 has the limit of all others, as it is sent', async () => {
    const limit = 65_536;
    const [client, witness] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    const around = JSON.stringify({ type: 'binary', data: { $bin: '' } }).length;
    const most = Math.floor((limit - around) / 4) * 3;

    client.send({ type: 'binary', data: { $bin: Buffer.alloc(most, 7).toString('base64') } });
    assert.equal((await witness.expect('binary')).data.length, most);
    await client.expect('binary', { bytes: most });
    await client.take('the raw frame');
    client.send({ type: 'binary', data: { $bin: Buffer.alloc(most + 3, 7).toString('base64') } });

    assert.equal((await client.end()).code, 1009);
  });

  // Pins §2.5, §8.16.
  test('of MessagePack that holds more than one document, ' +
    'or half of one, closes with 1007', async () => {
    const whole = Buffer.from(encode({ type: 'ping' }));
    for (const bytes of [
      whole.subarray(0, -1),
      Buffer.concat([whole, whole]),
      Buffer.from([0xc1]),
      Buffer.alloc(0),
      Buffer.from('ddffffffff', 'hex'),
      Buffer.from('dfffffffff', 'hex'),
      Buffer.from('dbffffffff', 'hex'),
      Buffer.from('c6ffffffff', 'hex'),
      Buffer.from('c9ffffffff', 'hex'),
    ]) {
      const client = await connect(node, 'msgpack');
      client.sendRaw(bytes);
      assert.equal((await client.end()).code, 1007, bytes.toString('hex'));
    }
  });

  test('100,000 levels deep is refused and the node goes on', async () => {
    const client = await connect(node, 'json');
    client.sendRaw('['.repeat(60_000));
    await client.expect('error');
    client.sendRaw(`{"type":"x","data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`);
    await client.expect('error');
    await client.fence();
  });
});

describe('a log line', () => {
  test('cannot be forged by a client', async (t) => {
    const own = await startNode(t, 'relay_node');
    const client = await connect(own, 'json');
    const forged = 'x\n[2026-01-01] forged line\u001b[31m';
    client.send({ type: 'join', roomId: forged });
    await client.expect('error', { code: 'bad_room' });
    client.send({ type: forged });
    await client.expect('error');
    own.signal('SIGTERM');
    await own.ended();
    assert.doesNotMatch(own.log, /^\[2026-01-01\] forged/m);
    assert.ok(!own.log.includes('\u001b[31m'));
  });
});
