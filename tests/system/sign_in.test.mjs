// People sign in with tokens to the chat node's page, in Chromium.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { launchBrowser, skip } from './support/browser.mjs';
import { connected, emptyPage, heard, hook, person, say, signIn } from './support/chat_page.mjs';
import { startNode } from './support/node.mjs';
import { inSeconds, secretFile, sign } from './support/tokens.mjs';

const secret = 'a-secret-of-the-browser-test-which-is-long';

describe('people with pages of a node that asks for tokens', { skip }, () => {
  let browser;
  before(async () => (browser = await launchBrowser()));
  after(() => browser?.close());

  test('sign in with a token where the node asks for one', async (t) => {
    const node = await startNode(t, 'chat_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const claims = (name) => ({ sub: name, iat: inSeconds(0), exp: inSeconds(600) });
    const ann = await person(t, browser, node, 'Ann', { token: sign(claims('ann'), secret) });
    const page = await ann.context.newPage();
    await page.goto(`http://127.0.0.1:${node.port}/`);

    await signIn(page, sign(claims('bob'), 'another secret, which the node does not have'));
    await page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
    assert.equal(await hook(page, 'status').getAttribute('data-state') === 'connected', false);
    await signIn(page, sign(claims('bob'), secret));
    await connected(page);
    assert.equal(await hook(page, 'login').isVisible(), false);
    await say(ann.page, 'you are in');
    await heard(page, 'you are in', 'Ann');
    await page.reload(); // the tab keeps the token
    await connected(page);
    assert.deepEqual(ann.complaints, []);
  });

  test('sign in while an attempt without a token is under way', async (t) => {
    const node = await startNode(t, 'chat_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const page = await emptyPage(t, browser);
    const held = new EventEmitter(); // holds the page's second question without a token
    let questions = 0;
    await page.route('**/session', async (route) => {
      if (!route.request().headers().authorization && ++questions === 2) {
        held.emit('asked');
        await once(held, 'let go');
      }
      await route.continue();
    });

    const asked = once(held, 'asked');
    await page.goto(`http://127.0.0.1:${node.port}/`);
    await asked;
    await signIn(page, sign({ sub: 'ann' }, secret));
    await hook(page, 'login').waitFor({ state: 'hidden' });
    held.emit('let go');

    await connected(page);
    await say(page, 'I am in');
    await heard(page, 'I am in');
    assert.equal(await hook(page, 'login').isVisible(), false);
    assert.equal(questions, 2);
  });

  test('sign in where the browser refuses to keep anything', async (t) => {
    const node = await startNode(t, 'chat_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const page = await emptyPage(t, browser);
    await page.addInitScript(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException('the quota is exceeded', 'QuotaExceededError');
      };
    });

    await page.goto(`http://127.0.0.1:${node.port}/`);
    await signIn(page, sign({ sub: 'ann' }, secret));

    await connected(page);
    await say(page, 'I am in');
    await heard(page, 'I am in');
  });

  test('bear the name that the token says', async (t) => {
    const node = await startNode(t, 'chat_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const ann = await person(t, browser, node, undefined, {
      token: sign({ sub: 'u-1', username: '김안나' }, secret),
    });
    const bob = await person(t, browser, node, undefined, {
      token: sign({ sub: 'u-2', name: 'Bob' }, secret),
    });

    await say(ann.page, 'who am I?');
    await heard(bob.page, 'who am I?', '김안나');
    await say(bob.page, 'you are you');
    await heard(ann.page, 'you are you', 'Bob');
  });

  test('sign in again once the token has expired', async (t) => {
    const node = await startNode(t, 'chat_node', [
      '--jwt-secret-file', secretFile(t, secret), '--jwt-profile', 'lenient',
    ]);
    const leeway = 30;
    const token = (exp) => sign({ sub: 'ann', name: 'Ann', exp }, secret);
    const page = await emptyPage(t, browser);
    await page.goto(`http://127.0.0.1:${node.port}/`);

    await signIn(page, token(inSeconds(8 - leeway)));
    await connected(page);
    await hook(page, 'login').waitFor();
    await signIn(page, token(inSeconds(600)));
    await connected(page);
    await say(page, 'back again');

    await heard(page, 'back again', 'Ann');
  });
});
