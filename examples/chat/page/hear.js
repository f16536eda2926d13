/// What each frame of a room means for the chat.

import { urlOf } from './picture.js';

const timeOf = ({ timestamp }) => (timestamp ? Date.parse(timestamp) : Date.now());

function add(chat, room, kind, fields) {
  chat.tell('entry', { room, entry: room.add(kind, Date.now(), fields), isNew: true });
}

/// `what`: {text}, or {url, isPicture, bytes} of a file.
function addSaid(chat, room, frame, what) {
  const { userId } = frame;
  const name = frame.username ?? room.nameOf(userId) ?? userId.slice(0, 8);
  const mine = userId === chat.userId;
  const entry = room.add('chat', timeOf(frame), { userId, name, mine, ...what });
  if (room.typing.delete(userId)) chat.tell('typing', { room });
  const seen = mine || (room === chat.current && chat.attentive);
  if (!seen) room.countUnread(entry);
  chat.tell('entry', { room, entry, isNew: true });
  if (!seen) chat.tell('rooms');
}

const frames = {
  joined(chat, room, { ref }) {
    room.seen = true;
    if (ref === undefined) {
      room.home = true; // the server has put us here, without asking for a name
      chat.takeName(room);
    }
    if (!chat.current) chat.select(room.id);
    chat.remember();
    chat.tell('rooms');
  },

  gap(chat, room) {
    if (room.entries.at(-1)?.kind !== 'gap') add(chat, room, 'gap');
  },

  left(chat, room, { reason, code, message }) {
    if (reason === 'refused')
      return chat.refused(room, { code, message, roomId: room.id, request: 'join' });
    if (chat.rooms.get(room.id) !== room || room.link.state !== 'left') return;
    chat.tell('notice', { key: 'removed', text: message, room: room.id });
    chat.leave(room);
  },

  roomClosed(chat, room) {
    if (room.link.state === 'left') {
      chat.tell('notice', { code: 'room_closed', room: room.id });
      chat.leave(room);
    } else {
      add(chat, room, 'closed');
      chat.tell('rooms');
    }
  },

  roster(chat, room, { members, userCount }) {
    room.setMembers(members, userCount);
    chat.tell('members', { room });
    if (chat.name && room.nameOf(chat.userId) === chat.name) chat.keepName();
    else chat.tell('name');
  },

  userRenamed(chat, room, { userId, username, oldName }) {
    room.renameMember(userId, username, oldName);
    chat.tell('members', { room });
    if (userId !== chat.userId) return;
    if (username === chat.name) chat.keepName();
    else chat.tell('name');
  },

  system(chat, room, frame) {
    const told = presence[frame.event];
    if (told) told(chat, room, frame);
    else add(chat, room, 'note', { text: frame.message });
  },

  chat: (chat, room, frame) => addSaid(chat, room, frame, { text: frame.message }),

  message: (chat, room, frame) =>
    addSaid(chat, room, frame, { text: frame.text ?? JSON.stringify(frame.data) }),

  binary: (chat, room, frame) =>
    addSaid(chat, room, frame, { ...urlOf(frame.data), bytes: frame.data.length }),

  typing(chat, room, { userId, username }) {
    if (userId === chat.userId) return;
    room.startTyping(userId, username, Date.now());
    chat.tell('typing', { room });
    chat.watchTyping();
  },
};

/// The `system` frames that tell of one person.
const presence = {
  joined(chat, room, { userId, username }) {
    room.addMember(userId, username);
    chat.tell('members', { room });
    if (userId !== chat.userId)
      chat.tell('entry', {
        room, ...room.addPresence('joined', Date.now(), { userId, name: username }),
      });
  },

  left(chat, room, { userId, username }) {
    const wasTyping = room.typing.has(userId);
    room.removeMember(userId, username);
    chat.tell('members', { room });
    if (wasTyping) chat.tell('typing', { room });
    chat.tell('entry', {
      room, ...room.addPresence('left', Date.now(), { userId, name: username }),
    });
  },

  renamed(chat, room, { userId, username, oldName }) {
    if (userId !== chat.userId)
      chat.tell('entry', { room, ...room.addRename(Date.now(), userId, username, oldName) });
  },
};

/// Listens to a room for as long as the chat has it.
export function hear(chat, room) {
  for (const [type, onFrame] of Object.entries(frames)) {
    room.link.on(type, (frame) => chat.rooms.get(room.id) === room && onFrame(chat, room, frame));
  }
}
