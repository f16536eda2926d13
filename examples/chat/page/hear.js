/// What each frame of the server means for the chat.

const againMs = [2_000, 6_000];

/// Rooms that the server closed, or could not let us into again, are asked for a little later.
function enterLater(chat, room, leastMs = 0) {
  const [min, max] = againMs;
  const delay = Math.max(leastMs, min + Math.random() * (max - min));
  setTimeout(() => chat.rooms.get(room.id) === room && !room.joined && chat.enter(room), delay);
}

const timeOf = ({ timestamp }) => (timestamp ? Date.parse(timestamp) : Date.now());

function add(chat, room, kind, fields) {
  chat.tell('entry', { room, entry: room.add(kind, Date.now(), fields), isNew: true });
}

function addSaid(chat, room, frame, name, text) {
  const mine = frame.userId === chat.userId;
  const entry = room.add('chat', timeOf(frame), { userId: frame.userId, name, text, mine });
  if (room.typing.delete(frame.userId)) chat.tell('typing', { room });
  const seen = mine || (room === chat.current && chat.attentive);
  if (!seen) room.countUnread(entry);
  chat.tell('entry', { room, entry, isNew: true });
  if (!seen) chat.tell('rooms');
}

/// About the connection.
const general = {
  welcome(chat, { userId, limits }) {
    chat.userId = userId;
    chat.maxMessageBytes = limits?.maxMessageBytes ?? 0;
    for (const room of chat.rooms.values()) chat.enter(room);
  },

  joined(chat, { ref, roomId, recovered }) {
    const asked = ref !== undefined || recovered !== undefined;
    if (ref !== undefined) chat.answered(ref);
    const room = chat.rooms.get(roomId) ?? (asked ? null : chat.openHome(roomId));
    if (!room) return; // left again meanwhile
    if (!asked) {
      room.home = true;
      chat.takeName(room);
    }
    if (!room.joined && room.seen && room.entries.at(-1)?.kind !== 'gap') add(chat, room, 'gap');
    room.joined = room.seen = true;
    chat.opened(room);
  },

  error(chat, { ref, request, roomId, code, message, retryable, retryAfterMs }) {
    const command = ref !== undefined && chat.answered(ref);
    if (request === 'typing' || request === 'leave') return;
    if (command) refused[command.type](chat, command, { code, retryable, retryAfterMs });
    const aboutName = code === 'bad_request' && (request === 'setUsername' || request === 'join');
    if (aboutName) chat.tell('notice', { key: 'badName' });
    else chat.tell('notice', { code, text: message, room: code === 'bad_room' ? undefined : roomId });
  },

  ack(chat, { ref }) {
    chat.answered(ref);
  },
};

/// What a refused command leaves to do.
const refused = {
  join(chat, { roomId, profile }, { code, retryable, retryAfterMs }) {
    const room = chat.rooms.get(roomId);
    if (!room || room.joined) return;
    if (code === 'bad_request' && profile) {
      chat.loseName(profile.name);
      chat.enter(room);
    } else if (retryable && room.seen) {
      enterLater(chat, room, retryAfterMs);
    } else {
      chat.forget(room);
    }
  },
  chat: (chat, command) => chat.giveBack(command),
  setUsername: (chat, { username }) => chat.loseName(username),
};

/// About a room that the page is in.
const inRoom = {
  left(chat, room, { ref, message }) {
    if (ref !== undefined) return; // the answer to our own `leave`; a room of that name may be new by now
    chat.forget(room);
    chat.tell('notice', { key: 'removed', text: message, room: room.id });
  },

  roomClosed(chat, room) {
    room.joined = false;
    add(chat, room, 'closed');
    chat.tell('rooms');
    enterLater(chat, room);
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

  chat: (chat, room, frame) => addSaid(chat, room, frame, frame.username, frame.message),

  message(chat, room, frame) {
    const name = room.nameOf(frame.userId) ?? frame.userId.slice(0, 8);
    addSaid(chat, room, frame, name, frame.text ?? JSON.stringify(frame.data));
  },

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
    if (userId !== chat.userId) chat.tell('entry', { room, ...room.addPresence('joined', Date.now(), { userId, name: username }) });
  },

  left(chat, room, { userId, username }) {
    const wasTyping = room.typing.has(userId);
    room.removeMember(userId, username);
    chat.tell('members', { room });
    if (wasTyping) chat.tell('typing', { room });
    chat.tell('entry', { room, ...room.addPresence('left', Date.now(), { userId, name: username }) });
  },

  renamed(chat, room, { userId, username, oldName }) {
    if (userId !== chat.userId) chat.tell('entry', { room, ...room.addRename(Date.now(), userId, username, oldName) });
  },
};

export function hear(chat, frame) {
  if (Object.hasOwn(general, frame.type)) return general[frame.type](chat, frame);
  const room = chat.rooms.get(frame.roomId);
  if (room && Object.hasOwn(inRoom, frame.type)) inRoom[frame.type](chat, room, frame);
}
