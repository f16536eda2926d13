// Rooms that ask their members, and HTTP handlers that ask users of rooms (`/ask` of site_node).

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';

const asker = (t) => startNode(t, 'site_node', ['--message-rate', '0']);

/// What the node answers who asks a user of a room.
const asked = async (node, room, user) => {
  const url = node.url(`/ask/${room}/${encodeURIComponent(user)}`).replace(/^ws/, 'http');
  const answer = await fetch(url);
  return { status: answer.status, body: await answer.text() };
};

for (const as of ['json', 'msgpack'])
  describe(`a ${as} client`, () => {
    // Pins §4.160, §4.162, §4.163, §5.41.
    test('is asked by its room, and its first answer counts', async (t) => {
      const node = await asker(t);
      const room = freshRoom('quiz');
      const [ann, bob] = [await connect(node, as), await connect(node)];
      await ann.join(room);
      await bob.join(room);
      await ann.expect('userJoined');

      ann.send({ type: 'quiz', question: '\u{1f600}?', ref: 1 });
      const request = await ann.take();
      await ann.expect('ack', { ref: 1 });
      assert.deepEqual(request, {
        type: '$request', roomId: room, requestId: request.requestId, data: { question: '\u{1f600}?' },
      });
      assert.deepEqual(Object.keys(request), ['type', 'roomId', 'requestId', 'data']);
      assert.equal(typeof request.requestId, 'string');

      const { requestId } = request;
      bob.send({ type: '$reply', requestId, data: 'for ann', ref: 2 });
      await bob.expect('error', { ref: 2, request: '$reply', roomId: room, code: 'timed_out' });
      ann.send({ type: '$reply', requestId, data: { agree: [true, null] }, ref: 3 });
      for (const c of [ann, bob])
        await c.expect('result', { code: 'ok', answer: { agree: [true, null] } });
      await ann.expect('ack', { ref: 3 });
      ann.send({ type: '$reply', requestId, data: 'again', ref: 4 });
      await ann.expect('error', { ref: 4, code: 'timed_out' });
      await bob.fence();
    });

    // Pins §4.163.
    test('that does not answer in time is told so', async (t) => {
      const node = await asker(t);
      const ann = await connect(node, as);
      await ann.join(freshRoom('quiz'));
      ann.send({ type: 'quiz', question: '?', limitMs: 50 });
      const { requestId } = await ann.expect('$request');
      await ann.expect('result', { code: 'timed_out' });
      ann.send({ type: '$reply', requestId, data: 1 });
      await ann.expect('error', { request: '$reply', code: 'timed_out' });
    });

    // Pins §4.166.
    test('that loses its connection is asked again once it is back', async (t) => {
      const node = await asker(t);
      const room = freshRoom('quiz');
      const former = await connect(node, as);
      const { epoch, seq } = await former.join(room);
      former.send({ type: 'quiz', question: 'still there?' });
      const request = await former.expect('$request');

      const ann = await connect(node, as);
      ann.send({
        type: 'resume', resume: former.welcome.resume, rooms: [{ roomId: room, epoch, seq }],
      });
      await ann.expect('resumed');
      await ann.expectExactly(request);
      assert.equal((await former.end()).code, 1008);
      ann.send({ type: '$reply', requestId: request.requestId, data: 'yes' });
      await ann.expect('result', { code: 'ok', answer: 'yes' });
      await ann.fence();
    });

    test('is asked by an HTTP handler, which answers with what it says', async (t) => {
      const node = await asker(t);
      const room = freshRoom('quiz');
      const ann = await connect(node, as);
      assert.deepEqual(await asked(node, room, ann.userId), { status: 200, body: 'not_joined' });
      await ann.join(room);

      const answer = asked(node, room, ann.userId);
      const { requestId, data } = await ann.expect('$request', { roomId: room });
      assert.deepEqual(data, { question: 'from outside' });
      ann.send({ type: '$reply', requestId, data: as === 'json' ? [1, 2] : 'hi' });
      const { status, body } = await answer;
      assert.equal(status, 200);
      // The handler passes on the bytes of the client's codec; those of a short text end with it.
      assert.ok(as === 'json' ? body === '[1,2]' : body.endsWith('hi'), body);

      const lost = asked(node, room, ann.userId);
      await ann.expect('$request');
      ann.send({ type: 'leave' });
      assert.equal((await lost).body, 'not_joined');
    });
  });

// Pins §6.21.
test('a plain client is not asked', async (t) => {
  const node = await asker(t);
  const ann = await connect(node, 'plain');
  await ann.join(freshRoom('quiz'));
  ann.send({ type: 'quiz', question: '?' });
  await ann.expectExactly({ type: 'result', code: 'unsupported' });
});
