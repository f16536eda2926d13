// Two people chat in two pages of the chat node, in Chromium.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { connect } from './support/client.mjs';
import { startNode } from './support/node.mjs';

const executablePath = '/usr/bin/chromium';
const skip = existsSync(executablePath) ? false : `${executablePath} is not installed`;
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

describe('two people with two pages', { skip }, () => {
  let browser;
  before(async () => (browser = await chromium.launch({ executablePath, args })));
  after(() => browser?.close());

  /// A page in a context of its own (storage of its own), with what it complains about.
  async function person(t, node, name) {
    const context = await browser.newContext({ locale: 'en-GB' });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.goto(`http://127.0.0.1:${node.port}/`);
    await connected(page);
    if (name) await rename(page, name);
    return { context, page, name, complaints };
  }

  const hook = (page, id) => page.getByTestId(id);
  const connected = (page) => page.locator('[data-testid=status][data-state=connected]').waitFor();

  async function rename(page, name) {
    await hook(page, 'name-input').fill(name);
    await hook(page, 'name-save').click();
    await hook(page, 'members').getByTestId('member').filter({ hasText: name }).waitFor();
  }

  async function say(page, text) {
    await hook(page, 'message-input').fill(text);
    await hook(page, 'send').click();
  }

  const heard = (page, text, from) => {
    const from_ = from ? `[data-user="${from}"]` : '';
    return page.locator(`[data-testid=message-list] [data-testid=message]${from_}`).filter({ hasText: text }).waitFor();
  };

  test('hear each other', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');

    await say(ann.page, 'hello, Bob');
    await heard(bob.page, 'hello, Bob', 'Ann');
    await heard(ann.page, 'hello, Bob', 'Ann');
    await say(bob.page, '안녕, Ann');
    await heard(ann.page, '안녕, Ann', 'Bob');

    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('see who is there, who is typing and who goes', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
    await hook(bob.page, 'members').getByTestId('member').filter({ hasText: 'Ann' }).waitFor();

    await hook(bob.page, 'message-input').pressSequentially('I am ty');
    await hook(ann.page, 'typing').filter({ hasText: 'Bob' }).waitFor();

    await bob.context.close();
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor({ state: 'detached' });
  });

  test('send markup as text', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, '<img src=x onerror=alert(1)>');

    const markup = '<b id="injected">bold</b><script>alert(2)</script>';
    await say(bob.page, markup);

    await heard(ann.page, markup);
    assert.equal(await ann.page.locator('#injected').count(), 0);
    assert.equal(await ann.page.locator('img[src="x"]').count(), 0);
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('talk in different rooms', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');

    for (const { page } of [ann, bob]) {
      await hook(page, 'room-input').fill('kitchen');
      await hook(page, 'room-join').click();
      await hook(page, 'room-list').getByText('kitchen').first().waitFor();
    }
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
    await say(ann.page, 'in the kitchen');
    await heard(bob.page, 'in the kitchen', 'Ann');
  });

  test('are joined again after one reloads', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');

    await bob.page.reload();
    await connected(bob.page);
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
    await say(ann.page, 'welcome back');
    await heard(bob.page, 'welcome back', 'Ann');
    await say(bob.page, 'here I am');

    await heard(ann.page, 'here I am', 'Bob');
  });

  for (const signal of ['SIGTERM', 'SIGKILL'])
    test(`go on after the node was ended by ${signal} and started again`, async (t) => {
      const first = await startNode(t, 'chat_node');
      first.expectedEnd = true;
      const ann = await person(t, first, 'Ann');
      const bob = await person(t, first, 'Bob');
      await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();

      first.signal(signal);
      await first.ended();
      await ann.page.locator('[data-testid=status]:not([data-state=connected])').waitFor();
      await startNode(t, 'chat_node', [], { port: first.port });
      await connected(ann.page);
      await connected(bob.page);
      await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
      await say(bob.page, 'after the restart');

      await heard(ann.page, 'after the restart', 'Bob');
      assert.deepEqual([...ann.complaints, ...bob.complaints], []);
    });

  test('chat with a client of the original chat server', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');

    const plain = await connect(node, 'plain');
    plain.send({ type: 'setUsername', username: '철수' });
    plain.send({ type: 'chat', text: 'from 2026' });

    await heard(ann.page, 'from 2026', '철수');
    await say(ann.page, 'from a page');
    const frame = await plain.find('chat', { username: 'Ann' });

    assert.equal(frame.message, 'from a page');
  });

  test('the original browser snippet works in a page', async (t) => {
    const node = await startNode(t, 'relay_node');
    const page = await (await browser.newContext()).newPage();
    const frames = await page.evaluate(
      (url) =>
        new Promise((resolve, reject) => {
          const frames = [];
          const ws = new WebSocket(url);
          ws.onopen = () => {
            ws.send(JSON.stringify({ type: 'join', roomId: 'r' }));
            ws.send(JSON.stringify({ type: 'message', text: '안녕하세요!' }));
          };
          ws.onmessage = (event) => {
            frames.push(JSON.parse(event.data));
            if (frames.length === 2) resolve(frames);
          };
          ws.onerror = () => reject(new Error('the socket failed'));
        }),
      node.url('/', 'localhost'),
    );
    assert.deepEqual(frames[0], { type: 'joined', roomId: 'r' });
    assert.deepEqual({ ...frames[1], userId: '' }, { type: 'message', text: '안녕하세요!', userId: '' });
    await page.context().close();
  });
});
