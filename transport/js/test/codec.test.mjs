// Both codecs against the vectors that also test the server.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { TroupeError } from '../src/index.js';
import { json } from '../src/json.js';
import { msgpack } from '../src/msgpack.js';

const folder = new URL('../../../protocol/vectors/', import.meta.url);
const vectors = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, 'base64')).buffer;

/// Wraps a value in a message, so that it can be decoded.
const inJson = (text) => json.decoder()(`{"type":"x","data":${text}}`).data;
const head = Buffer.from('82a474797065a178a464617461', 'hex');
const inMsgpack = (base64) =>
  msgpack.decoder()(
    new Uint8Array(Buffer.concat([head, Buffer.from(base64, 'base64')])).buffer,
  ).data;

describe('payloads that exist in both codecs', () => {
  for (const {
    name, json: text, msgpack: base64, jsonAlso = [], msgpackAlso = [],
  } of vectors('payloads').payloads)
    test(name, () => {
      const value = inJson(text);
      for (const other of jsonAlso) assert.deepStrictEqual(inJson(other), value, other);
      for (const other of [base64, ...msgpackAlso])
        assert.deepStrictEqual(inMsgpack(other), value, other);

      if (Object.is(value, -0)) return; // JSON.stringify writes 0
      const written = json.encode({ type: 'x', data: value });
      const packed = msgpack.encode({ type: 'x', data: value });

      assert.deepEqual(json.decoder()(written).data, value);
      assert.deepEqual(msgpack.decoder()(packed.slice().buffer).data, value);
    });

  // Whole floats and integers beyond 2^53 are one thing in JavaScript and another on the wire.
  const isExact = (text) => !/\d\.0\b|e\+|\d{16,}|e-|doubled|"a":1,"a"|^-0/.test(text);
  for (const { name, json: text, msgpack: base64 } of vectors('payloads').payloads.filter(
    (p) => isExact(p.json) && p.name !== 'a float32 tenth',
  ))
    test(`${name}, written exactly`, () => {
      const data = inJson(text);
      assert.equal(
        json.encode({ type: 'x', data }),
        `{"type":"x","data":${JSON.stringify(JSON.parse(text))}}`,
      );
      assert.equal(
        Buffer.from(msgpack.encode({ type: 'x', data })).toString('hex'),
        Buffer.concat([head, Buffer.from(base64, 'base64')]).toString('hex'),
      );
    });
});

describe('what a server sends', () => {
  for (const { name, json: text, jsonFrame, msgpack: base64 } of vectors('events').events)
    test(name, () => {
      const read = json.decoder();
      const first = read(text);
      const frame = jsonFrame ? read(bytesOf(jsonFrame)) : first;
      const packed = msgpack.decoder()(bytesOf(base64));

      assert.equal(first === null, jsonFrame !== undefined);
      assert.deepStrictEqual(frame, packed);
      assert.equal(Object.getPrototypeOf(frame), null);
    });
});

describe('what a client sends', () => {
  const skipped = /escaped|spaces|of another writer|18446744073709551615|doubled/;
  for (const { name, json: text, msgpack: base64 } of vectors('valid_messages').messages.filter(
    (m) => !skipped.test(m.name + m.json),
  ))
    test(name, () => {
      const message = json.decoder()(text) ?? assert.fail('a whole message');
      assert.deepEqual(JSON.parse(json.encode(message)), JSON.parse(text));
      assert.deepEqual(
        msgpack.decoder()(msgpack.encode(message).slice().buffer),
        msgpack.decoder()(bytesOf(base64)),
      );
    });
});

for (const [name, codec] of Object.entries({ json, msgpack }))
  describe(`${name} refuses to write`, () => {
    const deep = (levels) => (levels === 0 ? 1 : [deep(levels - 1)]);
    const circle = {};
    circle.circle = circle;
    const refused = {
      NaN: [[NaN], '/data/0'],
      infinity: [{ a: { b: -Infinity } }, '/data/a/b'],
      'a BigInt': [[1, 2n], '/data/1'],
      'half of a surrogate pair': [['\ud800x'], '/data/0'],
      'a low surrogate alone': ['x\udc00', '/data'],
      'a key with half of a pair': [{ '\udfff': 1 }, '/data'],
      'the key __proto__': [JSON.parse('{"a":{"__proto__":1}}'), '/data/a'],
      '$bin beside another key': [{ $bin: '', a: 1 }, '/data'],
      '$bin with no text': [{ $bin: 1 }, '/data'],
      '$bin with no base64': [{ $bin: '*' }, '/data'],
      '$bin with sloppy base64': [{ $bin: 'AB==' }, '/data'],
      'what is 33 deep': [deep(32), '/data'],
      'a circle': [circle, '/data/circle'],
    };
    for (const [what, [data, path]] of Object.entries(refused))
      test(what, () => {
        assert.throws(
          () => codec.encode({ type: 'message', data }),
          (error) =>
            error instanceof TroupeError &&
            error.code === 'bad_payload' &&
            error.message.startsWith(path) &&
            !error.sent,
        );
      });

    test('nothing that is 32 deep', () => {
      assert.ok(codec.encode({ type: 'message', data: deep(31) }));
    });
  });

for (const [name, codec] of Object.entries({ json, msgpack }))
  test(`${name} writes what JSON writes, and bytes of all kinds`, () => {
    const bytes = new Uint8Array([9, 0, 255, 1, 9]);
    const part = bytes.subarray(1, 4);
    const data = {
      date: new Date(0),
      nothing: undefined,
      call: () => {},
      list: [undefined, () => {}, Symbol('x')],
      bytes: [
        part,
        Buffer.from(part),
        part.slice().buffer,
        new DataView(bytes.buffer, 1, 3),
        { $bin: 'AP8B' },
        new Uint16Array([256]),
      ],
      bare: Object.assign(Object.create(null), { constructor: 1, hasOwnProperty: 2 }),
    };

    const encoded = codec.encode({ type: 'message', data });
    const read = codec.decoder()(
      typeof encoded === 'string' ? encoded : encoded.slice().buffer,
    ).data;

    const same = new Uint8Array([0, 255, 1]);
    assert.deepEqual(read.bytes, [same, same, same, same, same, new Uint8Array([0, 1])]);
    delete read.bytes;
    assert.deepEqual(JSON.parse(JSON.stringify(read)), {
      date: '1970-01-01T00:00:00.000Z',
      list: [null, null, null],
      bare: { constructor: 1, hasOwnProperty: 2 },
    });
  });

test('a key __proto__ from a server changes nothing but its own map', () => {
  const frame = json.decoder()(
    '{"type":"x","__proto__":{"polluted":true},"data":{"__proto__":{"polluted":true}}}',
  );
  assert.equal(frame.polluted, undefined);
  assert.equal(frame.data.polluted, undefined);
  assert.deepEqual(Object.keys(frame.data), ['__proto__']);
  assert.equal({}.polluted, undefined);
});

test('bytes do not share memory with the message they came in', () => {
  const whole = msgpack.encode({ type: 'x', data: new Uint8Array([1, 2, 3]) }).slice().buffer;
  const { data } = msgpack.decoder()(whole);
  assert.equal(data.byteOffset, 0);
  assert.equal(data.buffer.byteLength, 3);
});

test('JSON: raw bytes that nobody announced are nothing', () => {
  const read = json.decoder();
  assert.equal(read(new ArrayBuffer(3)), null);
  assert.equal(read('{"type":"binary","roomId":"r","bytes":1}'), null);
  assert.equal(read('{"type":"pong"}').type, 'pong');
  assert.equal(read(new ArrayBuffer(1)), null);
});
