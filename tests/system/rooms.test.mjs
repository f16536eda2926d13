// The room messages of troupe.v1 in both codecs, and members of all encodings in one room.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { decode } from '@msgpack/msgpack';
import { connect, freshRef, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node', ['--message-rate', '0'])));
after(() => node.end());

const isoInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const as of ['json', 'msgpack'])
  describe(`a ${as} client`, () => {
    // Pins §5.3, §5.28.
    test('is welcomed with its ids, its session, the heartbeat and the limits', async () => {
      const client = await connect(node, as);
      const another = await connect(node, as);

      assert.deepEqual(Object.keys(client.welcome).sort(), [
        'clientId', 'heartbeatMs', 'limits', 'resume', 'resumeMs', 'type', 'userId',
      ]);
      assert.equal(Object.keys(client.welcome)[0], 'type');
      assert.equal(client.welcome.heartbeatMs, 25_000);
      assert.equal(client.welcome.limits.maxMessageBytes, 65_536);
      assert.notEqual(client.welcome.userId, another.welcome.userId);
      assert.notEqual(client.welcome.clientId, another.welcome.clientId);
      assert.match(client.welcome.resume, /^[\w-]{44}$/);
      assert.notEqual(client.welcome.resume, another.welcome.resume);
      assert.notEqual(client.welcome.clientId, client.welcome.userId);
    });

    // Pins §4.59, §4.60, §4.61.
    test('hears who is in a room, page by page', async () => {
      const room = freshRoom();
      const [ann, bob, eve] = await roomOf(node, room, as, 'json', 'msgpack');
      await eve.close();
      await bob.expect('userLeft');
      await ann.find('userLeft');
      const ids = [ann.userId, bob.userId].sort();

      ann.send({ type: 'presence', limit: 1, ref: 'first' });
      await ann.expectExactly({
        type: 'presence', ref: 'first', roomId: room, members: [{ userId: ids[0] }], total: 2,
        complete: false,
      });
      ann.send({ type: 'presence', roomId: room, after: ids[0] });
      await ann.expectExactly({
        type: 'presence', roomId: room, members: [{ userId: ids[1] }], total: 2, complete: true,
      });
      await bob.fence();
    });

    // Pins §1.19.
    test('speaks the subprotocol that it offered', async () => {
      const client = await connect(node, as);
      assert.equal(client.socket.protocol, `troupe.v1.${as}`);
    });

    // Pins §2.1, §4.1, §4.7, §4.14, §5.5.
    test('joins, and the others are told once', async () => {
      const room = freshRoom();
      const witness = await connect(node, as);
      await witness.join(room);
      const client = await connect(node, as);

      client.send({ type: 'join', roomId: room, profile: { name: 'Ada', level: 3 }, ref: 7 });
      const joined = await client.expect('joined', { roomId: room, userId: client.userId, ref: 7 });
      const told = await witness.expect('userJoined', { roomId: room, userId: client.userId });
      await client.join(room);

      assert.equal(typeof joined.epoch, 'string');
      assert.equal(typeof joined.seq, 'number');
      assert.equal('recovered' in joined, false);
      assert.deepEqual(told.profile, { name: 'Ada', level: 3 });
      for (const frame of [joined, told]) assert.equal(Object.keys(frame)[0], 'type');
      await witness.fence();
      await client.fence();
    });

    // Pins §4.8.
    test('asks to continue after a position and is told that this was not recovered', async () => {
      const client = await connect(node, as);
      const joined = await client.join(freshRoom(), { since: { epoch: 'another', seq: 12 } });
      assert.equal(joined.recovered, false);
    });

    // Pins §4.3, §4.41.
    test('sends a message to all, itself included, then gets the ack', async () => {
      const room = freshRoom();
      const [sender, receiver] = await roomOf(node, room, as, as);
      const ref = freshRef();

      sender.send({ type: 'message', text: 'hi', ref });
      const own = await sender.expect('message', {
        roomId: room, userId: sender.userId, text: 'hi',
      });
      const ack = await sender.expect('ack', { ref });
      const other = await receiver.expect('message');

      assert.deepEqual(own, other);
      assert.deepEqual(Object.keys(own).sort(), [
        'roomId', 'seq', 'text', 'timestamp', 'type', 'userId',
      ]);
      assert.equal(Object.keys(own)[0], 'type');
      assert.match(own.timestamp, isoInstant);
      assert.ok(ack.seq >= own.seq);
      await receiver.fence();
    });

    // Pins §4.9, §10.3, §10.6.
    test('gets no copy of its own with echo:false, and still the ack', async () => {
      const room = freshRoom();
      const [sender, receiver] = await roomOf(node, room, as, as);
      const ref = freshRef();

      sender.send({ type: 'message', text: 'quiet', echo: false, ref });
      const ack = await sender.expect('ack', { ref });
      const other = await receiver.expect('message', { text: 'quiet' });
      receiver.send({ type: 'message', text: 'answer' });

      assert.equal(ack.seq, other.seq);
      await sender.expect('message', { text: 'answer' });
    });

    // Pins §3.13.
    test('gets no ack without ref', async () => {
      const [sender] = await roomOf(node, freshRoom(), as);
      sender.send({ type: 'message', text: 'one' });
      await sender.expect('message', { text: 'one' });
      sender.send({ type: 'message', text: 'two' });
      await sender.expect('message', { text: 'two' });
      await sender.fence();
    });

    test('sends any value as data', async () => {
      const [sender, receiver] = await roomOf(node, freshRoom(), as, as);
      const data = { list: [1, -2, 2.5, null, true, 'é', { deep: [] }], empty: {} };

      sender.send({ type: 'message', data });

      assert.deepEqual((await sender.expect('message')).data, data);
      assert.deepEqual((await receiver.expect('message')).data, data);
    });

    // Pins §4.2, §5.9.
    test('leaves: it gets left with the room\'s position, ' +
      'the others userLeft with the reason', async () => {
      const room = freshRoom();
      const [goer, stayer] = await roomOf(node, room, as, as);
      stayer.send({ type: 'message', text: 'last' });
      const { seq } = await goer.expect('message');
      await stayer.expect('message');

      goer.send({ type: 'leave', roomId: room, ref: 'bye' });
      const left = await goer.expect('left', { roomId: room, ref: 'bye' });
      await stayer.expect('userLeft', { roomId: room, userId: goer.userId, reason: 'left' });
      stayer.send({ type: 'message', text: 'after' });
      await stayer.expect('message', { text: 'after' });

      assert.ok(left.seq >= seq);
      await goer.fence();
    });

    // Pins §10.5.
    test('gets what lies between joined.seq and left.seq', async () => {
      const room = freshRoom();
      const [sender] = await roomOf(node, room, as);
      sender.send({ type: 'message', text: 'before' });
      await sender.expect('message');
      const guest = await connect(node, as);

      const joined = await guest.join(room);
      await sender.expect('userJoined');
      sender.send({ type: 'message', text: 'during' });
      const { seq } = await guest.expect('message', { text: 'during' });
      guest.send({ type: 'leave' });
      const left = await guest.expect('left');

      assert.ok(joined.seq < seq && seq <= left.seq);
    });

    // Pins §5.9, §13.2.
    test('disconnects, and the others get userLeft with the reason disconnected', async () => {
      const room = freshRoom();
      const [goer, stayer] = await roomOf(node, room, as, as);
      goer.socket.terminate();
      await stayer.expect('userLeft', {
        roomId: room, userId: goer.userId, reason: 'disconnected',
      });
    });

    // Pins §4.6, §4.47.
    test('names the room or means the one joined last', async () => {
      const [one, two] = [freshRoom(), freshRoom()];
      const client = await connect(node, as);
      await client.join(one);
      await client.join(two);

      client.send({ type: 'message', text: 'default' });
      await client.expect('message', { roomId: two });
      client.send({ type: 'message', roomId: one, text: 'named' });
      await client.expect('message', { roomId: one });
      client.send({ type: 'leave', roomId: two });
      await client.expect('left', { roomId: two });
      client.send({ type: 'message', text: 'the one still held' });

      await client.expect('message', { roomId: one, text: 'the one still held' });
    });

    // Pins §10.2, §10.9.
    test('may send commands before the join is answered; they take effect in order', async () => {
      const room = freshRoom();
      const client = await connect(node, as);

      client.send({ type: 'join', roomId: room, ref: 1 });
      client.send({ type: 'message', text: 'first', ref: 2 });
      client.send({ type: 'leave', ref: 3 });
      client.send({ type: 'message', text: 'too late', ref: 4 });

      // The room answers in its order; `not_joined` is the connection's answer and may come earlier
      // (PROTOCOL.md, Order and delivery).
      const frames = [];
      while (frames.length < 5) frames.push(await client.take());
      const isOwn = ({ type }) => type === 'error';
      const told = ({ type, ref, text, code }) => [type, ref, text, code];
      assert.deepEqual(frames.filter((f) => !isOwn(f)).map(told), [
        ['joined', 1, undefined, undefined],
        ['message', undefined, 'first', undefined],
        ['ack', 2, undefined, undefined],
        ['left', 3, undefined, undefined],
      ]);
      assert.deepEqual(frames.filter(isOwn).map(told), [['error', 4, undefined, 'not_joined']]);
      await client.fence();
    });

    // Pins §3.13, §4.5.
    test('gets pong with the time for ping', async () => {
      const client = await connect(node, as);

      client.send({ type: 'ping' });
      const bare = await client.expect('pong');
      client.send({ type: 'ping', ref: 'here' });
      const named = await client.expect('pong', { ref: 'here' });

      assert.equal('ref' in bare, false);
      assert.match(named.timestamp, isoInstant);
    });

    // Pins §3.3, §3.6.
    test('ignores no command for the order of its fields', async () => {
      const room = freshRoom();
      const client = await connect(node, as);
      client.send({ ref: 1, roomId: room, unknown: { a: [1] }, type: 'join' });
      await client.expect('joined', { roomId: room, ref: 1 });
      client.send({ text: 'x', unknown: null, type: 'message' });
      await client.expect('message', { text: 'x' });
    });

    // Pins §3.10.
    test('cannot set the fields that are the server\'s', async () => {
      const [sender, receiver] = await roomOf(node, freshRoom(), as, as);
      sender.send({ type: 'message', text: 'x', userId: 'somebody', seq: 1, timestamp: 'never' });
      const frame = await receiver.expect('message', { userId: sender.userId });
      assert.match(frame.timestamp, isoInstant);
      assert.deepEqual(frame, await sender.expect('message'));
    });

    for (const ref of ['text', '', 0, 4_294_967_296, 'x'.repeat(64)])
      // Pins §3.12, §3.14.
      test(`gets the ref ${JSON.stringify(ref)} back with every answer`, async () => {
        const room = freshRoom();
        const client = await connect(node, as);
        client.send({ type: 'ping', ref });
        await client.expect('pong', { ref });
        client.send({ type: 'message', text: 'x', ref });
        await client.expect('error', { ref, code: 'not_joined' });
        client.send({ type: 'join', roomId: '', ref });
        await client.expect('error', { ref, code: 'bad_room' });
        client.send({ type: 'join', roomId: room, ref });
        await client.expect('joined', { ref });
        client.send({ type: 'message', text: 'x', ref });
        await client.expect('message');
        await client.expect('ack', { ref });
        client.send({ type: 'dance', ref });
        await client.expect('error', { ref, code: 'unknown_type' });
        client.send({ type: 'leave', ref });
        await client.expect('left', { ref });
      });
  });

