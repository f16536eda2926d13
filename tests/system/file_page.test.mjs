// The page of file_node, in Chromium.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launchBrowser, skip } from './support/browser.mjs';
import { startNode } from './support/node.mjs';
import { noisyPng } from './support/png.mjs';
import { temporaryFolder } from './support/tokens.mjs';

describe('the page of file_node', { skip }, () => {
  let browser;
  before(async () => (browser = await launchBrowser()));
  after(() => browser?.close());

  async function openPage(t, node) {
    const context = await browser.newContext({ locale: 'en-GB' });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`http://127.0.0.1:${node.port}/`);
    await page.locator('[data-testid=status][data-state=open]').waitFor();
    return page;
  }

  const choose = (page, ...files) =>
    page.getByTestId('files').setInputFiles(files.map(([name, buffer]) => ({ name, mimeType: 'application/octet-stream', buffer })));
  const row = (page, name) => page.locator('.upload').filter({ hasText: name });
  const done = (page, name) => page.locator('.upload.done').filter({ hasText: name }).waitFor();

  test('sends several files, one after the other, whole', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const page = await openPage(t, await startNode(t, 'file_node', ['--folder', received]));
    const big = randomBytes(6_000_000);
    const small = Buffer.from('hello');

    await choose(page, ['big.bin', big], ['안녕.txt', small], ['empty', Buffer.alloc(0)]);
    for (const name of ['big.bin', '안녕.txt', 'empty']) await done(page, name);

    assert.ok(readFileSync(path.join(received, 'big.bin')).equals(big));
    assert.ok(readFileSync(path.join(received, '안녕.txt')).equals(small));
    assert.equal(readFileSync(path.join(received, 'empty')).length, 0);
    assert.equal(await row(page, 'big.bin').locator('progress').evaluate((bar) => bar.value / bar.max), 1);
  });

  test('says that a file is too big, and goes on', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const page = await openPage(t, await startNode(t, 'file_node', ['--folder', received, '--max-message-bytes', '100000']));

    await choose(page, ['too-big.bin', randomBytes(200_000)], ['fits.bin', randomBytes(50_000)]);
    await page.locator('.upload.failed').filter({ hasText: 'too big' }).waitFor();
    await done(page, 'fits.bin');

    assert.deepEqual(readdirSync(received), ['fits.bin']);
  });

  test('sends a file again after the node was gone', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const first = await startNode(t, 'file_node', ['--folder', received]);
    first.expectedEnd = true;
    const page = await openPage(t, first);
    first.signal('SIGSTOP');
    await choose(page, ['again.bin', randomBytes(3_000_000)]);
    await row(page, 'again.bin').waitFor();
    first.signal('SIGKILL');
    await page.locator('.upload.failed').waitFor();
    await startNode(t, 'file_node', ['--folder', received], { port: first.port });

    await row(page, 'again.bin').getByRole('button').click();
    await done(page, 'again.bin');

    assert.equal(readFileSync(path.join(received, 'again.bin')).length, 3_000_000);
  });

  test('shows the picture that the node sends', async (t) => {
    const folder = temporaryFolder(t);
    const image = path.join(folder, 'picture.png');
    writeFileSync(image, noisyPng(120, 80));
    const page = await openPage(t, await startNode(t, 'file_node', ['--folder', folder, '--image', image]));

    const picture = page.getByTestId('image');
    await picture.waitFor();
    assert.deepEqual(await picture.evaluate(async (i) => (await i.decode(), [i.naturalWidth, i.naturalHeight])), [120, 80]);
  });
});
