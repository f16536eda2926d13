// The unbuilt sources in Chromium. Uses the browser of the system tests, if both are installed.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { connect, joined, startLastingNode, startNode, until } from './support/live.mjs';

const executablePath = '/usr/bin/chromium';
const playwright = new URL(
  '../../../tests/system/node_modules/playwright-core/index.mjs',
  import.meta.url,
);
const skip =
  existsSync(executablePath) && existsSync(fileURLToPath(playwright)) ? false : 'no Chromium here';
const args = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const root = new URL('..', import.meta.url);

/// A server that only keeps sessions: it puts who joins at 10 of the epoch e1, and resumes whoever
/// asks. {url, heard}: `heard` has all commands and close codes.
async function sessionServer(t) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const heard = [];
  let count = 0;
  server.on('connection', (socket) => {
    const n = ++count;
    const say = (frame) => socket.send(JSON.stringify(frame));
    const ids = { userId: 'u', clientId: `c${n}`, resume: `r${n}` };
    say({ type: 'welcome', ...ids, resumeMs: 30_000, heartbeatMs: 0, limits: {} });
    socket.on('close', (code) => heard.push(code));
    socket.on('message', (data) => {
      const { type, ref, roomId, resume, rooms } = JSON.parse(data);
      heard.push({ type, roomId, resume, rooms });
      if (type === 'join') say({ type: 'joined', ref, roomId, userId: 'u', epoch: 'e1', seq: 10 });
      if (type !== 'resume') return;
      const places = rooms.map((room) => ({ ...room, recovered: true }));
      say({ type: 'resumed', ref, ...ids, clientId: 'c1', rooms: places, lost: [] });
      say({ type: 'message', roomId: 'lobby', userId: 'u2', seq: 11, text: 'missed' });
    });
  });
  return { url: `ws://127.0.0.1:${server.address().port}/`, heard };
}

