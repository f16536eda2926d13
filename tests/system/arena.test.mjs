// People play in pages of the arena, in Chromium; and what those pages reckon with.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { decode, encode } from '@msgpack/msgpack';
import { hunt, inTheArena, player, score, seen } from './support/arena_page.mjs';
import { launchBrowser, skip } from './support/browser.mjs';
import { connect } from './support/client.mjs';
import { startLastingNode, startNode } from './support/node.mjs';
import { eventually, until } from './support/wait.mjs';
import { pack, unpack } from '../../examples/arena/page/msgpack.js';
import { bars } from '../../examples/arena/page/quality.js';
import { between, Snapshots } from '../../examples/arena/page/snapshots.js';
import { View } from '../../examples/arena/page/view.js';

const noBots = ['--fill', '0'];

describe('two players with two tabs', { skip }, () => {
  let browser;
  before(async () => (browser = await launchBrowser()));
  after(() => browser?.close());

  const frags = async (page, name) => Number(await score(page, name).getAttribute('data-frags'));

  test('move, shoot and score, and both see it', async (t) => {
    const node = await startNode(t, 'arena', noBots);
    const ann = await player(t, browser, node, 'Ann');
    const bob = await player(t, browser, node, 'Bob');
    await score(ann.page, 'Bob').waitFor();
    const before = (await seen(ann.page)).own;

    await hunt(ann.page, async () => (await frags(ann.page, 'Ann')) > 0);

    const { own } = await seen(ann.page);
    assert.ok(Math.hypot(own.x - before.x, own.y - before.y) > 100);
    await until(async () => (await frags(bob.page, 'Ann')) > 0, 'Bob to see it');
    await bob.page.locator('#news').getByText('brought down').first().waitFor();
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('keep their seat when one reloads', async (t) => {
    const node = await startNode(t, 'arena', noBots);
    const ann = await player(t, browser, node, 'Ann');
    const bob = await player(t, browser, node, 'Bob');
    await hunt(bob.page, async () => (await frags(bob.page, 'Bob')) > 0);
    const number = await score(ann.page, 'Bob').getAttribute('data-number');
    const points = await frags(ann.page, 'Bob');

    await ann.page.evaluate(() => {
      globalThis.rosters = [];
      arena.match.addEventListener('roster', () => rosters.push(structuredClone(arena.match.roster)));
    });
    await bob.page.reload();
    await inTheArena(bob.page);

    assert.equal(await bob.page.locator('#entrance').isVisible(), false);
    assert.equal(await score(bob.page, 'Bob').getAttribute('data-number'), number);
    assert.equal(await frags(bob.page, 'Bob'), points);
    await eventually(async () => {
      const told = await ann.page.evaluate(() =>
        rosters.map((all) => all.find(({ name }) => name === 'Bob')?.away ?? false),
      );
      assert.deepEqual(told, [true, false]);
    });
    const here = (await seen(bob.page)).own;
    await bob.page.keyboard.down('s');
    await until(async () => Math.abs((await seen(bob.page)).own.y - here.y) > 20, 'Bob to walk');
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('have bots around them, which come and go', async (t) => {
    const node = await startNode(t, 'arena', ['--fill', '3']);
    const ann = await player(t, browser, node, 'Ann');
    const bots = ann.page.locator('[data-testid=score][data-bot=true]');
    await eventually(async () => assert.equal(await bots.count(), 2));

    const bob = await player(t, browser, node, 'Bob');

    await eventually(async () => assert.equal(await bots.count(), 1));
    await bob.page.getByTestId('leave').click();
    await bob.page.getByTestId('play').waitFor();
    await eventually(async () => assert.equal(await bots.count(), 2));
    await ann.page.getByTestId('leave').click();
    await node.untilMetric('troupe_rooms', '', (rooms) => rooms === 0);
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('play with thumbs on a phone', async (t) => {
    const node = await startNode(t, 'arena', noBots);
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
    const ann = await player(t, browser, node, 'Ann', phone);
    const touch = await ann.page.context().newCDPSession(ann.page);
    const thumbs = (type, ...touchPoints) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints });
    const before = (await seen(ann.page)).own;

    const [left, right] = [{ x: 90, y: 740, id: 1 }, { x: 300, y: 740, id: 2 }];
    await thumbs('touchStart', left, right);
    await thumbs('touchMove', { ...left, x: 140, y: 790 }, { ...right, y: 680 });

    await until(async () => (await seen(ann.page)).own.x > before.x + 60, 'Ann to walk');
    await ann.page.waitForFunction(() => arena.match.snapshots.newest.shots.size > 0);
    await thumbs('touchEnd');
    const { scrollWidth, innerWidth } = await ann.page.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth, innerWidth,
    }));
    assert.equal(scrollWidth, innerWidth);
    assert.deepEqual(ann.complaints, []);
  });

  test('see how good their connection is', async (t) => {
    const node = await startNode(t, 'arena', noBots);
    const ann = await player(t, browser, node, 'Ann');

    await ann.page.locator('#quality[data-bars="3"]').getByText(/^\d+ ms$/).waitFor();
  });

  test('play on when the node is started again', async (t) => {
    const node = await startLastingNode(t, 'arena', noBots);
    const ann = await player(t, browser, node, 'Ann');
    node.expectedEnd = true;
    node.signal('SIGTERM');
    await node.ended();
    await ann.page.locator('[data-testid=status]:not([data-state=connected])').waitFor();

    await startNode(t, 'arena', noBots, { port: node.port });

    await ann.page.locator('[data-testid=status][data-state=connected]').waitFor({ state: 'attached' });
    await inTheArena(ann.page);
  });
});

describe('the arena', () => {
  test('is entered through a seat that it holds, and through nothing else', async (t) => {
    const node = await startNode(t, 'arena', noBots);
    const ann = await connect(node, 'msgpack');

    ann.send({ type: '$reserve', pattern: 'arena:*', ref: 1 });
    const { roomId } = await ann.find('$reserved', { ref: 1 });
    ann.send({ type: 'join', roomId, ref: 2, profile: { name: 'Ann' } });
    await ann.find('joined', { ref: 2 });
    ann.send({ type: 'join', roomId: 'elsewhere', ref: 3 });

    assert.match(roomId, /^arena:./);
    assert.equal((await ann.find('error', { ref: 3 })).roomId, 'elsewhere');
  });
});

// -- modules of the page --------------------------------------------------------------------------

describe("the page's MessagePack", () => {
  const values = [
    null, true, false, 0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296,
    Number.MAX_SAFE_INTEGER, -1, -32, -33, -128, -40000, -3000000000, Number.MIN_SAFE_INTEGER,
    0.5, -1e300, '', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256), '방'.repeat(30_000), [],
    Array(15).fill(1), Array(16).fill('a'), Array(70_000).fill(0), {}, { a: { b: [1, { c: null }] } },
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key ${i}`, i])),
    new Uint8Array(3), new Uint8Array(300), new Uint8Array(70_000),
  ];
  const plain = (value) => JSON.stringify(value);

  test('reads what another implementation writes', () => {
    for (const value of values) assert.equal(plain(unpack(encode(value))), plain(value));
  });

  test('writes what another implementation reads', () => {
    for (const value of values) assert.equal(plain(decode(pack(value))), plain(value));
  });

  test('refuses what is cut short, what is more than one value, and what has no place', () => {
    const whole = pack({ a: [1, 'text', 0.5] });
    for (let size = 0; size < whole.length; size += 1)
      assert.throws(() => unpack(whole.slice(0, size)), RangeError);
    assert.throws(() => unpack(new Uint8Array([...whole, 0])), RangeError);
    assert.throws(() => unpack(new Uint8Array([0xd4, 1, 0])), TypeError);
    assert.throws(() => pack({ a: undefined }), TypeError);
  });
});

describe('what the page shows', () => {
  const rate = 30;
  const ms = (tick) => (tick * 1000) / rate;
  const state = (tick, x, more = {}) => ({
    tick, fighters: [{ n: 1, x, y: 0, a: 0, h: 3, ...more }], shots: [],
  });
  const shownX = (snapshots, now, delay) => snapshots.at(now, delay).fighters[0].x;

  /// Ticks 0 to 9, which move a fighter by 10 each, and come `latency` late.
  const steady = (latency = 50) => {
    const snapshots = new Snapshots({ rate });
    for (let tick = 0; tick < 10; tick += 1)
      snapshots.add(state(tick, tick * 10), ms(tick) + latency);
    return snapshots;
  };

  test('lies between two states, as far behind as was asked for', () => {
    assert.ok(Math.abs(shownX(steady(), ms(6.5) + 50, ms(2)) - 45) < 0.01);
  });

  test('does not depend on the latency', () => {
    const [near, far] = [20, 300].map((latency) =>
      shownX(steady(latency), ms(6.5) + latency, 100),
    );
    assert.ok(Math.abs(near - far) < 0.01);
  });

  test('goes on for a moment when states stay away, and no longer', () => {
    const snapshots = steady();

    assert.ok(Math.abs(shownX(snapshots, ms(10) + 50, 0) - 100) < 0.01);
    assert.ok(shownX(snapshots, ms(90) + 50, 0) < 125);
  });

  test('keeps its pace when states come in bursts', () => {
    const snapshots = new Snapshots({ rate });
    for (let tick = 0; tick < 30; tick += 1)
      snapshots.add(state(tick, tick * 10), ms(Math.ceil(tick / 3) * 3) + 50); // three at a time

    assert.ok(Math.abs(shownX(snapshots, ms(27) + 50, 100) - 240) < 12);
  });

  test('does not walk to where somebody comes back', () => {
    const snapshots = new Snapshots({ rate });
    snapshots.add(state(1, 0), 0);
    snapshots.add(state(2, 900), ms(1));

    assert.equal(shownX(snapshots, ms(0.5), 0), 900);
  });

  test('leaves out states that come twice or late', () => {
    const snapshots = steady();
    snapshots.add(state(5, 7_000), ms(10) + 50);

    assert.equal(snapshots.newest.tick, 9);
  });

  test('turns the shorter way', () => {
    assert.equal(between(350, 10, 0.5), 360);
    assert.equal(between(10, -10, 0.5), 0);
  });

  test('counts states that were lost or late', () => {
    const snapshots = new Snapshots({ rate });
    for (let tick = 0; tick < 60; tick += 1)
      if (tick % 3 > 0) snapshots.add(state(tick, 0), ms(tick));

    assert.ok(Math.abs(snapshots.lost() - 1 / 3) < 0.05);
    assert.equal(steady().lost(), 0);
    assert.deepEqual([bars(20, 0), bars(120, 0), bars(20, 0.3), bars(null, 0)], [3, 2, 1, 0]);
  });

  test('is the part of the field around the player, and not far over its edge', () => {
    const view = new View();
    view.resize(1000, 760);
    const field = { width: 1600, height: 1000 };

    view.follow({ x: 800, y: 500 }, field);
    assert.deepEqual(view.toScreen({ x: 800, y: 500 }), { x: 500, y: 380 });
    view.follow({ x: 0, y: 0 }, field);
    assert.deepEqual(view.toScreen({ x: 0, y: 0 }), { x: 40, y: 40 });
    assert.deepEqual(view.toField(view.toScreen({ x: 12, y: 34 })), { x: 12, y: 34 });
  });

  test('leaves a phone the lower end for thumbs', () => {
    const view = new View();
    view.resize(390, 844);
    view.covered = 100;

    view.follow({ x: 800, y: 500 }, { width: 1600, height: 1000 });

    const { y } = view.toScreen({ x: 0, y: 1000 });
    assert.ok(view.toScreen({ x: 0, y: 0 }).y >= 100);
    assert.ok(y < 844 - 90);
  });
});
