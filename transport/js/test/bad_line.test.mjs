// Clients whose connections break in every way, again and again.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { badLine } from './support/bad_line.mjs';
import { Client } from '../src/index.js';
import { codecs, connect, joined, startNode, until } from './support/live.mjs';

const final = new Set(['acked', 'failed', 'unknown']);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// What the room has heard up to `the end`.
async function textsOf(ear) {
  const texts = [];
  for (let text; (text = (await ear.take('message')).text) !== 'the end'; ) texts.push(text);
  return texts;
}

/// Says 240 texts over a line that breaks six times. Resolves with {heard, of}: what another client
/// has heard, and the texts whose state is now ...
async function sayOverBadLine(t, codec, args) {
  const node = await startNode(t, 'relay_node', args);
  const line = await badLine(t, node);
  const { ear } = await joined(await connect(t, node), 'lobby');
  const options = { reconnectInterval: 100, pingAfter: 150, pongTimeout: 150 };
  const client = new Client(line.url, { codec: codecs[codec], ...options });
  t.after(() => client.close());
  const room = client.room('lobby');
  await room.join();
  const { members } = room;
  members.start();

  const sendings = [];
  const steps = ['cut', 'end', 'stall', 'mute', 'end', 'cut'];
  for (let i = 0; i < 40 * steps.length; ++i) {
    if (i % 40 === 20) line[steps[Math.floor(i / 40)]]();
    sendings.push(room.send(String(i), { echo: i % 2 === 0 }));
    await pause(10);
  }
  await until(() => sendings.every((s) => final.has(s.state)), 'the last answer');
  await room.send('the end');
  await until(() => members.live && members.total === 2, 'the list of users');

  const of = (state) => sendings.flatMap((s, i) => (s.state === state ? [String(i)] : []));
  const errors = sendings.flatMap((s) => s.error?.code ?? []);
  return { heard: await textsOf(ear), of, errors, said: sendings.map((_, i) => String(i)) };
}

for (const codec of ['json', 'msgpack']) {
  test(`a ${codec} client says everything once and in order`, async (t) => {
    const { heard, of, said } = await sayOverBadLine(t, codec, []);
    assert.deepEqual(heard, said);
    assert.deepEqual(of('acked'), said);
  });

  test(`a ${codec} client without sessions knows what became of its messages`, async (t) => {
    const { heard, of, errors } = await sayOverBadLine(t, codec, ['--resume-window', '0']);
    assert.equal(new Set(heard).size, heard.length, 'nothing is heard twice');
    const acked = new Set(of('acked'));
    assert.deepEqual(heard.filter((text) => acked.has(text)), [...acked]);
    assert.deepEqual(of('failed'), []);
    assert.ok(of('unknown').length >= 2, 'what a stall has swallowed is unknown');
    assert.deepEqual([...new Set(errors)], ['connection_lost']);
  });
}
