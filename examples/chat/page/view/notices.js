/// Short notes above the message field; they disappear by themselves.

import { byId, element } from '../dom.js';
import { t } from '../i18n.js';

const shownMs = 8_000;
const maxNotices = 3;

/// The sentence of a chat's `notice`.
function sentence({ key, code, text, room }) {
  if (key === 'removed') return t().removed(room, text);
  const known = t()[key] ?? t().codes[code] ?? text ?? code;
  return room ? t().inRoom(room, known) : known;
}

export function showNotices(chat) {
  const list = byId('notices');

  function show(text) {
    for (const old of list.children) if (old.firstChild.textContent === text) old.remove();
    if (list.children.length === maxNotices) list.firstElementChild.remove();
    const close = element(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': t().close },
      '×',
    );
    const notice = element('div', { class: 'notice' }, element('span', {}, text), close);
    close.addEventListener('click', () => notice.remove());
    setTimeout(() => notice.remove(), shownMs);
    list.append(notice);
  }

  chat.addEventListener('notice', ({ detail }) => show(sentence(detail)));
  return { show };
}
