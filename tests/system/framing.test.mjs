// Broken and hostile WebSocket frames, sent by hand (RFC 6455).

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import {
  close, frame, ping, rawWebSocket, text, upgradeRequest, RawSocket,
} from './support/raw.mjs';
import { within } from './support/wait.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node', ['--message-rate', '0'])));
after(() => node.end());

/// Sends `bytes` on a fresh connection and returns the code of the close frame that answers them.
/// The socket must end after it.
async function codeAfter(...bytes) {
  const socket = await rawWebSocket(node);
  for (const some of bytes) socket.write(some);
  const { code } = await socket.closeFrame();
  socket.write(close(1000));
  await socket.untilEnded();
  return code;
}

const join = () => text({ type: 'join', roomId: freshRoom() });

describe('a frame', () => {
  // Pins §13.3.
  test('without a mask closes with 1002', async () =>
    assert.equal(await codeAfter(text('{"type":"ping"}', { mask: false })), 1002));

  for (const rsv of [1, 2, 3, 4, 5, 6, 7])
    // Pins §13.3.
    test(`with reserved bits ${rsv.toString(2).padStart(3, '0')} closes with 1002`, async () =>
      assert.equal(await codeAfter(text('{"type":"ping"}', { rsv })), 1002));

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    // Pins §13.3.
    test(`with the reserved opcode ${opcode} closes with 1002`, async () =>
      assert.equal(await codeAfter(frame({ opcode, payload: 'x' })), 1002));

  test('whose length is not written in the shortest form closes with 1002', async () => {
    assert.equal(await codeAfter(text('{"a":1}', { form: 16 })), 1002);
    assert.equal(await codeAfter(text('{"a":1}', { form: 64 })), 1002);
    assert.equal(await codeAfter(text('x'.repeat(200), { form: 64 })), 1002);
  });

  // Pins §13.3.
  test('that continues nothing closes with 1002', async () => {
    assert.equal(await codeAfter(frame({ opcode: 0, payload: 'x' })), 1002);
    assert.equal(await codeAfter(frame({ opcode: 0, fin: false, payload: 'x' })), 1002);
  });

  // Pins §13.3.
  test('that starts a message inside a fragmented one closes with 1002', async () => {
    assert.equal(await codeAfter(text('{"type":', { fin: false }), text('"ping"}')), 1002);
    assert.equal(
      await codeAfter(text('{"type":', { fin: false }), frame({ opcode: 2, payload: 'x' })),
      1002,
    );
  });
});

describe('a declared length', () => {
  for (const [what, declare] of [
    ['64 KiB and one byte', 65_537n], ['15 MiB', 15n << 20n], ['1 GiB', 1n << 30n],
    ['2^62', 1n << 62n],
  ])
    // Pins §13.6.
    test(`of ${what} closes with 1009 before the message is there`, async () =>
      assert.equal(await codeAfter(frame({ declare, payload: 'x' })), 1009));

  for (const [what, declare] of [
    ['2^63 - 1', (1n << 63n) - 1n], ['2^63', 1n << 63n], ['2^64 - 1', (1n << 64n) - 1n],
  ])
    test(`of ${what} closes with 1002 or 1009`, async () =>
      assert.ok([1002, 1009].includes(await codeAfter(frame({ declare, payload: 'x' })))));

  test('of 1 GiB allocates nothing', async () => {
    await codeAfter(frame({ declare: 1n << 30n }));
    const before = node.kib('VmRSS');
    for (let i = 0; i < 20; ++i)
      assert.equal(await codeAfter(frame({ declare: 1n << 30n, payload: 'x'.repeat(1000) })), 1009);
    assert.ok(node.kib('VmRSS') - before < 4096, `grew by ${node.kib('VmRSS') - before} KiB`);
    assert.ok(node.kib('VmPeak') < 2 * 1024 * 1024 || node.kib('VmHWM') < 256 * 1024);
  });

  // Pins §13.6.
  test('that is too big only with the fragments before it closes with 1009', async () => {
    const half = 'x'.repeat(40_000);
    assert.equal(
      await codeAfter(
        text(half, { fin: false }),
        frame({ opcode: 0, declare: 40_000n, payload: 'x' }),
      ),
      1009,
    );
  });
});

