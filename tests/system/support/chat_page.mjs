// What people do with a page of the chat node.

/// A page in a browser context of its own, so with a storage of its own.
export async function emptyPage(t, browser) {
  const context = await browser.newContext({ locale: 'en-GB' });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

/// A person whose page is connected; `complaints` gathers the page's errors and dialogs.
export async function person(t, browser, node, name, { token } = {}) {
  const page = await emptyPage(t, browser);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(`http://127.0.0.1:${node.port}/`);
  if (token) await signIn(page, token);
  await connected(page);
  if (name) await rename(page, name);
  return { context: page.context(), page, name, complaints };
}

export const hook = (page, id) => page.getByTestId(id);
export const connected = (page) =>
  page.locator('[data-testid=status][data-state=connected]').waitFor();

export async function rename(page, name) {
  await hook(page, 'name-input').fill(name);
  await hook(page, 'name-save').click();
  await hook(page, 'members').getByTestId('member').filter({ hasText: name }).waitFor();
}

export async function signIn(page, token) {
  await hook(page, 'token-input').fill(token);
  await hook(page, 'sign-in').click();
}

export async function enter(page, room) {
  await hook(page, 'room-input').fill(room);
  await hook(page, 'room-join').click();
  await hook(page, 'room-list').getByText(room).first().waitFor();
}

export async function say(page, text) {
  await hook(page, 'message-input').fill(text);
  await hook(page, 'send').click();
}

export const heard = (page, text, from) => {
  const from_ = from ? `[data-user="${from}"]` : '';
  return page
    .locator(`[data-testid=message-list] [data-testid=message]${from_}`)
    .filter({ hasText: text })
    .waitFor();
};
