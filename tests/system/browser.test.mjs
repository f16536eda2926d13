// Two people chat in two pages of the chat node, in Chromium.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { launchBrowser, skip } from './support/browser.mjs';
import { connected, enter, heard, hook, person as openPage, say } from './support/chat_page.mjs';
import { connect } from './support/client.mjs';
import { startLastingNode, startNode } from './support/node.mjs';
import { noisyPng } from './support/png.mjs';

describe('two people with two pages', { skip }, () => {
  let browser;
  before(async () => (browser = await launchBrowser()));
  after(() => browser?.close());

  const person = (t, ...whom) => openPage(t, browser, ...whom);

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
    await hook(ann.page, 'members')
      .getByTestId('member')
      .filter({ hasText: 'Bob' })
      .waitFor({ state: 'detached' });
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

    for (const { page } of [ann, bob]) await enter(page, 'kitchen');
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
    await say(ann.page, 'in the kitchen');
    await heard(bob.page, 'in the kitchen', 'Ann');
  });

  test('talk in a room without having given a name', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node);
    const bob = await person(t, node, 'Bob');

    for (const { page } of [ann, bob]) await enter(page, 'plain');
    await hook(ann.page, 'members').getByTestId('member').filter({ hasText: 'Bob' }).waitFor();
    await say(ann.page, 'nobody in particular');
    await heard(bob.page, 'nobody in particular');

    assert.equal(await ann.page.locator('.notice').count(), 0);
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('are not told of a bad name that they have not given', async (t) => {
    const { page } = await person(t, await startNode(t, 'chat_node'));

    const notices = await page.evaluate(async () => {
      const { Chat } = await import('/chat.js');
      const client = { on() {} };
      const refusal = { code: 'bad_request', request: 'join', message: 'why', roomId: 'r' };
      const told = [];
      for (const name of [null, 'Ann']) {
        const chat = new Chat(client, { name, rooms: { ids: [], current: null } });
        chat.addEventListener('notice', ({ detail }) => told.push(detail.key ?? detail.text));
        chat.tellError(refusal);
      }
      return told;
    });

    assert.deepEqual(notices, ['why', 'badName']);
  });

  test('drop text where they write', async (t) => {
    const { page } = await person(t, await startNode(t, 'chat_node'), 'Ann');
    await say(page, 'dragged');
    await heard(page, 'dragged', 'Ann');

    await page.getByText('dragged', { exact: true }).selectText();
    await page
      .getByText('dragged', { exact: true })
      .dragTo(hook(page, 'message-input'), { sourcePosition: { x: 10, y: 8 } });

    assert.equal(await hook(page, 'message-input').inputValue(), 'dragged');
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
      const first = await startLastingNode(t, 'chat_node');
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

  /// The width and height of the last picture in the log, once it is shown.
  const shownPicture = async (page) => {
    const picture = hook(page, 'picture').last();
    await picture.waitFor();
    return picture.evaluate(
      async (image) => (await image.decode(), [image.naturalWidth, image.naturalHeight]),
    );
  };

  test('send pictures, with words', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');

    await hook(ann.page, 'picture-input').setInputFiles({
      name: 'dot.png', mimeType: 'image/png', buffer: noisyPng(300, 200),
    });
    await hook(ann.page, 'preview').waitFor();
    await say(ann.page, 'look at this');

    await heard(bob.page, 'look at this', 'Ann');
    assert.deepEqual(await shownPicture(bob.page), [300, 200]);
    assert.deepEqual(await shownPicture(ann.page), [300, 200]);
    assert.equal(await hook(ann.page, 'preview').isVisible(), false);
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });

  test('send pictures that are too big for the node, shrunk', async (t) => {
    const node = await startNode(t, 'chat_node', ['--max-message-bytes', '65536']);
    const ann = await person(t, node, 'Ann');
    const bob = await person(t, node, 'Bob');

    const buffer = noisyPng(2400, 1200);
    assert.ok(buffer.length > 1_000_000);
    await hook(ann.page, 'picture-input').setInputFiles({
      name: 'big.png', mimeType: 'image/png', buffer,
    });
    await hook(ann.page, 'preview').waitFor();
    await hook(ann.page, 'send').click();

    const [width, height] = await shownPicture(bob.page);
    assert.ok(width >= 64 && width <= 1600, `${width} pixels wide`);
    assert.ok(Math.abs(width / height - 2) < 0.05, `${width} x ${height}`);
    await say(ann.page, 'still here');
    await heard(bob.page, 'still here', 'Ann');
  });

  test('are told of a file that is no picture', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');

    await hook(ann.page, 'picture-input').setInputFiles({
      name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no picture'),
    });

    await ann.page.locator('.notice').filter({ hasText: 'no picture that can be sent' }).waitFor();
    assert.equal(await hook(ann.page, 'preview').isVisible(), false);
  });

  test('get bytes that are no picture as a file', async (t) => {
    const node = await startNode(t, 'chat_node');
    const ann = await person(t, node, 'Ann');
    const sender = await connect(node, 'msgpack');
    await sender.find('joined');

    sender.send({
      type: 'binary',
      roomId: 'lobby',
      data: new TextEncoder().encode('<svg onload=alert(1)>'.repeat(100)),
    });

    await ann.page
      .locator('[data-testid=message] a[download]')
      .filter({ hasText: 'KiB' })
      .waitFor();
    assert.deepEqual(ann.complaints, []);
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
