/// Tells screen readers what others say, once; the log itself is silent,
/// since it is drawn anew with each room.

import { byId, element } from '../dom.js';
import { t } from '../i18n.js';
import { fileSize } from '../text.js';

const maxCharacters = 300;

export function announceMessages(chat) {
  const announcer = byId('announcer');

  chat.addEventListener('entry', ({ detail: { room, entry } }) => {
    if (entry.kind !== 'chat' || entry.mine) return;
    const text =
      entry.text?.slice(0, maxCharacters) ??
      (entry.isPicture ? t().picture : t().file(fileSize(entry.bytes)));
    const told =
      room === chat.current ? `${entry.name}: ${text}` : t().saidIn(entry.name, text, room.id);
    announcer.replaceChildren(element('span', {}, told));
  });
}
