/// The chat as this page sees it: its rooms and what the person does in them.
/// What the server says is read in hear.js.
///
/// Events, with their `detail`:
///   `rooms`    the list of rooms, or a count in it, changed
///   `current`  another room is looked at
///   `members`  {room}
///   `typing`   {room}
///   `entry`    {room, entry, isNew}: something was said, or an entry changed
///   `draft`    {room}: something that was not sent came back
///   `name`     the person's own name may have changed
///   `notice`   {key or code, text?, room?}: something to tell the person

import { hear } from './hear.js';
import { Room } from './room.js';
import { byteLength, personName, roomName } from './text.js';

const typingEveryMs = 3_000;
const envelopeBytes = 512; // around a picture
const maxPictureBytes = 256 * 1024;
const untold = new Set(['typing', 'leave']); // the person is not told when these fail

export class Chat extends EventTarget {
  rooms = new Map();
  /// The room that is looked at, or null.
  current = null;
  /// The name that was chosen, null for the one that the server gives.
  name;
  /// Whether the person sees the end of the current room just now; what comes then is not unread.
  attentive = false;

  #client;
  #memory;
  #returned = []; // texts that were not sent, until they are given back together
  #typedAt = 0;
  #typingTimer = 0;

  constructor(client, memory) {
    super();
    this.#client = client;
    this.#memory = memory;
    this.name = memory.name;
    client.on('room', ({ id }) => this.#add(id));
    client.on('state', () => client.state === 'reconnecting' && this.#onLost());
    client.on('error', (error) => this.tellError(error));
    const { ids, current } = memory.rooms;
    for (const id of ids) this.enter(this.#add(id));
    this.select(current);
  }

  /// The person's own id, which changes with each connection.
  get userId() {
    return this.#client.userId;
  }

  /// The largest size of a picture, in bytes; 0 before it is known.
  get pictureBytes() {
    const limits = this.#client.limits;
    if (!limits) return 0;
    const room = limits.maxMessageBytes
      ? Math.floor((limits.maxMessageBytes - envelopeBytes) * 0.75) // base64
      : maxPictureBytes;
    return Math.max(0, Math.min(room, maxPictureBytes));
  }

  // -- what the person does -----------------------------------------------------------------------

  join(text) {
    const id = roomName(text);
    if (!id) return this.tell('notice', { code: 'bad_room' });
    if (!this.rooms.has(id)) this.enter(this.#add(id));
    this.select(id);
  }

  select(id) {
    const room = this.rooms.get(id);
    if (!room || room === this.current) return;
    if (this.current?.unread === 0) this.current.firstUnread = null;
    this.current = room;
    this.#typedAt = 0;
    this.tell('current');
    this.read(room);
    this.remember();
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
    if (!room || !text.trim()) return false;
    const limit = this.#client.limits?.maxMessageBytes;
    if (
      limit &&
      byteLength(JSON.stringify({ text })) + byteLength(room.id) + envelopeBytes > limit
    ) {
      this.tell('notice', { code: 'too_big' });
      return false;
    }
    return this.#send(
      room,
      () => room.link.request('chat', { text }),
      () => this.#giveBack(room, text),
    );
  }

  /// Sends the bytes of a picture. Returns whether it is on its way.
  show(picture) {
    const room = this.current;
    return this.#send(
      room,
      () => room.link.sendBinary(picture),
      () => this.attach(room, room.picture ?? picture),
    );
  }

  /// `picture`: the bytes of a picture that goes with the next text, or null.
  attach(room, picture) {
    room.picture = picture;
    this.tell('draft', { room });
  }

  typing() {
    const now = Date.now();
    if (!this.current || now - this.#typedAt < typingEveryMs) return;
    if (this.current.link.notify('typing')) this.#typedAt = now;
  }

  rename(text) {
    const name = personName(text);
    if (!name) return this.tell('notice', { key: 'badName' });
    this.name = name;
    for (const room of this.rooms.values())
      if (room.joined && room.nameOf(this.userId) !== name) this.takeName(room);
    this.tell('name');
  }

  // -- what both the person and the server lead to ------------------------------------------------

  /// Tells a refusal and removes the room, unless the client still asks to join it.
  async enter(room) {
    try {
      await room.link.join({ profile: () => (this.name ? { name: this.name } : undefined) });
    } catch (error) {
      this.refused(room, error);
    }
  }

  /// The server did not let us into the room.
  refused(room, error) {
    if (room.link.state !== 'left' || this.rooms.get(room.id) !== room) return;
    if (error.code === 'bad_request' && this.name) {
      this.#loseName(this.name);
      this.tell('notice', { key: 'badName' });
      this.enter(room);
    } else {
      this.tellError(error);
      this.leave(room);
    }
  }

  leave(room) {
    const ids = [...this.rooms.keys()];
    const at = ids.indexOf(room.id);
    this.rooms.delete(room.id);
    this.#client.forget(room.id);
    room.clear();
    if (room === this.current) {
      this.current = null;
      this.select(ids[at - 1] ?? ids[at + 1]);
      if (!this.current) this.tell('current');
    }
    this.remember();
    this.tell('rooms');
  }

  async takeName(room) {
    const { name } = this;
    if (!name) return;
    try {
      await room.link.request('setUsername', { username: name });
    } catch (error) {
      if (error.sent && error.code !== 'connection_lost') this.#loseName(name);
      this.tellError(error);
    }
  }

  /// The server has accepted the name.
  keepName() {
    this.#memory.name = this.name;
    this.tell('name');
  }

  /// The name that others see here.
  get ownName() {
    return this.current?.nameOf(this.userId) ?? this.name;
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

  remember() {
    this.#memory.rooms = { ids: [...this.rooms.keys()], current: this.current?.id ?? null };
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /// Tells the person what went wrong, where the page has words for it.
  tellError({ code, message, request, roomId }) {
    const aboutName =
      code === 'bad_request' && (request === 'setUsername' || (request === 'join' && this.name));
    if (untold.has(request) || !code || code === 'connection_lost') return;
    if (aboutName) this.tell('notice', { key: 'badName' });
    else
      this.tell('notice', { code, text: message, room: code === 'bad_room' ? undefined : roomId });
  }

  // -- inside -------------------------------------------------------------------------------------

  #add(id) {
    const room = new Room(id, this.#client.room(id));
    this.rooms.set(id, room);
    hear(this, room);
    return room;
  }

  /// Sends only while connected: a message that waited long would arrive when nobody expects it.
  #send(room, request, undo) {
    if (this.#client.state !== 'connected') {
      this.tell('notice', { key: 'notConnected' });
      return false;
    }
    request().catch((error) => {
      if (error.code === 'connection_lost') this.tell('notice', { key: 'unsent' });
      else this.tellError(error);
      undo();
    });
    this.#typedAt = 0;
    room.firstUnread = null;
    return true;
  }

  /// Puts texts that may not have arrived back where they were typed, in their order.
  #giveBack(room, text) {
    this.#returned.push({ room, text });
    if (this.#returned.length > 1) return;
    setTimeout(() => {
      for (const { room: to, text: one } of this.#returned.splice(0).reverse()) {
        to.draft = to.draft ? `${one}\n${to.draft}` : one;
        this.tell('draft', { room: to });
      }
    });
  }

  /// The server refused the name: goes back to the one before, or to none.
  #loseName(name) {
    if (this.name !== name) return;
    this.name = this.#memory.name === name ? null : this.#memory.name;
    this.#memory.name = this.name;
    this.tell('name');
  }

  #onLost() {
    for (const room of this.rooms.values()) {
      room.typing.clear();
      this.tell('typing', { room });
    }
    this.tell('rooms');
  }
}
