/// Who is in the current room, and who is typing.

import { byId, coalesced, element, showList } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { avatar } from './entry.js';

const maxShown = 200;

/// {key, name, mine}: the person first, then the others by name.
function sorted(chat, room) {
  const seen = new Map();
  const people = room.members.map(({ userId, username }) => {
    const nth = (seen.get(userId) ?? 0) + 1;
    seen.set(userId, nth);
    return { key: `${userId} ${nth}`, name: username, mine: userId === chat.userId };
  });
  return people.sort((a, b) => b.mine - a.mine || a.name.localeCompare(b.name));
}

function fill(row, { name, mine }) {
  const parts = [avatar(name), element('span', { class: 'name', dir: 'auto', title: name }, name)];
  if (mine) parts.push(element('span', { class: 'you' }, t().you));
  row.replaceChildren(...parts);
}

export function showPeople(chat) {
  const list = byId('members');
  const more = byId('more');
  const typing = byId('typing');

  function showMembers() {
    const room = chat.current;
    const people = room ? sorted(chat, room).slice(0, maxShown) : [];
    showList(list, people, {
      keyOf: (p) => p.key,
      create: () => element('li', { 'data-testid': 'member' }),
      update: fill,
    });
    list.classList.toggle('absent', !room?.joined);
    const rest = (room?.size ?? 0) - people.length;
    more.hidden = rest <= 0;
    more.textContent = t().more(rest);
    byId('title').textContent = byId('title').title = room?.id ?? '';
    byId('count').textContent = room?.size ? t().here(room.size) : '';
  }

  function showTyping() {
    const names = chat.current ? [...chat.current.typing.values()].map((p) => p.name) : [];
    typing.textContent = names.length ? t().typing(names) : '';
  }

  const soon = coalesced(showMembers);
  for (const type of ['members', 'rooms']) chat.addEventListener(type, soon);
  chat.addEventListener('typing', showTyping);
  chat.addEventListener('current', () => {
    showMembers();
    showTyping();
  });
  inEachLanguage(() => {
    showMembers();
    showTyping();
  });
}
