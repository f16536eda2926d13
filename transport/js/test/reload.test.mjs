// A page that is loaded again: its session goes on.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Client } from '../src/index.js';
import { fakeTime, fakeWebSocket, joinedRoom, longestWaits } from './support/fake_websocket.mjs';

const session = (n) => ({ clientId: `c${n}`, resume: `r${n}`, resumeMs: 30_000 });

/// Like sessionStorage; `items` is what lies in it.
function fakeStorage(items = new Map()) {
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, String(value)),
    removeItem: (key) => items.delete(key),
  };
}

/// A tab, in which pages are loaded one after the other.
function openTab(t, storage = fakeStorage()) {
  longestWaits(t);
  globalThis.sessionStorage = storage;
  t.after(() => delete globalThis.sessionStorage);
  return { pass: fakeTime(t), storage };
}

/// Loads a page with a client: {client, sockets, pass}.
function load(t, { pass }, options = {}) {
  const sockets = fakeWebSocket();
  const all = { WebSocket: sockets, resumeAcrossReload: true, ...options };
  const client = new Client('ws://server.test/', all);
  t.after(() => client.close());
  return { client, sockets, pass };
}

/// A page whose client is in the room `lobby`, at 10 of the epoch e1.
async function pageInRoom(t, tab, options) {
  const page = load(t, tab, options);
  page.sockets.last.welcome(session(1));
  await page.pass();
  await joinedRoom(page);
  return page;
}

const windowEvents = new EventTarget();
const hide = () => windowEvents.dispatchEvent(new Event('pagehide'));

/// The page is unloaded: nothing of it goes on.
function unload(...pages) {
  hide();
  for (const { client } of pages) client.close();
}

function show(persisted) {
  windowEvents.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }));
}

const named = [{ roomId: 'lobby', epoch: 'e1', seq: 10 }];
const since = { epoch: 'e1', seq: 10, clientId: 'c1' };