describe('a fragmented message', () => {
  test('may have as many parts as --max-fragments, and any number with 0', async (t) => {
    const parts = (count) =>
      Buffer.concat([
        text('{"type":"join",', { fin: false }),
        ...Array.from({ length: count - 2 }, () => frame({ opcode: 0, fin: false, payload: ' ' })),
        frame({ opcode: 0, payload: '"roomId":"r"}' }),
      ]);
    const few = await startNode(t, 'relay_node', ['--max-fragments', '3']);
    const any = await startNode(t, 'relay_node', ['--max-fragments', '0']);
    const [good, bad, many] = [
      await rawWebSocket(few), await rawWebSocket(few), await rawWebSocket(any),
    ];
    good.write(parts(3));
    bad.write(parts(4));
    many.write(parts(5000));
    assert.equal((await good.message()).type, 'joined');
    assert.deepEqual(
      (({ code, reason }) => [code, reason])(await bad.closeFrame()),
      [1008, 'flood'],
    );
    assert.equal((await many.message()).type, 'joined');
    for (const s of [good, many]) s.destroy();
  });

  test('is put together, and control frames between its parts are answered at once', async () => {
    const socket = await rawWebSocket(node);
    socket.write(
      Buffer.concat([
        text('{"type":"jo', { fin: false }),
        ping('first'),
        frame({ opcode: 0, fin: false, payload: 'in","roomId":' }),
      ]),
    );
    const pong = await socket.frame();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [10, 'first']);
    const room = freshRoom();
    socket.write(
      Buffer.concat([
        frame({ opcode: 0, fin: false, payload: '' }), frame({ opcode: 0, payload: `"${room}"}` }),
      ]),
    );
    assert.deepEqual(await socket.message(), { type: 'joined', roomId: room });
    socket.destroy();
  });

  test('is put together on each of 200 connections, whichever ends first', async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => rawWebSocket(node)));
    const other = await rawWebSocket(node);
    for (let round = 0; round < 3; ++round) {
      const rooms = sockets.map(() => freshRoom());
      const parts = rooms.map((room, i) => {
        const whole = text({ type: 'join', roomId: room });
        // One frame in two segments.
        if (i % 2 === 0) return [whole.subarray(0, 1 + (i % 20)), whole.subarray(1 + (i % 20))];
        return [
          text('{"type":"join",', { fin: false }),
          frame({ opcode: 0, payload: `"roomId":"${room}"}` }),
        ];
      });
      for (const [i, socket] of sockets.entries()) socket.write(parts[i][0]);
      other.write(ping('they have come'));
      await other.frame();
      for (const [i, socket] of [...sockets.entries()].reverse()) socket.write(parts[i][1]);
      for (const [i, socket] of sockets.entries())
        assert.deepEqual(await socket.message(), { type: 'joined', roomId: rooms[i] });
    }
    for (const socket of [...sockets, other]) socket.destroy();
  });

  test('of the limit is delivered', async () => {
    const socket = await rawWebSocket(node);
    socket.write(join());
    await socket.message();
    const head = '{"type":"message","text":"';
    const body = 'x'.repeat(65_536 - head.length - 2);
    socket.write(
      Buffer.concat([
        text(head, { fin: false }),
        frame({ opcode: 0, fin: false, payload: body }),
        frame({ opcode: 0, payload: '"}' }),
      ]),
    );
    assert.equal((await socket.message()).text.length, body.length);
    socket.destroy();
  });

  test('of endless empty parts closes with 1008', async () => {
    const socket = await rawWebSocket(node);
    const many = Buffer.concat([
      text('', { fin: false }), ...Array(5000).fill(frame({ opcode: 0, fin: false })),
    ]);
    for (let i = 0; i < 20; ++i) socket.write(many.subarray(i === 0 ? 0 : 6));
    assert.equal((await socket.closeFrame()).code, 1008);
    socket.write(close(1000));
    await socket.untilEnded();
  });

  // Pins §16.5.
  test('may have 1,024 parts, and one more closes with 1008', async () => {
    const part = frame({ opcode: 0, fin: false, payload: ' ' });
    const begun = Buffer.concat([text('{', { fin: false }), ...Array(1022).fill(part)]);
    const socket = await rawWebSocket(node);
    socket.write(Buffer.concat([begun, frame({ opcode: 0, payload: '"type":"ping"}' })]));
    assert.equal((await socket.message()).type, 'pong');
    socket.destroy();

    assert.equal(await codeAfter(Buffer.concat([begun, part, part])), 1008);
  });
});

// Pins §1.50.
test('frames of the server are whole, without a mask and reserved bits, however long', async () => {
  const socket = await rawWebSocket(node);
  socket.write(join());
  await socket.message();
  for (const size of [0, 1000, 60_000]) {
    socket.write(text({ type: 'message', text: 'x'.repeat(size) }));
    const { fin, rsv, masked, payload } = await socket.frame();
    assert.deepEqual([fin, rsv, masked, JSON.parse(payload).text.length], [true, 0, false, size]);
  }
  socket.destroy();
});