describe('members of all encodings in one room', () => {
  // Pins §2.6, §6.2.
  test('get each other\'s messages, each in its own frames', async () => {
    const room = freshRoom();
    const [json, msgpack, plain] = await roomOf(node, room, 'json', 'msgpack', 'plain');

    for (const sender of [json, msgpack, plain]) {
      sender.send({ type: 'message', text: `from ${sender.as} ✓` });
      const frame = await json.expect('message', { text: `from ${sender.as} ✓`, roomId: room });
      assert.deepEqual(await msgpack.expect('message'), frame);
      await plain.expectExactly({ type: 'message', text: frame.text, userId: frame.userId });
    }
  });

  test('get the same data, whichever codec it came in', async () => {
    const [json, msgpack] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    const data = {
      n: [0, -1, 1.5, 2 ** 40, -(2 ** 40)],
      s: ['', '\u0000', '"\\/\b', '😀'],
      b: [true, false, null],
      deep: { a: { b: [{}] } },
    };
    for (const sender of [json, msgpack]) {
      sender.send({ type: 'message', data });
      assert.deepEqual((await json.expect('message')).data, data);
      assert.deepEqual((await msgpack.expect('message')).data, data);
    }
  });

  // Pins §7.12.
  test('get bytes as $bin in JSON and as bin in MessagePack', async () => {
    const [json, msgpack] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    const bytes = Buffer.from([0, 255, 1, 2, 3]);

    msgpack.send({ type: 'message', data: { file: bytes } });
    assert.deepEqual((await json.expect('message')).data, {
      file: { $bin: bytes.toString('base64') },
    });
    assert.deepEqual(Buffer.from((await msgpack.expect('message')).data.file), bytes);
    json.send({ type: 'message', data: { file: { $bin: bytes.toString('base64') } } });

    assert.deepEqual((await json.expect('message')).data, {
      file: { $bin: bytes.toString('base64') },
    });
    assert.deepEqual(Buffer.from((await msgpack.expect('message')).data.file), bytes);
  });

  // Pins §4.4, §7.1, §7.2, §7.5, §7.6.
  test('get a binary frame of a JSON member: ' +
    'announced and raw in JSON, one map in MessagePack', async () => {
    const room = freshRoom();
    const [json, other, msgpack] = await roomOf(node, room, 'json', 'json', 'msgpack');
    const bytes = Buffer.from('not {json}');

    json.sendRaw(bytes);

    for (const member of [json, other]) {
      const head = await member.expect('binary', {
        roomId: room, userId: json.userId, bytes: bytes.length,
      });
      assert.equal(typeof head.seq, 'number');
      assert.deepEqual(await member.take('the raw frame'), bytes);
    }
    const map = await msgpack.expect('binary', { roomId: room, userId: json.userId });
    assert.deepEqual(Buffer.from(map.data), bytes);
  });

  // Pins §4.47, §7.2.
  test('get a raw frame in the room that its sender has joined last', async () => {
    const [one, two] = [freshRoom(), freshRoom()];
    const json = await connect(node, 'json');
    await json.join(one);
    await json.join(two);

    json.sendRaw(Buffer.from('x'));

    await json.expect('binary', { roomId: two, userId: json.userId, bytes: 1 });
    assert.deepEqual(await json.take('the raw frame'), Buffer.from('x'));
  });

  // Pins §4.4, §7.3.
  test('get the bytes that a JSON member sends as $bin, with room and ref', async () => {
    const room = freshRoom();
    const [json, msgpack] = await roomOf(node, room, 'json', 'msgpack');
    const bytes = Buffer.from([0, 255, 7]);

    json.send({
      type: 'binary', roomId: room, data: { $bin: bytes.toString('base64') }, echo: false, ref: 5,
    });

    await json.expect('ack', { ref: 5, roomId: room });
    assert.deepEqual(
      Buffer.from((await msgpack.expect('binary', { userId: json.userId })).data),
      bytes,
    );
  });

  // Pins §7.4.
  test('get the binary message of a MessagePack member', async () => {
    const room = freshRoom();
    const [json, msgpack] = await roomOf(node, room, 'json', 'msgpack');
    const bytes = Buffer.alloc(1000, 7);

    msgpack.send({ type: 'binary', data: bytes });

    await json.expect('binary', { roomId: room, userId: msgpack.userId, bytes: 1000 });
    assert.deepEqual(await json.take(), bytes);
    assert.deepEqual(Buffer.from((await msgpack.expect('binary')).data), bytes);
  });

  // Pins §10.1, §10.2, §10.3.
  test('see the same order with strictly increasing positions while all of them send', async () => {
    const room = freshRoom();
    const members = await roomOf(node, room, 'json', 'msgpack', 'json', 'msgpack');
    const each = 200;

    for (let i = 0; i < each; ++i)
      for (const [s, sender] of members.entries()) sender.send({ type: 'message', data: [s, i] });
    const seen = await Promise.all(
      members.map(async (member) => {
        const frames = [];
        while (frames.length < each * members.length) frames.push(await member.expect('message'));
        return frames.map(({ seq, data }) => [seq, ...data]);
      }),
    );

    for (const list of seen) assert.deepEqual(list, seen[0]);
    for (let i = 1; i < seen[0].length; ++i)
      assert.ok(seen[0][i][0] > seen[0][i - 1][0], 'positions increase');
    for (const s of members.keys())
      assert.deepEqual(
        seen[0].filter((m) => m[1] === s).map((m) => m[2]),
        [...Array(each).keys()],
        'first in, first out per sender',
      );
  });
});

