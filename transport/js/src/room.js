import { Members } from './members.js';

/// One room of a client, made by `client.room(id)`. It stays the same object while the client knows
/// the room.
export class Room {
  #membership;
  #commands;
  #handlers;
  #requests;
  #members = null;

  constructor(id, membership, commands, handlers, requests) {
    this.id = id;
    this.#membership = membership;
    this.#commands = commands;
    this.#handlers = handlers;
    this.#requests = requests;
  }

  /// left, joining, joined or leaving.
  get state() {
    return this.#membership.state;
  }

  get joined() {
    return this.state === 'joined';
  }

  /// `type`: a frame's type, `rejoined`, `gap`, `error`, or `*` for all frames.
  /// Returns a function that removes the handler.
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  off(type, handler) {
    this.#handlers.off(type, handler);
  }

  /// `handler(data)` replies to what the room asks this client, in the place of the handler before:
  /// it returns the reply, or a promise of it. Each request is handled once, and again only if the
  /// handler has thrown, which is told as `error`. Returns a function that removes the handler.
  onRequest(handler) {
    this.#requests.handler = handler;
    return () => {
      if (this.#requests.handler === handler) this.#requests.handler = null;
    };
  }

  /// Joins the room, and joins it again after each loss of the connection, until `leave`.
  /// Resolves with the frame `joined`. After `timeout` the client goes on trying;
  /// after a refusal it does not.
  join(options) {
    return this.#membership.join(options);
  }

  /// Leaves the room. Resolves with the frame `left`, at once if there is no connection.
  leave(options) {
    const answer = this.#membership.leave(options);
    this.#members?.clear();
    return answer;
  }

  /// Tells the others another profile (a map) than the join. Resolves with the `ack`.
  setProfile(profile, options) {
    return this.#membership.setProfile(profile, options, () =>
      this.#members?.onOwnProfile(this.#membership.userId, profile),
    );
  }

  /// The users in the room (a Members), kept up to date from `members.start()` on.
  get members() {
    this.#members ??= new Members(this, (fields, done) =>
      this.#commands.add(
        { type: 'presence', roomId: this.id, ...fields },
        { gate: this.#membership },
        done,
      ),
    );
    return this.#members;
  }

  /// Sends `text` to the room. Resolves with the `ack` once it has its place in the room's order.
  send(text, options) {
    return this.#publish('message', { text }, options);
  }

  /// Sends a value that JSON has; it may contain bytes.
  sendData(data, options) {
    return this.#publish('message', { data: data ?? null }, options);
  }

  /// Sends bytes: a Uint8Array, an ArrayBuffer or a view.
  sendBinary(bytes, options) {
    return this.#publish('binary', { data: bytes }, options);
  }

  /// Sends a message of the application's own type.
  /// Resolves with the `ack` once the room has handled it.
  request(type, fields, { timeout } = {}) {
    const command = { ...fields, type, roomId: this.id };
    return this.#commands.request(command, { timeout, gate: this.#membership });
  }

  /// Like `request`, but without an answer, and not sent if it had to wait.
  /// Returns whether it was sent.
  notify(type, fields) {
    const command = { ...fields, type, roomId: this.id, ref: undefined };
    return this.#commands.notify(command, this.#membership);
  }

  /// Who is in the room, one page: users behind the id `after`, at most `limit` (100).
  /// Resolves with the frame `presence` {members: [{userId, sessions, profile}], total, complete}.
  presence({ after, limit, timeout } = {}) {
    return this.request('presence', { after, limit }, { timeout });
  }

  /// All users in the room, for `for await`; asks for a page of `limit` (1000) at a time.
  /// Whoever is in the room all the while comes once.
  async *users({ limit = 1_000, timeout } = {}) {
    for (let after; ; ) {
      const { members, complete } = await this.presence({ after, limit, timeout });
      yield* members;
      if (complete || members.length === 0) return;
      after = members.at(-1).userId;
    }
  }

  /// What the room keeps of what was said, one page in the order of the room: the messages behind
  /// the position `after`, or right before `before`, else the latest; at most `limit` (100).
  /// Resolves with the frame `history` {epoch, messages, complete, dropped}.
  history({ after, before, limit, timeout } = {}) {
    return this.request('history', { after, before, limit }, { timeout });
  }

  #publish(type, body, { timeout, ...fields } = {}) {
    const id = fields.id ?? this.#commands.newId({ ...fields, type });
    return this.request(type, { ...fields, id, ...body }, { timeout });
  }
}