describe('a page', { skip }, () => {
  let browser;
  let server;
  before(async () => {
    const { chromium } = await import(playwright);
    browser = await chromium.launch({ executablePath, args });
    server = http.createServer((request, response) => {
      const isSource = /^\/src\/\w+\.js$/.test(request.url);
      response.setHeader('Content-Type', isSource ? 'text/javascript' : 'text/html');
      response.end(
        isSource
          ? readFileSync(new URL(request.url.slice(1), root))
          : '<!doctype html><title>test</title>',
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  async function open(t) {
    const page = await browser.newPage();
    t.after(() => page.close());
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return { page, complaints };
  }

  test('talks with a client of Node, over a restart', async (t) => {
    const node = await startLastingNode(t, 'relay_node');
    const { page, complaints } = await open(t);
    const { room, ear } = await joined(await connect(t, node, 'msgpack'), 'lobby');
    await page.evaluate(async (url) => {
      const { Client } = await import('/src/index.js');
      window.heard = [];
      window.client = new Client(url);
      window.room = client.room('lobby');
      window.room.on('*', (frame) =>
        heard.push(
          frame.data instanceof Uint8Array ? [...frame.data].join() : (frame.text ?? frame.type),
        ),
      );
      await window.room.join();
      await window.room.send('from the page');
    }, node.url());
    assert.equal((await ear.take('message')).text, 'from the page');

    await room.sendBinary(new Uint8Array([0, 255]));
    await page.waitForFunction(() => heard.includes('0,255'));

    node.signal('SIGTERM');
    await node.ended();
    await startNode(t, 'relay_node', [], { port: node.port });
    await page.waitForFunction(() => heard.includes('gap'));
    await ear.take('gap');
    await page.evaluate(() => window.room.sendData({ bytes: new Uint8Array([1, 2]) }));
    assert.deepEqual((await ear.take('message')).data.bytes, new Uint8Array([1, 2]));
    assert.deepEqual(complaints, []);
  });

  test('shows what became of messages, and who is there', async (t) => {
    const node = await startLastingNode(t, 'relay_node');
    const { page, complaints } = await open(t);
    await joined(await connect(t, node, 'msgpack', { profile: { name: 'Ann' } }), 'lobby');
    await page.evaluate(async (url) => {
      const { Client } = await import('/src/index.js');
      window.client = new Client(url, { profile: { name: 'Bob' } });
      window.room = client.room('lobby');
      window.states = [];
      window.say = (text) =>
        room.send(text).on('state', ({ state }) => states.push(`${text} ${state}`));
      await room.join();
      await room.members.start();
      say('one');
    }, node.url());
    await page.waitForFunction(() => states.includes('one acked'));
    const names = await page.evaluate(() => room.members.users.map((u) => u.profile.name).sort());
    assert.deepEqual(names, ['Ann', 'Bob']);

    node.signal('SIGKILL');
    node.expectedEnd = true;
    await node.ended();
    await page.waitForFunction(() => client.state === 'reconnecting');
    await page.evaluate(() => say('two'));
    await startNode(t, 'relay_node', [], { port: node.port });
    await page.waitForFunction(() => states.includes('two acked'));
    await page.waitForFunction(() => room.members.live && room.members.total === 2);
    assert.deepEqual(complaints, []);
  });

  test('goes on with its session when it is loaded again', async (t) => {
    const { url, heard } = await sessionServer(t);
    const { page, complaints } = await open(t);
    const start = () =>
      page.evaluate(async (url) => {
        const { Client } = await import('/src/index.js');
        window.client = new Client(url, { resumeAcrossReload: true });
        window.texts = [];
        for (const room of client.rooms) room.on('message', ({ text }) => texts.push(text));
        const stored = sessionStorage.length;
        await client.ready;
        return [stored, client.clientId, client.rooms.map(({ id }) => id)];
      }, url);
    assert.deepEqual(await start(), [0, 'c1', []]);
    await page.evaluate(() => client.room('lobby').join());
    await page.reload();
    assert.equal(await page.evaluate(() => sessionStorage.length), 1);
    assert.deepEqual(await start(), [0, 'c1', ['lobby']]);
    await page.waitForFunction(() => texts.includes('missed'));

    const [joined, code, resumed] = JSON.parse(JSON.stringify(heard));
    assert.deepEqual(joined, { type: 'join', roomId: 'lobby' });
    assert.equal(code, 1001);
    const rooms = [{ roomId: 'lobby', epoch: 'e1', seq: 10 }];
    assert.deepEqual(resumed, { type: 'resume', resume: 'r1', rooms });
    await page.evaluate(() => client.close());
    await until(() => heard.includes(1000), 'the close');
    await page.reload();
    assert.deepEqual(await start(), [0, 'c3', []]);
    assert.deepEqual(complaints, []);
  });

  test('hears on its return what was said while another page was shown', async (t) => {
    const node = await startNode(t, 'relay_node');
    const other = await connect(t, node);
    const { room, ear } = await joined(other, 'lobby');
    const { page, complaints } = await open(t);
    const address = page.url();
    const start = () =>
      page.evaluate(async (url) => {
        const { Client } = await import('/src/index.js');
        window.client = new Client(url, { resumeAcrossReload: true });
        window.texts = [];
        client.room('lobby').on('message', ({ text }) => texts.push(text));
        await client.room('lobby').join();
        return client.clientId;
      }, node.url());
    const clientId = await start();
    await page.goto('about:blank');
    await ear.take('userLeft');
    await room.send('missed');
    await page.goto(address);
    assert.equal(await start(), clientId);
    await page.evaluate(() => client.room('lobby').send('the end'));
    await page.waitForFunction(() => texts.includes('the end'));
    assert.deepEqual(await page.evaluate(() => texts), ['missed', 'the end']);
    assert.deepEqual(complaints, []);
  });

  // The room knows the messages of the loads before by their ids.
  test('that is loaded again and again is heard each time', async (t) => {
    const node = await startNode(t, 'relay_node');
    const { ear } = await joined(await connect(t, node), 'lobby');
    const { page, complaints } = await open(t);
    const clientIds = new Set();
    for (let load = 0; load < 3; ++load) {
      if (load > 0) await page.reload();
      const clientId = await page.evaluate(
        async ([url, load]) => {
          const { Client } = await import('/src/index.js');
          window.client = new Client(url, { resumeAcrossReload: true });
          await client.room('lobby').join();
          for (let n = 0; n < 3; ++n) await client.room('lobby').send(`${load} ${n}`);
          return client.clientId;
        },
        [node.url(), load],
      );
      clientIds.add(clientId);
      for (let n = 0; n < 3; ++n) assert.equal((await ear.take('message')).text, `${load} ${n}`);
    }
    assert.equal(clientIds.size, 1);
    assert.deepEqual(complaints, []);
  });

  test('uses the reconnecting WebSocket as the original shows', async (t) => {
    const node = await startNode(t, 'relay_node');
    const { page, complaints } = await open(t);
    const heard = await page.evaluate(async (url) => {
      const { ReconnectingWebSocket } = await import('/src/index.js');
      const ws = new ReconnectingWebSocket(url);
      const isSocket = ws.ws instanceof WebSocket;
      ws.on('open', () => ws.send('{"type":"join","roomId":"r"}'));
      const data = await new Promise((resolve) => ws.on('message', (e) => resolve(e.data)));
      ws.close();
      return [isSocket, JSON.parse(data)];
    }, node.url());
    assert.deepEqual(heard, [true, { type: 'joined', roomId: 'r' }]);
    assert.deepEqual(complaints, []);
  });
});
