/// The list of rooms with their unread marks, the field to join one, and the page's title.

import { byId, element, showList } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { isComposing } from '../text.js';

const shown = (n) => (n > 99 ? '99+' : String(n));

function roomRow() {
  const open = element(
    'button',
    { type: 'button', class: 'room' },
    element('span', { class: 'name', dir: 'auto' }),
    element('span', { class: 'count' }),
  );
  return element('li', {}, open, element('button', { type: 'button', class: 'leave' }, '×'));
}

export function showRooms(chat) {
  const list = byId('rooms');
  const form = byId('join');
  const input = byId('room');

  function fill(row, room) {
    const [open, leave] = row.children;
    const [name, count] = open.children;
    name.textContent = name.title = room.id;
    count.textContent = room.unread ? shown(room.unread) : '';
    open.setAttribute('aria-label', room.unread ? t().unread(room.id, room.unread) : room.id);
    open.setAttribute('aria-current', room === chat.current);
    row.className = [room.unread && 'unread', !room.joined && 'absent'].filter(Boolean).join(' ');
    leave.hidden = room.home;
    leave.title = t().leaveRoom(room.id);
    leave.setAttribute('aria-label', leave.title);
  }

  function show() {
    const rooms = [...chat.rooms.values()];
    showList(list, rooms, { keyOf: (room) => room.id, create: roomRow, update: fill });
    const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
    byId('elsewhere').hidden = !rooms.some((room) => room.unread && room !== chat.current);
    document.title =
      (unread ? `(${shown(unread)}) ` : '') +
      (chat.current ? `${chat.current.id} · ` : '') +
      'Troupe';
  }

  const roomOf = (node) => chat.rooms.get(node.closest('li')?.dataset.key);

  list.addEventListener('click', ({ target }) => {
    const button = target.closest('button');
    if (!button) return;
    if (button.className === 'leave') chat.leave(roomOf(button));
    else chat.select(roomOf(button).id);
  });

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!input.value.trim()) return input.focus();
    chat.join(input.value);
    input.value = '';
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && isComposing(event)) event.preventDefault();
  });

  /// Alt with an arrow goes to the next room.
  addEventListener('keydown', (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const ids = [...chat.rooms.keys()];
    const next = ids[(ids.indexOf(chat.current?.id) + step + ids.length) % ids.length];
    event.preventDefault();
    chat.select(next);
  });

  chat.addEventListener('rooms', show);
  chat.addEventListener('current', show);
  inEachLanguage(show);
}
