/// One's own name.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { isComposing } from '../text.js';

export function showIdentity(chat, notices, openPanel) {
  const form = byId('identity');
  const input = byId('name');
  const as = byId('as');
  let edited = false; // and not saved yet
  let asked = null; // the name that was just saved, until the server has taken it

  function show() {
    const name = chat.ownName;
    input.placeholder = name ?? '';
    as.textContent = name ? t().as(name) : '';
    if (!edited) input.value = chat.name ?? '';
    if (asked !== null && name === asked) {
      notices.show(t().saved(name));
      asked = null;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    edited = false;
    asked = input.value.trim();
    chat.rename(input.value);
  });
  input.addEventListener('input', () => (edited = true));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && isComposing(event)) event.preventDefault();
  });
  as.addEventListener('click', () => {
    openPanel('rooms');
    input.focus();
    input.select();
  });

  for (const type of ['name', 'current']) chat.addEventListener(type, show);
  inEachLanguage(show);
}
