// What /metrics says of a node under load: it keeps Prometheus's rules, is complete from the start,
// and moves with what it counts.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, freshRoom, refused, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { rawWebSocket, text } from './support/raw.mjs';
import { findProgram } from './support/tools.mjs';
import { until } from './support/wait.mjs';

const promtool = findProgram('promtool');

/// Runs `promtool check metrics` on `body`: {code, said}; it says nothing if all is well.
async function lint(body) {
  const child = spawn(promtool, ['check', 'metrics']);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  child.stdin.end(body);
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, said };
}

/// Members of all encodings that talk, make mistakes and leave; one client that is refused, and one
/// that breaks off.
async function load(t, node) {
  const room = freshRoom();
  const members = await roomOf(node, room, 'json', 'msgpack', 'plain');
  const deflated = await connect(node, 'json', { perMessageDeflate: true });
  await deflated.join(room);
  for (const m of members) await m.expect('userJoined');
  for (let i = 0; i < 50; ++i) members[i % 3].send({ type: 'message', text: 'x'.repeat(i * 20) });
  for (const m of [...members, deflated]) for (let i = 0; i < 50; ++i) await m.find('message');
  members[0].send({ type: 'nonsense' });
  members[0].send({ type: 'join', roomId: '' });
  members[0].sendRaw('{');
  for (let i = 0; i < 3; ++i) await members[0].find('error');
  await refused(node, 'json', { path: '/nowhere' });
  await members[2].close();
  const raw = await rawWebSocket(node);
  raw.destroy();
  return { room, members, deflated };
}

const namesOf = async (node) => [...(await node.metrics()).keys()].sort();

test('promtool finds nothing to mend in the metrics of a node under load', async (t) => {
  if (!promtool) return t.skip('left out: there is no promtool (.ci/setup.sh fetches it)');
  const node = await startNode(t, 'relay_node', ['--deflate']);
  assert.deepEqual(await lint((await node.http('/metrics')).body), { code: 0, said: '' });

  await load(t, node);

  assert.deepEqual(await lint((await node.http('/metrics')).body), { code: 0, said: '' });
});

test('no series comes or goes while a node is used', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const before = await namesOf(node);

  await load(t, node);

  assert.deepEqual(await namesOf(node), before);
});

