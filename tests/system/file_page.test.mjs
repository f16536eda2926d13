// The page of file_node, in Chromium.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { launchBrowser, skip } from './support/browser.mjs';
import { startLastingNode, startNode } from './support/node.mjs';
import { noisyPng } from './support/png.mjs';
import { inSeconds, secretFile, sign, temporaryFolder } from './support/tokens.mjs';
import { within } from './support/wait.mjs';

const secret = 'a-secret-of-the-browser-test-which-is-long';

/// A proxy in front of the node. It passes on what the browser sends, at once or, after
/// `slowDown()`, at 1,000 bytes a second.
async function slowUplink(t, nodePort) {
  let isSlow = false;
  const sockets = new Set();
  const server = net.createServer((browser) => {
    const node = net.connect(nodePort, '127.0.0.1');
    node.pipe(browser);
    browser.on('data', async (bytes) => {
      if (!isSlow) return node.write(bytes);
      browser.pause();
      for (let at = 0; at < bytes.length && !node.destroyed; at += 100) {
        node.write(bytes.subarray(at, at + 100));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      browser.resume();
    });
    for (const [socket, other] of [[browser, node], [node, browser]]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await within(once(server, 'listening'), 'a port');
  return { port: server.address().port, slowDown: () => (isSlow = true) };
}

describe('the page of file_node', { skip }, () => {
  let browser;
  before(async () => (browser = await launchBrowser()));
  after(() => browser?.close());

  async function openPage(t, node, { port = node.port, signedIn = true, locale = 'en-GB' } = {}) {
    const context = await browser.newContext({ locale });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`http://127.0.0.1:${port}/`);
    if (signedIn) await connected(page);
    return page;
  }

  const connected = (page) => page.locator('[data-testid=status][data-state=open]').waitFor();
  const failed = (page, name) => page.locator('.upload.failed').filter({ hasText: name });
  const told = (page, text) => page.getByTestId('result').filter({ hasText: text }).waitFor();

  const choose = (page, ...files) =>
    page
      .getByTestId('files')
      .setInputFiles(
        files.map(([name, buffer]) => ({ name, mimeType: 'application/octet-stream', buffer })),
      );
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
    assert.equal(
      await row(page, 'big.bin')
        .locator('progress')
        .evaluate((bar) => bar.value / bar.max),
      1,
    );
  });

  test('says that a file is too big, and goes on', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const page = await openPage(
      t,
      await startNode(t, 'file_node', ['--folder', received, '--max-message-bytes', '100000']),
    );

    await choose(page, ['too-big.bin', randomBytes(200_000)], ['fits.bin', randomBytes(50_000)]);
    await failed(page, 'too big').waitFor();
    assert.equal(
      await failed(page, 'too-big.bin').getByRole('button').count(),
      0,
      'nothing to try again',
    );
    await done(page, 'fits.bin');
    await told(page, 'fits.bin: Received');

    assert.deepEqual(readdirSync(received), ['fits.bin']);
  });

  test('sends a file again after the node was gone', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const first = await startLastingNode(t, 'file_node', ['--folder', received]);
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

  test('says that the connection was too slow, once the node has waited long enough', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    // A message may take 11.6 s.
    const node = await startNode(t, 'file_node', [
      '--folder', received, '--max-message-bytes', '100KiB',
    ]);
    const uplink = await slowUplink(t, node.port);
    const page = await openPage(t, node, { port: uplink.port });

    uplink.slowDown();
    await choose(page, ['slow.bin', randomBytes(90_000)]);
    await failed(page, 'too slow').waitFor();
    await told(page, 'slow.bin: Not saved');
    assert.equal(
      await failed(page, 'slow.bin').getByRole('button').count(),
      0,
      'nothing to try again',
    );
    assert.deepEqual(readdirSync(received), []);
  });

  test('asks for a token where the node does, and keeps it for the tab', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const token = sign({ sub: 'ann', exp: inSeconds(600) }, secret);
    const node = await startNode(t, 'file_node', [
      '--folder', received, '--jwt-secret-file', secretFile(t, secret),
    ]);
    const page = await openPage(t, node, { signedIn: false });

    for (const bad of [
      'two words', '토큰', sign({ sub: 'ann' }, 'another secret, which the node does not have'),
    ]) {
      await page.getByTestId('token-input').fill(bad);
      await page.getByTestId('sign-in').click();
      await page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
    }
    await page.getByTestId('token-input').fill(token);
    await page.getByTestId('sign-in').click();
    await connected(page);
    assert.equal(await page.getByTestId('login').isVisible(), false);
    await choose(page, ['mine.txt', Buffer.from('hello')]);
    await done(page, 'mine.txt');
    await page.reload();
    await connected(page);

    assert.equal(await page.getByTestId('login').isVisible(), false);
    assert.deepEqual(readdirSync(received), ['mine.txt']);
  });

  test('asks again once the token is not taken any more, and goes on', async (t) => {
    const received = path.join(temporaryFolder(t), 'received');
    const keyed = (key) => ['--folder', received, '--jwt-secret-file', secretFile(t, key)];
    const first = await startLastingNode(t, 'file_node', keyed(secret));
    first.expectedEnd = true;
    const page = await openPage(t, first, { signedIn: false });
    const signIn = async (key) => {
      await page.getByTestId('token-input').fill(sign({ sub: 'ann' }, key));
      await page.getByTestId('sign-in').click();
      await connected(page);
    };

    await signIn(secret);
    first.signal('SIGKILL');
    await first.ended();
    await startNode(t, 'file_node', keyed(`${secret}, and new`), { port: first.port });
    await page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
    await signIn(`${secret}, and new`);
    await choose(page, ['later.txt', Buffer.from('hello')]);

    await done(page, 'later.txt');
  });

  test('has a title in the language of the browser, and an icon', async (t) => {
    const node = await startNode(t, 'file_node', [
      '--folder', path.join(temporaryFolder(t), 'received'),
    ]);
    const page = await openPage(t, node, { locale: 'ko-KR' });

    assert.equal(await page.title(), 'Troupe 파일');
    const { status, headers } = await node.http('/icon.svg');
    assert.deepEqual([status, headers['content-type']], [200, 'image/svg+xml']);
  });

  test('shows the picture that the node sends', async (t) => {
    const folder = temporaryFolder(t);
    const image = path.join(folder, 'picture.png');
    writeFileSync(image, noisyPng(120, 80));
    const page = await openPage(
      t,
      await startNode(t, 'file_node', ['--folder', folder, '--image', image]),
    );

    const picture = page.getByTestId('image');
    await picture.waitFor();
    assert.deepEqual(
      await picture.evaluate(async (i) => (await i.decode(), [i.naturalWidth, i.naturalHeight])),
      [120, 80],
    );
  });
});