describe('rooms', () => {
  for (const name of [
    '.',
    '*',
    '>',
    'a.b',
    '$SYS.x',
    'with inner spaces',
    '%2e%2e',
    '../x',
    'é',
    'e\u0301',
    '방',
    'x'.repeat(128),
  ])
    // Pins §9.5.
    test(`may be called ${JSON.stringify(name.slice(0, 20))}, ` +
      'and that is a room of its own', async () => {
      const [inside, outside] = [await connect(node), await connect(node)];
      await inside.join(name);
      await outside.join(name === 'a.b' ? 'a.c' : `${name.slice(0, 100)}?`);

      inside.send({ type: 'message', text: 'in here' });

      await inside.expect('message', { roomId: name, text: 'in here' });
      await outside.fence();
    });

  // Pins §9.4.
  test('differ by bytes, not by how they look', async () => {
    const [composed, decomposed] = [await connect(node), await connect(node)];
    await composed.join('caf\u00e9');
    await decomposed.join('cafe\u0301');
    composed.send({ type: 'message', text: 'x' });
    await composed.expect('message');
    await decomposed.fence();
  });

  test('survive a thousand joins and leaves of one client with one membership', async (t) => {
    const own = await startNode(t, 'relay_node', ['--message-rate', '0']);
    const room = freshRoom();
    const [witness] = await roomOf(own, room, 'json');
    const client = await connect(own);

    for (let i = 0; i < 1000; ++i) {
      client.send({ type: 'join', roomId: room });
      client.send({ type: 'leave', roomId: room });
    }
    await client.join(room, { ref: 'last' }).catch(() => {});
    await client.find('joined', { ref: 'last' });
    witness.send({ type: 'message', text: 'once' });
    await client.expect('message', { text: 'once' });
    await client.fence();

    client.socket.terminate();
    await witness.find('userLeft', { reason: 'disconnected' });
    await witness.fence();
  });
});

// Pins §3.2.
test('frames of MessagePack are maps whose first key is type', async () => {
  const client = await connect(node, 'msgpack');
  const first = new Promise((resolve) => client.socket.once('message', resolve));
  client.send({ type: 'ping', ref: 1 });
  assert.deepEqual(Object.keys(decode(await first)), ['type', 'ref', 'timestamp']);
});