test('the documents name the metrics that there are, with their types and labels', async (t) => {
  const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const table = read('transport/README.md');
  const told = [];
  for (const [, names, type, labels] of table.matchAll(
    /^\| (`(?:troupe|process)_[^|]+) \| (gauge|counter|histogram) \| ([^|]*)\|/gm,
  ))
    for (const [, name] of names.matchAll(/`(\w+)`/g))
      told.push(`${name} ${type} ${[...labels.matchAll(/`(\w+)`/g)].map((l) => l[1]).sort()}`);

  const node = await startNode(t, 'relay_node');
  const { body } = await node.http('/metrics');
  const families = [...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => {
    const first = body.match(new RegExp(`^${name}(?:_bucket)?{(.*)} `, 'm'))?.[1] ?? '';
    const labels = [...first.matchAll(/(\w+)="/g)].map((l) => l[1]).filter((l) => l !== 'le');
    return `${name} ${type} ${labels.sort()}`;
  });
  assert.deepEqual(told.sort(), families.sort());
  const names = families.map((family) => family.split(' ')[0]);
  for (const file of ['README.md', 'transport/README.md', '.github/SECURITY.md'])
    for (const [name] of read(file).matchAll(/\b(?:troupe|process)_[a-z_]+_\w+/g))
      assert.ok(names.includes(name), `${file}: there is no ${name}`);
});

test('messages, deliveries by codec and their times move by what is said', async (t) => {
  const node = await startNode(t, 'relay_node', ['--deflate']);
  const { room, members } = await load(t, node);
  const before = await node.metrics();
  for (let i = 0; i < 20; ++i) members[0].send({ type: 'message', text: 'y' });
  for (const m of members.slice(0, 2))
    for (let i = 0; i < 20; ++i) await m.find('message', { text: 'y' });
  await until(
    async () => (await node.metric('troupe_deliveries_total', 'deflated')) >= 70,
    `all of ${room} to have got it`,
  );
  const after = await node.metrics();

  const grown = (series) => after.get(series) - before.get(series);
  assert.equal(grown('troupe_messages_in_total'), 20);
  assert.equal(grown('troupe_publishes_total'), 20);
  assert.equal(grown('troupe_deliveries_total{codec="v1_json"}'), 20);
  assert.equal(grown('troupe_deliveries_total{codec="v1_msgpack"}'), 20);
  assert.equal(grown('troupe_deliveries_total{codec="v1_json_deflated"}'), 20);
  const batches = grown('troupe_delivery_latency_seconds_count');
  assert.ok(batches >= 1 && batches <= 60, `${batches} flushes`);
  const spent = grown('troupe_delivery_latency_seconds_sum');
  assert.ok(spent > 0 && spent < 5, `${spent} s`);
  assert.ok(grown('troupe_turn_duration_seconds_count') > 0);
});

test("a loop's turns do not count its sleep", async (t) => {
  const node = await startNode(t, 'relay_node');
  const took = () => node.metric('troupe_turn_duration_seconds_sum');
  const turns = () => node.metric('troupe_turn_duration_seconds_count');
  const [client] = await roomOf(node, freshRoom(), 'json');
  const before = { took: await took(), turns: await turns() };
  for (let i = 0; i < 5; ++i) {
    client.send({ type: 'message', text: 'x' });
    await client.find('message');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  assert.ok((await turns()) - before.turns >= 5);
  assert.ok((await took()) - before.took < 0.5);
});

test('bytes in and out are those of the sockets', async (t) => {
  const node = await startNode(t, 'relay_node');
  const [client] = await roomOf(node, freshRoom(), 'json');
  const socket = client.socket._socket;
  const bytes = async () => ({
    received: await node.metric('troupe_received_bytes_total', 'websocket'),
    sent: await node.metric('troupe_sent_bytes_total', 'websocket'),
    written: socket.bytesWritten,
    read: socket.bytesRead,
  });
  const before = await bytes();
  for (const size of [1, 1000, 60_000]) {
    client.send({ type: 'message', text: 'x'.repeat(size) });
    await client.find('message');
  }
  client.sendRaw('{'); // refused, but it counts as read
  await client.find('error');
  const after = await bytes();

  assert.equal(after.received - before.received, after.written - before.written);
  assert.equal(after.sent - before.sent, after.read - before.read);

  const http = () => node.metric('troupe_received_bytes_total', 'http');
  const sent = () => node.metric('troupe_sent_bytes_total', 'http');
  const [one, first] = [await http(), await sent()];
  const { body } = await node.http('/healthz', { headers: { 'X-Padding': 'p'.repeat(3000) } });
  assert.ok((await http()) - one > 3000 && (await http()) - one < 6000);
  assert.ok((await sent()) - first > body.length);
});

test('each end has its reason', async (t) => {
  const node = await startNode(t, 'relay_node');
  const closed = (labels) =>
    node.untilMetric(`troupe_ws_closed_total{${labels}}`, '', (n) => n === 1);
  const [one, other] = [await connect(node), await connect(node, 'msgpack')];
  await one.close();
  await closed('code="none",reason="peer"');
  other.sendRaw('text');
  await other.closed;
  await closed('code="1003",reason="wrong_frame_type"');
  assert.equal(await node.metric('troupe_ws_closed_total'), 2);
  for (const name of await namesOf(node))
    if (name.startsWith('troupe_ws_closed_total'))
      assert.match(name, /\{code="\w+",reason="\w+"\}$/);
});

test('what a reader that stalls has still to get counts by kind and codec, ' +
  'until it is cut', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '0']);
  const room = freshRoom();
  const [sender] = await roomOf(node, room, 'json');
  const deaf = await rawWebSocket(node);
  deaf.write(text({ type: 'join', roomId: room }));
  await deaf.message();
  deaf.socket.pause();
  await sender.expect('userJoined');
  const queued = (labels) => node.metric(`troupe_output_queued_bytes{${labels}}`);
  let highest = 0;
  for (let i = 0; (await node.metric('troupe_slow_consumer_total')) === 0; ++i) {
    assert.ok(i < 5000, 'the reader was not cut');
    sender.send({ type: 'message', text: 'z'.repeat(50_000) });
    await sender.find('message');
    highest = Math.max(highest, await queued('kind="data",codec="plain_json"'));
    assert.equal(await queued('kind="data",codec="v1_msgpack"'), 0);
  }

  assert.ok((await node.metric('troupe_dropped_total', 'slow_consumer')) > 0);
  assert.ok(highest > 500_000, `at most ${highest} bytes were queued`);
  assert.ok((await queued('kind="data",codec="plain_json"')) < 100_000);
  deaf.destroy();
  await node.untilMetric('troupe_output_queued_bytes', '', (n) => n === 0);
});

test('each message that the rate drops counts, and so does the end that follows', async (t) => {
  const node = await startNode(t, 'relay_node', ['--message-rate', '5']);
  const socket = await rawWebSocket(node);
  socket.write(Buffer.concat(Array.from({ length: 60 }, () => text({ type: 'ping' }))));
  const { code, frames } = await socket.closeFrame();
  const heard = frames.filter((f) => JSON.parse(f.payload.toString()).type === 'pong').length;

  assert.equal(code, 1008);
  const taken = await node.metric('troupe_messages_in_total');
  assert.ok(taken - heard > 20, `${heard} of ${taken} were answered`);
  assert.equal(await node.metric('troupe_dropped_total', 'rate_limited'), taken - heard);
  assert.equal(await node.metric('troupe_ws_protocol_error_total', 'flood'), 1);
});
