// Members that stop reading or vanish are let go at their bound; all others get everything.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { longRun, startNode } from './support/node.mjs';
import { stalledReader } from './support/process_client.mjs';
import { rawWebSocket, text } from './support/raw.mjs';

// Pins §10.12, §13.8.
test('a stalled reader is cut at its bound while all others get everything in order', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const members = await roomOf(node, room, 'json', 'msgpack', 'plain');
  const [sender] = members;
  const stalled = await stalledReader(t, node, room);
  for (const m of members) await m.expect('userJoined');
  const [speaker, listener] = await roomOf(node, freshRoom('witness'), 'json', 'json');
  const before = node.kib('VmRSS');
  let highest = before;

  const body = 'x'.repeat(60_000);
  let sent = 0;
  while ((await node.metric('troupe_slow_consumer_total')) === 0) {
    assert.ok(sent < 2000, `${(sent * 60) >> 10} MiB were sent and the reader was not cut`);
    for (let i = 0; i < 10; ++i, ++sent) {
      const message = `${sent} ${body}`;
      sender.send({ type: 'message', text: message });
      for (const m of members) assert.equal((await m.find('message')).text, message);
    }
    speaker.send({ type: 'message', data: sent });
    await listener.expect('message', { data: sent });
    await speaker.expect('message', { data: sent });
    highest = Math.max(highest, node.kib('VmRSS'));
  }

  assert.ok(highest - before < 24 * 1024, `grew by ${highest - before} KiB`);
  await node.untilMetric('troupe_connections', '', (n) => n === 5);
  const end = await stalled.resume();
  assert.ok([1013, 1006].includes(end.code), `closed with ${end.code}`);
  sender.send({ type: 'message', text: 'after' });
  for (const m of members) await m.find('message', { text: 'after' });
});

test('a reader that stalls on TCP alone is cut while its room goes on', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const [sender, other] = await roomOf(node, room, 'json', 'msgpack');
  const deaf = await rawWebSocket(node);
  deaf.write(text({ type: 'join', roomId: room }));
  await deaf.message();
  deaf.socket.pause();
  for (const m of [sender, other]) await m.expect('userJoined');

  const data = 'y'.repeat(60_000);
  let reason; // for which the reader has left, as `other` hears
  const hear = async (type) => {
    for (;;) {
      const frame = await other.take(type);
      if (frame.type === 'userLeft') ({ reason } = frame);
      if (frame.type === type) return;
    }
  };
  for (let i = 0; (await node.metric('troupe_slow_consumer_total')) === 0; ++i) {
    assert.ok(i < 2000, 'the reader was not cut');
    for (let k = 0; k < 10; ++k) {
      sender.send({ type: 'message', data });
      await sender.find('message');
      await hear('message');
    }
  }

  if (!reason) await hear('userLeft');
  assert.equal(reason, 'disconnected');
  deaf.socket.resume();
  const { code } = await deaf.closeFrame();
  assert.ok([1013, undefined].includes(code), `closed with ${code}`);
});

// Pins §4.122, §4.124, §4.126.
test('a reader that falls behind gets the last of what it missed, and is not cut', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const [sender, other] = await roomOf(node, room, 'json', 'msgpack');
  const slow = await rawWebSocket(node);
  slow.write(text({ type: 'join', roomId: room }));
  await slow.message();
  slow.socket.pause();
  for (const m of [sender, other]) await m.expect('userJoined');

  const body = 'y'.repeat(60_000);
  let sent = 0;
  const say = async (key) => {
    const message = { type: 'message', text: `${key} ${++sent} ${body}` };
    sender.send({ ...message, delivery: 'latest', key });
    await sender.find('message');
    assert.equal((await other.find('message')).text, message.text);
  };
  while ((await node.metric('troupe_replaced_total')) < 40) {
    assert.ok(sent < 2000, `${(sent * 60) >> 10} MiB were sent and nothing gave way`);
    for (const key of 'ppqpp') await say(key);
  }
  sender.send({ type: 'message', text: 'the end' });

  slow.socket.resume();
  const heard = [];
  for (;;) {
    const frame = await slow.message();
    if (frame.text === 'the end') break;
    if (frame.type === 'message') heard.push(frame.text.split(' ').slice(0, 2));
  }
  const numbers = heard.map(([, number]) => Number(number));
  t.diagnostic(`${heard.length} of ${sent} were heard`);
  assert.ok(numbers.every((n, i) => i === 0 || n > numbers[i - 1]), `heard ${numbers}`);
  assert.deepEqual(heard.slice(-2), [['q', String(sent - 2)], ['p', String(sent)]]);
  assert.ok(sent - heard.length >= 40);
  assert.equal(await node.metric('troupe_skipped_total'), 0);
  assert.equal(await node.metric('troupe_slow_consumer_total'), 0);
});

