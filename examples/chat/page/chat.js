/// The chat as this page sees it: its rooms and what the person does in them. What the server says is read in hear.js.
///
/// Events, with their `detail`:
///   `rooms`    the list of rooms, or a count in it, changed
///   `current`  another room is looked at
///   `members`  {room}
///   `typing`   {room}
///   `entry`    {room, entry, isNew}: something was said, or an entry changed
///   `draft`    {room}: a text that was not sent came back
///   `name`     the person's own name may have changed
///   `notice`   {key or code, text?, room?}: something to tell the person

import { hear } from './hear.js';
import { Room } from './room.js';
import { byteLength, personName, roomName } from './text.js';

const typingEveryMs = 3_000;
const maxOpenCommands = 200;

export class Chat extends EventTarget {
  rooms = new Map();
  /// The room that is looked at, or null.
  current = null;
  /// One's own id, different after each connection.
  userId = null;
  /// The name that was chosen, null for the one that the server gives.
  name;
  maxMessageBytes = 0;
  /// Whether the person sees the end of the current room just now; what comes then is not unread.
  attentive = false;

  #connection;
  #memory;
  #connected = false;
  #open = new Map(); // ref -> the command, until it is answered
  #refs = 0;
  #typedAt = 0;
  #typingTimer = 0;

  constructor(connection, memory) {
    super();
    this.#connection = connection;
    this.#memory = memory;
    this.name = memory.name;
    const { ids, current } = memory.rooms;
    for (const id of ids) this.rooms.set(id, new Room(id));
    this.select(current);
    connection.addEventListener('frame', ({ detail }) => hear(this, detail));
    connection.addEventListener('state', () => this.#onState());
  }

  // -- what the person does ------------------------------------------------------------------------------------------------

  join(text) {
    const id = roomName(text);
    if (!id) return this.tell('notice', { code: 'bad_room' });
    if (!this.rooms.has(id)) {
      this.rooms.set(id, new Room(id));
      this.enter(this.rooms.get(id));
    }
    this.select(id);
  }

  leave(room) {
    this.command({ type: 'leave', roomId: room.id });
    this.forget(room);
  }

  select(id) {
    const room = this.rooms.get(id);
    if (!room || room === this.current) return;
    if (this.current?.unread === 0) this.current.firstUnread = null;
    this.current = room;
    this.#typedAt = 0;
    this.tell('current');
    this.read(room);
    this.#remember();
  }

  /// The person has seen what is in the room.
  read(room) {
    if (!room.unread) return;
    room.unread = 0;
    this.tell('rooms');
  }

  /// Returns whether the text is on its way.
  say(text) {
    const room = this.current;
    const command = { type: 'chat', roomId: room?.id, text };
    if (!room || !text.trim()) return false;
    if (this.maxMessageBytes && byteLength(JSON.stringify(command)) + 64 > this.maxMessageBytes) {
      this.tell('notice', { code: 'too_big' });
      return false;
    }
    if (!this.command(command)) {
      this.tell('notice', { key: 'notConnected' });
      return false;
    }
    this.#typedAt = 0;
    room.firstUnread = null;
    return true;
  }

  typing() {
    const now = Date.now();
    if (!this.current || now - this.#typedAt < typingEveryMs) return;
    if (this.#connection.send({ type: 'typing', roomId: this.current.id })) this.#typedAt = now;
  }

  rename(text) {
    const name = personName(text);
    if (!name) return this.tell('notice', { key: 'badName' });
    this.name = name;
    for (const room of this.rooms.values()) if (room.joined) this.takeName(room);
    this.tell('name');
  }

  // -- what both the person and the server lead to -------------------------------------------------------------------------

  /// Sends a command that is to be answered. Returns whether it was sent.
  command(command) {
    const ref = ++this.#refs;
    if (!this.#connection.send({ ...command, ref })) return false;
    this.#open.set(ref, command);
    if (this.#open.size > maxOpenCommands) this.#open.delete(this.#open.keys().next().value);
    return true;
  }

  /// The command that an answer belongs to, if any; asked once.
  answered(ref) {
    const command = this.#open.get(ref);
    this.#open.delete(ref);
    return command;
  }

  enter(room) {
    this.command({ type: 'join', roomId: room.id, ...(this.name && { profile: { name: this.name } }) });
  }

  takeName(room) {
    if (this.name && room.nameOf(this.userId) !== this.name) this.command({ type: 'setUsername', roomId: room.id, username: this.name });
  }

  /// The server has taken the name.
  keepName() {
    this.#memory.name = this.name;
    this.tell('name');
  }

  /// The server refused the name: back to the one before, or to none.
  loseName(name) {
    if (this.name !== name) return;
    this.name = this.#memory.name === name ? null : this.#memory.name;
    this.#memory.name = this.name;
    this.tell('name');
  }

  /// The name that others see here.
  get ownName() {
    return this.current?.nameOf(this.userId) ?? this.name;
  }

  /// The server has put us into a room.
  openHome(id) {
    const room = new Room(id);
    this.rooms.set(id, room);
    return room;
  }

  opened(room) {
    if (!this.current) this.select(room.id);
    this.#remember();
    this.tell('rooms');
  }

  forget(room) {
    const ids = [...this.rooms.keys()];
    const at = ids.indexOf(room.id);
    this.rooms.delete(room.id);
    if (room === this.current) {
      this.current = null;
      this.select(ids[at - 1] ?? ids[at + 1]);
      if (!this.current) this.tell('current');
    }
    this.#remember();
    this.tell('rooms');
  }

  /// A text that may not have arrived goes back to where it was typed.
  giveBack({ roomId, text }) {
    const room = this.rooms.get(roomId);
    if (!room) return;
    room.draft = room.draft ? `${text}\n${room.draft}` : text;
    this.tell('draft', { room });
  }

  watchTyping() {
    clearTimeout(this.#typingTimer);
    const now = Date.now();
    let next = Infinity;
    for (const room of this.rooms.values()) {
      const before = room.typing.size;
      next = Math.min(next, room.expireTyping(now));
      if (room.typing.size < before) this.tell('typing', { room });
    }
    if (next < Infinity) this.#typingTimer = setTimeout(() => this.watchTyping(), next - now + 10);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // -- inside --------------------------------------------------------------------------------------------------------------

  #onState() {
    const was = this.#connected;
    this.#connected = this.#connection.state === 'connected';
    if (was && !this.#connected) this.#onLost();
  }

  #onLost() {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const room of this.rooms.values()) {
      room.joined = false;
      room.typing.clear();
      this.tell('typing', { room });
    }
    const unsent = open.filter((c) => c.type === 'chat');
    for (const command of unsent.reverse()) this.giveBack(command);
    if (unsent.length) this.tell('notice', { key: 'unsent' });
    this.tell('rooms');
  }

  #remember() {
    this.#memory.rooms = { ids: [...this.rooms.keys()], current: this.current?.id ?? null };
  }
}
