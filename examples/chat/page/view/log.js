/// What was said in the current room: follows its end, unless the person has scrolled up to read.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { continues, dayRow, entryRow, newRow, startsDay } from './entry.js';

const nearPixels = 60;

export function showLog(chat) {
  const scroller = byId('log');
  const list = byId('messages');
  const empty = byId('empty');
  const emptyText = byId('empty-text');
  const jump = byId('jump');
  const rows = new Map(); // id of an entry -> its row
  let mark = null;
  let follows = true;
  let setTop = 0; // where this view has scrolled to

  const endTop = () => scroller.scrollHeight - scroller.clientHeight;
  const isNearEnd = () => endTop() - scroller.scrollTop < nearPixels;

  function toEnd() {
    scroller.scrollTop = endTop();
    setTop = scroller.scrollTop;
  }

  // -- rows ---------------------------------------------------------------------------------------

  function append(entry, previous) {
    if (startsDay(entry, previous)) list.append(dayRow(entry));
    const isFirstUnread = entry === chat.current.firstUnread;
    if (isFirstUnread) {
      mark?.remove();
      list.append((mark = newRow()));
    }
    const goesOn = !isFirstUnread && continues(entry, previous);
    if (goesOn) rows.get(previous.id)?.classList.add('followed');
    const row = entryRow(entry, goesOn);
    rows.set(entry.id, row);
    list.append(row);
  }

  /// The room keeps a bounded number of entries.
  function trim(oldest) {
    for (const [id, row] of rows) {
      if (id >= oldest.id) break;
      rows.delete(id);
      row.remove();
    }
    while (list.firstElementChild !== rows.get(oldest.id)) list.firstElementChild.remove();
  }

  function redraw() {
    list.replaceChildren();
    rows.clear();
    mark = null;
    const entries = chat.current?.entries ?? [];
    entries.forEach((entry, i) => append(entry, entries[i - 1]));
    update();
  }

  function onEntry({ room, entry, isNew }) {
    if (room !== chat.current) return;
    if (isNew) {
      append(entry, room.entries.at(-2));
      if (rows.size > room.entries.length) trim(room.entries[0]);
    } else if (rows.has(entry.id)) {
      const row = entryRow(entry, false);
      rows.get(entry.id).replaceWith(row);
      rows.set(entry.id, row);
    }
    if (entry.mine) {
      mark?.remove();
      toEnd();
      setFollows(true);
    }
    update();
  }

  // -- scrolling ----------------------------------------------------------------------------------

  function update() {
    const room = chat.current;
    empty.hidden = Boolean(room?.entries.length);
    emptyText.textContent = !room
      ? t().noRoom
      : room.joined || room.seen
        ? t().noMessages
        : t().entering;
    jump.hidden = follows || !room;
    jump.textContent = t().latest(room?.unread ?? 0);
  }

  function attend() {
    chat.attentive = follows && !document.hidden;
    if (chat.attentive && chat.current) chat.read(chat.current);
    update();
  }

  function setFollows(does) {
    follows = does;
    scroller.classList.toggle('follows', does);
    attend();
  }

  /// New entries may move the end after this view has scrolled to it; only the person's own
  /// scrolling counts.
  function onScroll() {
    const byPerson = Math.abs(scroller.scrollTop - Math.min(setTop, endTop())) > 2;
    if (byPerson || !follows) setFollows(isNearEnd());
  }

  /// Shows a room at its first unread entry, or at its end.
  function onCurrent() {
    redraw();
    if (mark) mark.scrollIntoView({ block: 'start' });
    else toEnd();
    setFollows(isNearEnd());
  }

  scroller.addEventListener('scroll', onScroll);
  jump.addEventListener('click', () => {
    toEnd();
    setFollows(true);
    scroller.focus({ preventScroll: true });
  });
  document.addEventListener('visibilitychange', attend);
  const resized = new ResizeObserver(() => follows && toEnd());
  resized.observe(scroller);
  resized.observe(list);

  chat.addEventListener('current', onCurrent);
  chat.addEventListener('entry', ({ detail }) => onEntry(detail));
  chat.addEventListener('rooms', update);
  inEachLanguage(redraw);
  onCurrent();
}