describe('a page that is loaded again', () => {
  before(() => {
    globalThis.addEventListener = (...args) => windowEvents.addEventListener(...args);
    globalThis.removeEventListener = (...args) => windowEvents.removeEventListener(...args);
  });
  after(() => {
    for (const name of ['addEventListener', 'removeEventListener']) delete globalThis[name];
  });

  test('resumes the session, and hears what was said meanwhile', async (t) => {
    const tab = openTab(t);
    unload(await pageInRoom(t, tab));
    const { client, sockets } = load(t, tab);
    assert.deepEqual(client.rooms.map(({ id, state }) => [id, state]), [['lobby', 'joining']]);
    const told = [];
    client.room('lobby').on('*', ({ type, seq }) => told.push([type, seq]));

    sockets.last.welcome(session(2));
    const { ref, ...command } = sockets.last.takeOne();
    const place = { roomId: 'lobby', epoch: 'e1', seq: 12, recovered: true };
    const answer = { rooms: [place], lost: [], userId: 'u1', clientId: 'c1', resume: 'r9' };
    sockets.last.say({ type: 'resumed', ref, ...answer });
    for (const seq of [11, 12]) sockets.last.say({ type: 'message', roomId: 'lobby', seq });

    assert.deepEqual(command, { type: 'resume', resume: 'r1', rooms: named, direct: 0 });
    assert.deepEqual(told, [['joined', 12], ['rejoined', 12], ['message', 11], ['message', 12]]);
    assert.deepEqual([client.clientId, client.room('lobby').joined], ['c1', true]);
  });

  test('goes on behind the last direct that the page before has seen', async (t) => {
    const tab = openTab(t);
    const page = await pageInRoom(t, tab);
    for (const seq of [1, 2]) page.sockets.last.say({ type: 'direct', seq, text: '' });
    unload(page);
    const { client, sockets } = load(t, tab);
    const told = [];
    client.on('direct', ({ seq }) => told.push(seq));
    sockets.last.welcome(session(2));
    const { ref, direct } = sockets.last.takeOne();
    const answer = { rooms: [], lost: [], userId: 'u1', clientId: 'c1', resume: 'r9' };
    sockets.last.say({ type: 'resumed', ref, ...answer, direct: { seq: 3, recovered: true } });
    for (const seq of [2, 3]) sockets.last.say({ type: 'direct', seq, text: '' });
    assert.deepEqual([direct, told], [2, [3]]);
  });

  test('finds in the storage what lies there only from its end to its next load', async (t) => {
    const tab = openTab(t);
    const { items } = tab.storage;
    const page = await pageInRoom(t, tab);
    assert.equal(items.size, 0);
    unload(page);
    assert.equal(items.size, 1);
    load(t, tab);
    assert.equal(items.size, 0);
  });

  test('is a session of its own in a duplicated tab', async (t) => {
    const tab = openTab(t);
    await pageInRoom(t, tab);
    globalThis.sessionStorage = fakeStorage(new Map(tab.storage.items));
    const { client, sockets } = load(t, tab);
    sockets.last.welcome(session(2));
    assert.deepEqual([sockets.last.take(), client.rooms], [[], []]);
    assert.equal(client.clientId, 'c2');
  });

  test('that comes back as it was needs nothing of that', async (t) => {
    const tab = openTab(t);
    const page = await pageInRoom(t, tab);
    hide();
    show(false);
    assert.equal(tab.storage.items.size, 1);
    show(true);
    assert.equal(tab.storage.items.size, 0);
    page.sockets.last.end(1006);
    await page.pass(500);
    page.sockets.last.welcome(session(2));
    assert.equal(page.sockets.last.takeOne().resume, 'r1');
  });

  test('joins its rooms with since if the session is gone', async (t) => {
    const tab = openTab(t);
    unload(await pageInRoom(t, tab));
    const { sockets } = load(t, tab, { profile: { name: 'Ann' } });
    sockets.last.welcome(session(2));
    const { ref } = sockets.last.takeOne();
    sockets.last.say({ type: 'error', ref, code: 'session_gone', message: '', retryable: false });
    const { ref: _, ...join } = sockets.last.takeOne();
    assert.deepEqual(join, { type: 'join', roomId: 'lobby', profile: { name: 'Ann' }, since });
  });

  test('joins in its own name what it joins again', async (t) => {
    const tab = openTab(t);
    unload(await pageInRoom(t, tab));
    const { client, sockets } = load(t, tab);
    const joining = client.room('lobby').join();
    sockets.last.welcome(session(2));
    const { ref } = sockets.last.takeOne();
    const rooms = [{ roomId: 'lobby', epoch: 'e1', seq: 10, recovered: true }];
    const answer = { rooms, lost: [], userId: 'u1', clientId: 'c1', resume: 'r9' };
    sockets.last.say({ type: 'resumed', ref, ...answer });
    assert.equal((await joining).userId, 'u1');
    assert.deepEqual(sockets.last.take(), []);
  });

  test('leaves a room that it does not want any more', async (t) => {
    const tab = openTab(t);
    unload(await pageInRoom(t, tab));
    const { client, sockets } = load(t, tab);
    await client.forget('lobby');
    sockets.last.welcome(session(2));
    const { ref, rooms } = sockets.last.takeOne();
    assert.deepEqual(rooms, []);
    const place = { roomId: 'lobby', epoch: 'e1', seq: 10, recovered: false };
    const answer = { rooms: [place], lost: [], userId: 'u1', clientId: 'c1', resume: 'r9' };
    sockets.last.say({ type: 'resumed', ref, ...answer });
    assert.equal(sockets.last.takeOne().type, 'leave');
  });

  test('before it has resumed hands the same over again', async (t) => {
    const tab = openTab(t);
    unload(await pageInRoom(t, tab));
    const second = load(t, tab);
    second.sockets.last.welcome(session(2));
    await second.pass(29_999);
    unload(second);
    const third = load(t, tab);
    third.sockets.last.welcome(session(3));
    const { resume, rooms } = third.sockets.last.takeOne();
    assert.deepEqual([resume, rooms], ['r1', named]);
  });

  for (const [awayMs, commands] of [[9_999, ['resume']], [10_000, []]])
    test(`20 s after a loss, ${awayMs} ms later sends ${commands}`, async (t) => {
      const tab = openTab(t);
      const page = await pageInRoom(t, tab, { maxReconnectAttempts: 0 });
      page.sockets.last.end();
      await page.pass(20_000);
      unload(page);
      await page.pass(awayMs);
      const { client, sockets } = load(t, tab);
      sockets.last.welcome(session(2));
      assert.deepEqual(sockets.last.take().map(({ type }) => type), commands);
      assert.deepEqual(client.rooms.length, commands.length);
      assert.equal(tab.storage.items.size, 0);
    });

  test('with two clients of one server gives each its own', async (t) => {
    const tab = openTab(t);
    const [first, second] = [await pageInRoom(t, tab), load(t, tab)];
    second.sockets.last.welcome(session(2));
    unload(first, second);
    const next = [load(t, tab), load(t, tab)];
    const resumes = next.map(({ sockets }) => {
      sockets.last.welcome(session(3));
      return sockets.last.takeOne();
    });
    assert.deepEqual(
      resumes.map(({ resume, rooms }) => [resume, rooms.length]),
      [['r1', 1], ['r2', 0]],
    );
    assert.equal(tab.storage.items.size, 0);
  });

  test('may use another storage', async (t) => {
    const tab = openTab(t);
    const storage = fakeStorage();
    unload(await pageInRoom(t, tab, { storage }));
    assert.deepEqual([storage.items.size, tab.storage.items.size], [1, 0]);
    const { sockets } = load(t, tab, { storage });
    sockets.last.welcome(session(2));
    assert.equal(sockets.last.takeOne().resume, 'r1');
  });

  describe('has nothing left', () => {
    test('by a client that was closed', async (t) => {
      const tab = openTab(t);
      const { client, sockets } = await pageInRoom(t, tab);
      client.close();
      hide();
      assert.equal(tab.storage.items.size, 0);
      client.connect();
      sockets.last.welcome(session(2));
      hide();
      assert.equal(tab.storage.items.size, 1);
    });

    for (const reason of ['replaced', 'disconnected'])
      test(`by a client that was ${reason}`, async (t) => {
        const tab = openTab(t);
        const { sockets } = await pageInRoom(t, tab);
        sockets.last.end(1008, reason);
        hide();
        assert.equal(tab.storage.items.size, 0);
      });

    test('of a session whose time is over', async (t) => {
      const tab = openTab(t);
      const { sockets, pass } = await pageInRoom(t, tab, { maxReconnectAttempts: 0 });
      sockets.last.end();
      await pass(30_000);
      hide();
      assert.equal(tab.storage.items.size, 0);
    });

    test('of a server that keeps no sessions', async (t) => {
      const tab = openTab(t);
      load(t, tab).sockets.last.welcome();
      hide();
      assert.equal(tab.storage.items.size, 0);
    });

    test('unless it is asked for', async (t) => {
      const tab = openTab(t);
      await pageInRoom(t, tab, { resumeAcrossReload: false });
      hide();
      assert.equal(tab.storage.items.size, 0);
    });
  });

  describe('works without', () => {
    const refuse = () => {
      throw new Error('not here');
    };
    for (const [what, storage] of Object.entries({
      'a storage': null,
      'one that may be used': { getItem: refuse, setItem: refuse, removeItem: refuse },
      'one that has room': { ...fakeStorage(), setItem: refuse },
      'one that holds what can be read': { ...fakeStorage(), getItem: () => '{"resume":' },
    }))
      test(what, async (t) => {
        const tab = openTab(t, storage);
        unload(await pageInRoom(t, tab));
        const { client, sockets } = load(t, tab);
        sockets.last.welcome(session(2));
        assert.deepEqual([sockets.last.take(), client.clientId], [[], 'c2']);
      });

    test('permission to look for one', async (t) => {
      const tab = openTab(t);
      Object.defineProperty(globalThis, 'sessionStorage', { get: refuse, configurable: true });
      const { client } = await pageInRoom(t, tab);
      hide();
      assert.equal(client.state, 'connected');
    });
  });
});

test('a program that is no page is given a storage to no effect', async (t) => {
  const storage = fakeStorage();
  const tab = { pass: fakeTime(t) };
  const { client } = await pageInRoom(t, tab, { storage });
  client.close();
  assert.equal(storage.items.size, 0);
});

test('a storage that lacks something is refused', () => {
  const storage = { getItem() {}, setItem() {} };
  assert.throws(() => new Client('ws://x/', { storage }), /getItem, setItem, removeItem/);
});
