/// Puts the page together.

import { Client } from './troupe-client/index.js';
import { Chat } from './chat.js';
import { byId } from './dom.js';
import { changeLanguage, inEachLanguage, otherLanguage, translateDocument } from './i18n.js';
import { memory } from './memory.js';
import { Session } from './session.js';
import { texts } from './texts.js';
import { announceMessages } from './view/announcer.js';
import { showComposer } from './view/composer.js';
import { showIdentity } from './view/identity.js';
import { showLog } from './view/log.js';
import { showLogin } from './view/login.js';
import { showNotices } from './view/notices.js';
import { showPanels } from './view/panels.js';
import { showPeople } from './view/people.js';
import { showRooms } from './view/rooms.js';
import { showStatus } from './view/status.js';

const session = new Session(memory);
const client = new Client('/', {
  token: () => session.token(),
  profile: () => (memory.name ? { name: memory.name } : undefined),
});
const chat = new Chat(client, memory);

inEachLanguage(translateDocument);
inEachLanguage(() => {
  byId('language').lang = otherLanguage();
  byId('language').textContent = texts[otherLanguage()].language;
});
byId('language').addEventListener('click', () => changeLanguage(otherLanguage()));

showLogin(session, client);
showStatus(client);
showRooms(chat);
showPeople(chat);
showLog(chat);
showComposer(chat, client);
announceMessages(chat);
showIdentity(chat, showNotices(chat), showPanels(chat));
