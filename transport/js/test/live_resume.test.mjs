// Sessions at the built nodes.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Client } from '../src/index.js';
import { badLine } from './support/bad_line.mjs';
import { codecs, connect, inState, joined, startNode, until, within } from './support/live.mjs';

/// Who has come and gone, as [type, userId].
const comings = (ear) =>
  ear.pending
    .filter(({ type }) => type === 'userLeft' || type === 'userJoined')
    .map(({ type, userId }) => [type, userId]);
const texts = (ear) => ear.pending.filter((f) => f.type === 'message').map((f) => f.text);

/// Two clients in a room of one node, the first over a line that can be broken: {line, ann, hers,
/// his, node}.
async function twoClients(t, codec = 'json', options = {}) {
  const node = await startNode(t, 'relay_node');
  const line = await badLine(t, node);
  const ann = new Client(line.url, { codec: codecs[codec], reconnectInterval: 100, ...options });
  t.after(() => ann.close());
  await within(ann.ready, 'the client to be ready');
  const hers = await joined(ann, 'lobby');
  const his = await joined(await connect(t, node), 'lobby');
  return { node, line, ann, hers, his };
}

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client goes on after each loss, and misses nothing`, async (t) => {
    const { line, ann, hers, his } = await twoClients(t, codec);
    const { userId, clientId } = ann;
    const expected = [];
    for (const [i, way] of ['cut', 'end', 'cut', 'end'].entries()) {
      await hers.room.send(`not echoed ${i}`, { echo: false });
      line[way]();
      await inState(ann, 'reconnecting');
      for (let n = 0; n < 20; ++n) await his.room.send(`missed ${i} ${n}`);
      const queued = hers.room.send(`queued ${i}`);
      await within(queued, 'the message that waited');
      expected.push(...Array.from({ length: 20 }, (_, n) => `missed ${i} ${n}`), `queued ${i}`);
      assert.deepEqual([ann.userId, ann.clientId], [userId, clientId]);
    }
    assert.deepEqual(texts(hers.ear), expected);
    const rejoined = hers.ear.pending.filter((f) => f.type === 'rejoined');
    assert.deepEqual(rejoined.map((f) => f.recovered), [true, true, true, true]);
    const each = Array.from({ length: 4 }, () => [['userLeft', userId], ['userJoined', userId]]);
    assert.deepEqual(comings(his.ear), each.flat());
  });

test('a client whose line is silent takes its session from it, and nobody hears', async (t) => {
  class PageSocket extends WebSocket {
    terminate = undefined; // as in browsers, which have no such thing
  }
  const { line, ann, hers, his } = await twoClients(t, 'json', {
    WebSocket: PageSocket, pingAfter: 200, pongTimeout: 200,
  });
  const { clientId } = ann;
  line.stall();
  const lost = hers.room.send('lost');
  await inState(ann, 'reconnecting');
  await his.room.send('missed');
  await within(ann.ready, 'the client to be back');
  await hers.room.send('the end');
  assert.equal(lost.state, 'acked');
  assert.equal(ann.clientId, clientId);
  assert.deepEqual(texts(hers.ear), ['missed', 'lost', 'the end']);
  await until(() => texts(his.ear).includes('the end'), 'the last message');
  assert.deepEqual(comings(his.ear), []);
});

test('a client does not say again after a loss what is volatile', async (t) => {
  const { line, ann, hers, his } = await twoClients(t);
  await hers.room.send('heard', { delivery: 'volatile' });
  line.mute();
  const moment = hers.room.send('for this moment', { delivery: 'volatile' });
  const kept = hers.room.send('kept');
  await until(() => texts(his.ear).includes('kept'), 'both to be heard');
  line.cut();
  await inState(ann, 'reconnecting');
  assert.deepEqual([moment.state, kept.state], ['unknown', 'sent']);
  await hers.room.send('the end');
  assert.equal((await kept).duplicate, true);
  await until(() => texts(his.ear).includes('the end'), 'the last message');
  assert.deepEqual(texts(his.ear), ['heard', 'for this moment', 'kept', 'the end']);
});

test('a client is where it wants to be, although it has changed its mind meanwhile', async (t) => {
  const { line, ann, hers, his } = await twoClients(t);
  await joined(ann, 'second');
  line.cut();
  await inState(ann, 'reconnecting');
  await hers.room.leave();
  const third = ann.room('third').join();
  await within(third, 'the room that was joined meanwhile');
  assert.deepEqual(
    ann.rooms.map(({ id, state }) => [id, state]),
    [['lobby', 'left'], ['second', 'joined'], ['third', 'joined']],
  );
  await until(async () => (await his.room.presence()).total === 1, 'the client to have left');
});

test('a client whose session another one has taken stops', async (t) => {
  const { node, ann, hers } = await twoClients(t);
  const thief = await connect(t, node);
  const { resume, clientId } = ann.welcome;
  const resumed = await thief.request({ type: 'resume', resume, rooms: [] });
  assert.deepEqual([resumed.clientId, resumed.rooms[0].roomId], [clientId, 'lobby']);
  await inState(ann, 'stopped');
  assert.equal(ann.error.code, 'replaced');
  await assert.rejects(hers.room.send('x'), { code: 'replaced' });
});

test('a client that is closed leaves no session', async (t) => {
  const { node, ann, his } = await twoClients(t);
  const { resume } = ann.welcome;
  ann.close();
  await his.ear.take('userLeft');
  const late = (await connect(t, node)).request({ type: 'resume', resume, rooms: [] });
  await assert.rejects(late, { code: 'session_gone', retryable: false });
});
