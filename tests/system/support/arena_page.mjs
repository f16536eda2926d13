// What people do with the arena's page.

import { until } from './wait.mjs';

/// A player whose fighter is in an arena; `complaints` gathers the page's errors.
export async function player(t, browser, node, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  await page.goto(`http://127.0.0.1:${node.port}/`);
  await page.getByTestId('name').fill(name);
  await page.getByTestId('play').click();
  await inTheArena(page);
  return { page, name, complaints };
}

export const inTheArena = (page) =>
  page.waitForFunction(() => globalThis.arena?.match.own && arena.match.snapshots.newest !== null);

/// The line of that name in the page's scores.
export const score = (page, name) => page.getByTestId('score').filter({ hasText: name });

/// What the page shows: {own, others}, each {n, x, y, h} with its place on the screen in `at`.
export const seen = (page) =>
  page.evaluate(() => {
    const scene = arena.match.scene(performance.now(), 0);
    if (!scene?.own) return null;
    const place = (one) => ({ ...one, at: arena.view.toScreen(one) });
    const others = scene.fighters.filter((one) => one !== scene.own).map(place);
    return { own: place(scene.own), others };
  });

/// Goes for the other fighter and shoots at it, with keys and mouse, until `done()`.
export async function hunt(page, done) {
  const held = new Set();
  const hold = async (key, wanted) => {
    if (wanted === held.has(key)) return;
    await page.keyboard[wanted ? 'down' : 'up'](key);
    if (wanted) held.add(key);
    else held.delete(key);
  };
  await page.mouse.move(500, 350);
  await page.mouse.down();
  await until(
    async () => {
      const scene = await seen(page);
      const target = scene?.others.find(({ h }) => h > 0);
      if (!target) return done();
      const [dx, dy] = [target.x - scene.own.x, target.y - scene.own.y];
      const far = Math.hypot(dx, dy) || 1;
      const { at } = scene.own;
      await page.mouse.move(at.x + (dx / far) * 120, at.y + (dy / far) * 120);
      await hold('d', far > 200 && dx > 60);
      await hold('a', far > 200 && dx < -60);
      await hold('s', far > 200 && dy > 60);
      await hold('w', far > 200 && dy < -60);
      return done();
    },
    'the hunter to score',
    40_000,
  );
  await page.mouse.up();
  for (const key of [...held]) await hold(key, false);
}
