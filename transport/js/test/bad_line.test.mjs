// A client whose connection breaks in every way, again and again.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { badLine } from './support/bad_line.mjs';
import { Client } from '../src/index.js';
import { codecs, connect, joined, startNode, until } from './support/live.mjs';

const final = new Set(['acked', 'failed', 'unknown']);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for (const codec of ['json', 'msgpack'])
  test(`a ${codec} client knows what became of its messages`, async (t) => {
    const node = await startNode(t, 'relay_node');
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
    const steps = ['cut', 'end', 'stall', 'stall', 'end', 'cut'];
    for (let i = 0; i < 40 * steps.length; ++i) {
      if (i % 40 === 20) line[steps[Math.floor(i / 40)]]();
      sendings.push(room.send(String(i), { echo: i % 2 === 0 }));
      await pause(10);
    }
    await until(() => sendings.every((s) => final.has(s.state)), 'the last answer');
    await room.send('the end');

    const heard = [];
    for (let text; (text = (await ear.take('message')).text) !== 'the end'; ) heard.push(text);
    const of = (state) => sendings.flatMap((s, i) => (s.state === state ? [String(i)] : []));
    assert.equal(new Set(heard).size, heard.length, 'nothing is heard twice');
    const acked = new Set(of('acked'));
    assert.deepEqual(heard.filter((text) => acked.has(text)), [...acked]);
    assert.deepEqual(of('failed'), []);
    assert.ok(of('unknown').length >= 2, 'what a stall has swallowed is unknown');
    const errors = sendings.filter((s) => s.state === 'unknown').map((s) => s.error.code);
    assert.deepEqual([...new Set(errors)], ['connection_lost']);
    await until(() => members.live && members.total === 2, 'the list of users');
  });