describe('a flood of control frames', () => {
  const pings = (count) => Buffer.concat(Array(count).fill(ping('x')));
  const pongs = async (socket, count) => {
    for (let i = 0; i < count; ++i) assert.equal((await socket.frame()).opcode, 10);
  };

  // Pins §1.51, §16.8.
  test('is 300 at once; 200 are none, nor are 100 more a second later', async () => {
    assert.equal(await codeAfter(pings(300)), 1008);

    const socket = await rawWebSocket(node);
    socket.write(pings(200));
    await pongs(socket, 200);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    socket.write(pings(100));
    await pongs(socket, 100);
    socket.destroy();
  });

  // Pins §16.8.
  test('closes with 1008', async () => {
    const socket = await rawWebSocket(node);
    for (let i = 0; i < 10; ++i) socket.write(pings(10_000));
    const { code } = await socket.closeFrame();
    assert.equal(code, 1008);
    socket.destroy();
  });
});

describe('a control frame', () => {
  test('that is fragmented or longer than 125 bytes closes with 1002', async () => {
    assert.equal(await codeAfter(frame({ opcode: 9, payload: 'x'.repeat(126) })), 1002);
    assert.equal(await codeAfter(frame({ opcode: 9, fin: false, payload: 'x' })), 1002);
    assert.equal(await codeAfter(frame({ opcode: 10, fin: false, payload: 'x' })), 1002);
    assert.equal(await codeAfter(frame({ opcode: 8, fin: false })), 1002);
  });

  // Pins §1.51.
  test('ping is answered by pong with the same bytes', async () => {
    const socket = await rawWebSocket(node);
    for (const payload of ['', 'x', 'y'.repeat(125)]) {
      socket.write(ping(payload));
      const { opcode, payload: answer } = await socket.frame();
      assert.deepEqual([opcode, answer.toString()], [10, payload]);
    }
    socket.destroy();
  });

  // Pins §1.51.
  test('pong that nobody asked for is ignored', async () => {
    const socket = await rawWebSocket(node);
    socket.write(Buffer.concat([frame({ opcode: 10, payload: 'unasked' }), ping('after')]));
    assert.equal((await socket.frame()).payload.toString(), 'after');
    socket.destroy();
  });
});

describe('who is closed for what it sent has the end of the stream behind the frame, ' +
  'and the socket ends with it:', () => {
  for (const [what, input, code] of [
    ['a frame that breaks a rule', frame({ opcode: 3 }), 1002],
    ['ten faulty messages', Buffer.concat(Array(10).fill(text('{'))), 1008],
    ['a message that is too big', frame({ payload: 'x'.repeat(65_537) }), 1009],
  ])
    // Pins §13.14.
    test(what, async (t) => {
      const own = await startNode(t, 'relay_node');
      const socket = await rawWebSocket(own, { allowHalfOpen: true });
      const shut = new Promise((resolve) => socket.socket.on('end', resolve));
      socket.write(input);
      assert.equal((await socket.closeFrame()).code, code);
      await within(shut, 'the end of the stream', 3000); // before the 5 s are over
      assert.equal(await own.metric('troupe_connections'), 1);

      socket.socket.end();
      await own.untilMetric('troupe_connections', '', (n) => n === 0, 1000);
    });
});

describe('a close frame', () => {
  // Pins §13.1, §13.13.
  test('is answered in kind, and the socket ends', async () => {
    assert.equal(await codeAfter(close(1000, 'bye')), 1000);
    assert.equal(await codeAfter(close(1001)), 1001);
    assert.equal(await codeAfter(close(3000)), 3000);
    assert.equal(await codeAfter(close(4999)), 4999);
    assert.equal(await codeAfter(frame({ opcode: 8 })), 1000);
  });

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
    // Pins §13.3.
    test(`with the code ${code} closes with 1002`, async () =>
      assert.equal(await codeAfter(close(code)), 1002));

  test('of one byte closes with 1002', async () =>
    assert.equal(await codeAfter(frame({ opcode: 8, payload: 'x' })), 1002));

  // Pins §13.4.
  test('whose reason is no text closes with 1007', async () =>
    assert.equal(
      await codeAfter(frame({ opcode: 8, payload: Buffer.from([3, 232, 0xff, 0xfe]) })), 1007));

  // Pins §13.2, §13.12.
  test('is the last that counts: what follows is not delivered', async () => {
    const room = freshRoom();
    const [witness] = await roomOf(node, room, 'json');
    const socket = await rawWebSocket(node);
    socket.write(
      Buffer.concat([
        text({ type: 'join', roomId: room }),
        close(1000),
        text({ type: 'message', text: 'too late' }),
      ]),
    );
    await witness.expect('userJoined');
    await witness.expect('userLeft');
    await witness.fence();
    await socket.untilEnded();
  });
});

