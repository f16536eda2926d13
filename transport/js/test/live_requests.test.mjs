// Rooms of the built nodes that ask clients: a room `quiz…` asks who has sent `quiz`, and tells all
// what has come of it (see site_node.cpp).

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Client } from '../src/index.js';
import { badLine } from './support/bad_line.mjs';
import { codecs, connect, inState, joined, startNode, until, within } from './support/live.mjs';

class PageSocket extends WebSocket {
  terminate = undefined; // as in browsers, which have no such thing
}

/// A client in a room that asks, over a line that can be broken: {line, client, room, asked,
/// answer, errors, results}. `asked`: the questions that it was asked; `answer(value)` ends the last
/// one. `results`: what another client is told, as [code, answer].
async function quizzed(t, codec = 'json') {
  const node = await startNode(t, 'site_node');
  const line = await badLine(t, node);
  const client = new Client(line.url, {
    codec: codecs[codec], WebSocket: PageSocket, reconnectInterval: 100,
    pingAfter: 200, pongTimeout: 200,
  });
  t.after(() => client.close());
  await within(client.ready, 'the client to be ready');
  const { room } = await joined(client, 'quiz');
  const other = await joined(await connect(t, node), 'quiz');
  const made = { line, client, room, asked: [], errors: [], results: [] };
  other.room.on('result', ({ code, answer }) => made.results.push([code, answer]));
  client.on('error', ({ code }) => made.errors.push(code));
  room.onRequest(({ question }) => {
    made.asked.push(question);
    return new Promise((resolve) => (made.answer = resolve));
  });
  return made;
}

const ask = async ({ room, asked }, question, limitMs = 5000) => {
  await room.request('quiz', { question, limitMs });
  await until(() => asked.includes(question), 'the question');
};
const result = ({ results }) => until(() => results.length > 0, 'the result');

/// Nothing arrives any more. The client notices that, since its ping is unanswered, and comes back;
/// the node does not notice it before.
async function loseUnnoticed({ line, client }) {
  line.stall();
  client.request({ type: 'ping' });
  await inState(client, 'reconnecting');
}

for (const codec of ['json', 'msgpack']) {
  test(`a ${codec} client replies to what its room asks`, async (t) => {
    const made = await quizzed(t, codec);
    await ask(made, 'how much?');
    made.answer({ agree: [true, null] });
    await result(made);
    const [[code, answer]] = made.results;
    assert.deepEqual([code, { ...answer }], ['ok', { agree: [true, null] }]);
    await made.client.ping();
    assert.deepEqual([made.asked, made.errors], [['how much?'], []]);
  });

  test(`a ${codec} client that comes back while it thinks replies once`, async (t) => {
    const made = await quizzed(t, codec);
    await ask(made, 'still there?');
    const isAsked = new Promise((resolve) => made.room.on('$request', resolve));
    await loseUnnoticed(made);
    await within(isAsked, 'the second request');
    made.answer('yes');
    await result(made);
    await made.client.ping();
    assert.deepEqual(made.results, [['ok', 'yes']]);
    assert.deepEqual([made.asked, made.errors], [['still there?'], []]);
  });

  test(`a ${codec} client whose reply was lost sends it again`, async (t) => {
    const made = await quizzed(t, codec);
    await ask(made, 'still there?');
    made.line.stall();
    made.answer('yes');
    await inState(made.client, 'reconnecting');
    await result(made);
    await made.client.ping();
    assert.deepEqual(made.results, [['ok', 'yes']]);
    assert.deepEqual([made.asked, made.errors], [['still there?'], []]);
  });
}

test('a client whose reply has arrived is not asked again', async (t) => {
  const made = await quizzed(t);
  await ask(made, 'still there?');
  let requests = 0;
  made.room.on('$request', () => (requests += 1));
  made.line.mute();
  made.answer('yes');
  await inState(made.client, 'reconnecting');
  await within(made.client.ready, 'the client to be back');
  await made.client.ping();
  assert.deepEqual(made.results, [['ok', 'yes']]);
  assert.deepEqual([requests, made.errors], [0, []]);
});

test('a client that thinks for too long is told so', async (t) => {
  const made = await quizzed(t);
  await ask(made, 'quick?', 50);
  await result(made);
  made.answer('too late');
  await until(() => made.errors.length > 0, 'the error');
  assert.deepEqual([made.results, made.errors], [[['timed_out', undefined]], ['timed_out']]);
});

test('a handler that throws does not reply, and neither does nobody', async (t) => {
  const made = await quizzed(t);
  const off = made.room.onRequest(() => {
    throw Object.assign(new Error('out of ideas'), { code: 'mine' });
  });
  await made.room.request('quiz', { question: '?', limitMs: 50 });
  await result(made);
  off();
  await made.room.request('quiz', { question: '?', limitMs: 50 });
  await until(() => made.results.length === 2, 'the second result');
  assert.deepEqual(made.results, Array(2).fill(['timed_out', undefined]));
  assert.deepEqual(made.errors, ['mine', 'no_handler']);
});
