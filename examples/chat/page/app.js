/// Puts the page together.

import { Chat } from './chat.js';
import { Connection } from './connection.js';
import { byId } from './dom.js';
import { changeLanguage, inEachLanguage, otherLanguage, translateDocument } from './i18n.js';
import { memory } from './memory.js';
import { texts } from './texts.js';
import { announceMessages } from './view/announcer.js';
import { showComposer } from './view/composer.js';
import { showIdentity } from './view/identity.js';
import { showLog } from './view/log.js';
import { showNotices } from './view/notices.js';
import { showPanels } from './view/panels.js';
import { showPeople } from './view/people.js';
import { showRooms } from './view/rooms.js';
import { showStatus } from './view/status.js';

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const connection = new Connection(`${scheme}://${location.host}/`);
const chat = new Chat(connection, memory);

inEachLanguage(translateDocument);
inEachLanguage(() => {
  byId('language').lang = otherLanguage();
  byId('language').textContent = texts[otherLanguage()].language;
});
byId('language').addEventListener('click', () => changeLanguage(otherLanguage()));

showStatus(connection);
showRooms(chat);
showPeople(chat);
showLog(chat);
showComposer(chat, connection);
announceMessages(chat);
showIdentity(chat, showNotices(chat), showPanels(chat));

connection.start();
