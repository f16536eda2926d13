import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ReconnectingWebSocket } from '../src/index.js';
import { fakeTime, fakeWebSocket, longestWaits } from './support/fake_websocket.mjs';

function start(t, options = {}) {
  longestWaits(t);
  const pass = fakeTime(t);
  const sockets = fakeWebSocket();
  const ws = new ReconnectingWebSocket('ws://localhost:8080', { WebSocket: sockets, ...options });
  t.after(() => ws.close());
  const told = [];
  for (const event of Object.keys(ws.handlers)) ws.on(event, (e) => told.push([event, e]));
  return { ws, sockets, pass, told };
}

test('has the fields of the original', (t) => {
  const { ws, sockets } = start(t);
  const { url, reconnectInterval, maxReconnectAttempts, reconnectAttempts } = ws;
  assert.deepEqual({ url, reconnectInterval, maxReconnectAttempts, reconnectAttempts }, {
    url: 'ws://localhost:8080',
    reconnectInterval: 3000,
    maxReconnectAttempts: 10,
    reconnectAttempts: 0,
  });
  assert.deepEqual(Object.keys(ws.handlers), ['open', 'message', 'close', 'error']);
  assert.equal(ws.ws, sockets.last);
  assert.equal(sockets.last.protocols, undefined);
});

test('passes the raw events on, in the order of the handlers', (t) => {
  const { ws, sockets, told } = start(t);
  ws.on('message', ({ data }) => told.push(['second', data]));

  sockets.last.open();
  sockets.last.say('raw text');
  sockets.last.onerror({ type: 'error' });
  sockets.last.end(1006);

  assert.deepEqual(told.map(([event]) => event), ['open', 'message', 'second', 'error', 'close']);
  assert.equal(told[1][1].data, 'raw text');
  assert.equal(told[4][1].code, 1006);
});

test('ignores handlers of unknown events', (t) => {
  const { ws } = start(t);
  ws.on('toString', () => {});
  ws.on('other', () => {});
});

test('sends while it is open, and says whether it did', (t) => {
  const { ws, sockets } = start(t);
  assert.equal(ws.send('too early'), false);
  sockets.last.open();
  assert.equal(ws.send('now'), true);
  sockets.last.end();
  assert.equal(ws.send('too late'), false);
  assert.deepEqual(sockets.made[0].sent, ['now']);
});

test('opens again after a jittered, growing wait, and counts from zero once open', async (t) => {
  const { ws, sockets, pass } = start(t);

  sockets.last.end();
  assert.equal(ws.reconnectAttempts, 1);
  await pass(2999);
  assert.equal(sockets.made.length, 1);
  await pass(1);
  assert.equal(sockets.made.length, 2);
  sockets.last.end();
  await pass(5999);
  assert.equal(sockets.made.length, 2);
  await pass(1);
  assert.equal(sockets.made.length, 3);

  sockets.last.open();
  assert.equal(ws.reconnectAttempts, 0);
  sockets.last.end();
  await pass(3000);
  assert.equal(sockets.made.length, 4);
});

test('gives up after maxReconnectAttempts in a row', async (t) => {
  const lines = [];
  const { ws, sockets, pass } = start(t, {
    maxReconnectAttempts: 2,
    log: (line) => lines.push(line),
  });
  for (let i = 0; i < 5; ++i) {
    if (sockets.last.readyState < 3) sockets.last.end();
    await pass(60_000);
  }
  assert.equal(sockets.made.length, 3);
  assert.equal(ws.reconnectAttempts, 2);
  assert.equal(lines.at(-1), 'too many attempts to reconnect');
});

test('close is final, in every state', async (t) => {
  const { ws, sockets, pass, told } = start(t);

  sockets.last.open();
  ws.close(1000, 'done');
  assert.deepEqual(sockets.last.closedWith, { code: 1000, reason: 'done' });
  sockets.last.end(1000);
  await pass(60_000);
  assert.equal(sockets.made.length, 1);
  assert.equal(told.at(-1)[0], 'close');

  ws.connect();
  sockets.last.end();
  ws.close();
  await pass(60_000);
  assert.equal(sockets.made.length, 2);
});

test('a handler that throws does not end the reconnecting', async (t) => {
  const { ws, sockets, pass, told } = start(t);
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  ws.handlers.close.unshift(() => {
    throw new Error('mine');
  });

  sockets.last.end();
  await pass(3000);

  assert.deepEqual(reported, ['mine']);
  assert.equal(told.at(-1)[0], 'close');
  assert.equal(sockets.made.length, 2);
});

test('connect gives the old socket up', (t) => {
  const { ws, sockets, told } = start(t);
  const [old] = sockets.made;
  ws.connect();
  old.end();
  old.onerror({ type: 'error' });
  assert.deepEqual(told, []);
  assert.notEqual(old.closedWith, null);
  assert.equal(ws.ws, sockets.last);
});

test('follows a changed reconnectInterval, passes protocols ' +
  'and writes to the console only if asked', async (t) => {
  const log = t.mock.method(console, 'log', () => {});
  const { ws, sockets, pass } = start(t, { protocols: ['a', 'b'] });
  assert.deepEqual(sockets.last.protocols, ['a', 'b']);
  ws.reconnectInterval = 200;
  sockets.last.end();
  await pass(200);
  assert.equal(sockets.made.length, 2);
  assert.equal(log.mock.callCount(), 0);

  const loud = new ReconnectingWebSocket('ws://localhost:8080', { WebSocket: sockets, log: true });
  sockets.last.open();
  assert.equal(log.mock.calls[0].arguments[0], 'connected');
  loud.close();
});