// Pins §13.15, §14.3, §16.31.
test('a vanished peer is terminated by the heartbeat, one that answers pings is not', async (t) => {
  const node = await startNode(t, 'relay_node', [
    '--ping-interval', '300ms', '--ping-timeout', '300ms',
  ]);
  const room = freshRoom();
  const alive = await connect(node);
  await alive.join(room);
  const stalled = await stalledReader(t, node, room);
  await alive.expect('userJoined');
  const vanished = await rawWebSocket(node); // never answers a ping
  vanished.write(text({ type: 'join', roomId: room }));
  await alive.expect('userJoined');

  await alive.expect('userLeft', { reason: 'disconnected' });
  await alive.expect('userLeft', { reason: 'disconnected' });

  assert.equal(alive.socket.readyState, alive.socket.OPEN);
  assert.equal(await node.metric('troupe_ws_closed_total', 'heartbeat_timeout'), 2);
  assert.equal((await vanished.closeFrame()).code, undefined);
  await vanished.untilEnded();
  await stalled.resume();
  await alive.fence();
});

// Pins §14.2.
test('clients that came together are pinged for the first time one by one', async (t) => {
  const node = await startNode(t, 'relay_node', ['--ping-interval', '1s']);
  const firstPing = async () => {
    const socket = await rawWebSocket(node);
    const began = performance.now();
    assert.equal((await socket.frame()).opcode, 9);
    const took = performance.now() - began;
    socket.destroy();
    return took;
  };
  let between = 0;
  // A machine that stands still hides the times; all of 20 are rarely that close by themselves.
  for (let tries = 0; between < 100 && tries < 3; ++tries) {
    const times = await Promise.all(Array.from({ length: 20 }, firstPing));
    between = Math.max(...times) - Math.min(...times);
  }

  t.diagnostic(`${between.toFixed(0)} ms from the first to the last`);
  assert.ok(between >= 100, `${between} ms`);
});

test('a peer that only receives is kept as long as it answers pings', async (t) => {
  const node = await startNode(t, 'relay_node', [
    '--ping-interval', '100ms', '--ping-timeout', '2s',
  ]);
  const silent = await connect(node);
  let pings = 0;
  const fifth = new Promise((resolve) =>
    silent.socket.on('ping', () => ++pings === 5 && resolve()),
  );
  await fifth;
  await silent.fence();
});

test('many stalled readers cost no more than their bounds', {
  skip: !longRun && 'a long variant: TROUPE_LONG=1',
}, async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const [sender, other] = await roomOf(node, room, 'json', 'json');
  const readers = 16;
  for (let i = 0; i < readers; ++i) {
    await stalledReader(t, node, room);
    for (const m of [sender, other]) await m.expect('userJoined');
  }
  const before = node.kib('VmRSS');
  let highest = before;
  for (let i = 0; (await node.metric('troupe_slow_consumer_total')) < readers; ++i) {
    assert.ok(i < 400, 'the readers were not cut');
    for (let k = 0; k < 10; ++k) {
      sender.send({ type: 'message', text: 'z'.repeat(60_000) });
      for (const m of [sender, other]) await m.find('message');
    }
    highest = Math.max(highest, node.kib('VmRSS'));
  }
  assert.ok(highest - before < (readers + 16) * 1024, `grew by ${highest - before} KiB`);
});
