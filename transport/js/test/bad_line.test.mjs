// Clients whose connections break in every way, again and again.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { badLine } from './support/bad_line.mjs';
import { Client } from '../src/index.js';
import { codecs, connect, joined, startNode, until, within } from './support/live.mjs';

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

// As with a phone on a train: the line of each is cut every 500 ms. For the last 100 ms before that
// all that is sent is lost, or what the server says only, so that messages and acks are lost.
describe('two clients whose lines are cut all the time', () => {
  const seconds = 6;
  const perSecond = 20;

  /// A client over a line of its own: {line, room, ear, say, sendings}.
  async function onTheTrain(t, node, codec, name) {
    const line = await badLine(t, node);
    const options = { reconnectInterval: 40, maxReconnectInterval: 100, codec: codecs[codec] };
    const client = new Client(line.url, options);
    t.after(() => client.close());
    await within(client.ready, 'a client to be ready');
    const sendings = [];
    const { room, ear } = await joined(client, 'lobby');
    const say = () => sendings.push(room.send(`${name} ${sendings.length}`));
    return { line, name, room, ear, say, sendings };
  }

  async function cutAgainAndAgain({ line }, startMs) {
    await pause(startMs);
    for (let i = 0; i < seconds * 2; ++i) {
      await pause(400);
      line[i % 2 === 0 ? 'mute' : 'stall']();
      await pause(100);
      line.cut();
    }
  }

  for (const [mine, theirs] of [['json', 'msgpack'], ['msgpack', 'json']])
    test(`(${mine} and ${theirs}) lose nothing and double nothing`, async (t) => {
      const node = await startNode(t, 'relay_node');
      const both = [
        await onTheTrain(t, node, mine, 'ann'), await onTheTrain(t, node, theirs, 'bob'),
      ];
      const cuts = both.map((who, i) => cutAgainAndAgain(who, 250 * i));
      for (let i = 0; i < seconds * perSecond; ++i) {
        for (const { say } of both) say();
        await pause(1000 / perSecond);
      }
      await Promise.all(cuts);
      const sendings = both.flatMap((who) => who.sendings);
      const acks = await within(Promise.all(sendings), 'all acks');
      await both[0].room.send('the end');

      for (const { ear } of both) {
        const heard = await textsOf(ear);
        for (const { name, sendings } of both)
          assert.deepEqual(
            heard.filter((text) => text.startsWith(name)), sendings.map((_, i) => `${name} ${i}`),
          );
        assert.equal(heard.length, sendings.length);
      }
      const repeats = acks.filter(({ duplicate }) => duplicate).length;
      t.diagnostic(`${sendings.length} messages, ${repeats} acks of repeats`);
      assert.ok(repeats > 0, 'the lines were good');
    });
});