describe('a text', () => {
  const broken = {
    'a byte that never occurs': 'ff',
    'a continuation without a start': '80',
    'a start without a continuation': 'c3',
    'an overlong slash': 'c0af',
    'a surrogate': 'eda080',
    'a code point beyond the last': 'f4908080',
  };
  for (const [what, hex] of Object.entries(broken))
    // Pins §8.15, §13.4.
    test(`that holds ${what} closes with 1007`, async () =>
      assert.equal(
        await codeAfter(
          text(
            Buffer.concat([
              Buffer.from('{"type":"x","t":"'), Buffer.from(hex, 'hex'), Buffer.from('"}'),
            ]),
          ),
        ),
        1007,
      ));

  test('that is broken in its first fragment ' +
    'closes with 1007 before the last has come', async () => {
    assert.equal(await codeAfter(text(Buffer.from('{"a":"\xff', 'latin1'), { fin: false })), 1007);
    assert.equal(
      await codeAfter(
        text(Buffer.from([0x7b, 0xed]), { fin: false }),
        frame({ opcode: 0, fin: false, payload: Buffer.from([0xa0]) }),
      ),
      1007,
    );
  });

  test('that ends in half a character closes with 1007 also where its last fragment is empty, ' +
    'and nobody else is affected', async () => {
    const offender = await rawWebSocket(node);
    offender.write(
      Buffer.concat([text(Buffer.from([0x7b, 0xc3]), { fin: false }), frame({ opcode: 0 })]),
    );
    assert.equal((await offender.closeFrame()).code, 1007);

    const [socket, other] = [await rawWebSocket(node), await rawWebSocket(node)];
    const room = freshRoom();
    const whole = text({ type: 'join', roomId: room });
    socket.write(whole.subarray(0, 10));
    other.write(ping('they have come'));
    await other.frame();
    socket.write(whole.subarray(10));
    assert.deepEqual(await socket.message(), { type: 'joined', roomId: room });
    for (const one of [offender, socket, other]) one.destroy();
  });

  test('may be split inside a character', async () => {
    const socket = await rawWebSocket(node);
    socket.write(join());
    await socket.message();
    const bytes = Buffer.from('{"type":"message","text":"방😀"}');
    for (let i = 0; i < bytes.length; ++i)
      socket.write(
        frame({
          opcode: i === 0 ? 1 : 0, fin: i === bytes.length - 1, payload: bytes.subarray(i, i + 1),
        }),
      );
    assert.equal((await socket.message()).text, '방😀');
    socket.destroy();
  });
});

// Pins §1.24.
test('frames in the same segment as the upgrade request are handled', async () => {
  const room = freshRoom();
  const socket = await RawSocket.open(node);
  socket.write(
    Buffer.concat([
      Buffer.from(upgradeRequest()),
      text({ type: 'join', roomId: room }),
      ping('early'),
      text({ type: 'message', text: 'x' }),
    ]),
  );
  assert.equal((await socket.response()).status, 101);
  const frames = [await socket.frame(), await socket.frame(), await socket.frame()];
  assert.deepEqual(frames.map((f) => f.opcode).sort(), [1, 1, 10]);
  const messages = frames
    .filter((f) => f.opcode === 1)
    .map((f) => JSON.parse(f.payload.toString()).type);
  assert.deepEqual(messages, ['joined', 'message']);
  socket.destroy();
});

test('an upgrade request that comes byte by byte is answered', async () => {
  const socket = await RawSocket.open(node);
  for (const byte of upgradeRequest()) socket.write(byte);
  assert.equal((await socket.response()).status, 101);
  socket.destroy();
});

test('two healthy members notice nothing of all this', async () => {
  const [a, b] = await roomOf(node, freshRoom(), 'json', 'msgpack');
  const hostile = [
    frame({ declare: 1n << 62n }),
    frame({ opcode: 3 }),
    text('x', { mask: false }),
    close(999),
    text(Buffer.from([0xff])),
  ];
  for (let i = 0; i < 100; ++i) {
    const socket = await rawWebSocket(node);
    socket.write(hostile[i % hostile.length]);
    a.send({ type: 'message', data: i });
    await a.expect('message', { data: i });
    await b.expect('message', { data: i });
    i % 2 ? socket.reset() : socket.destroy();
  }
  await (await connect(node)).fence();
});
