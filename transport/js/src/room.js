/// One room of a client. Made by `client.room(id)`; it is the same object as long as the client knows the room.
export class Room {
  #membership;
  #commands;
  #handlers;

  constructor(id, membership, commands, handlers) {
    this.id = id;
    this.#membership = membership;
    this.#commands = commands;
    this.#handlers = handlers;
  }

  /// left, joining, joined or leaving.
  get state() {
    return this.#membership.state;
  }

  get joined() {
    return this.state === 'joined';
  }

  /// `type`: that of a frame, `gap`, `error`, or `*` for all frames. Returns a function that takes the handler off again.
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  off(type, handler) {
    this.#handlers.off(type, handler);
  }

  /// Asks to be in the room until `leave`: it is joined again after each loss of the connection.
  /// Resolves with the frame `joined`. After `timed_out` it is still asked for; after a refusal it is not.
  join(options) {
    return this.#membership.join(options);
  }

  /// Resolves with the frame `left`; without a connection at once.
  leave(options) {
    return this.#membership.leave(options);
  }

  /// Says `text` to the room. Resolves with the `ack` once it has its place in the room's order.
  send(text, options) {
    return this.#publish('message', { text }, options);
  }

  /// Sends any value that JSON has, and bytes.
  sendData(data, options) {
    return this.#publish('message', { data: data === undefined ? null : data }, options);
  }

  /// Sends bytes: a Uint8Array, an ArrayBuffer or a view.
  sendBinary(bytes, options) {
    return this.#publish('binary', { data: bytes }, options);
  }

  /// Sends a message of the application's own type. Resolves with the `ack` once the room has handled it.
  request(type, fields, { timeout } = {}) {
    return this.#commands.request({ ...fields, type, roomId: this.id }, { timeout });
  }

  /// The same without an answer; it is not sent at all where it would have to wait. Returns whether it was sent.
  notify(type, fields) {
    return this.#commands.notify({ ...fields, type, roomId: this.id, ref: undefined });
  }

  #publish(type, body, { timeout, ...fields } = {}) {
    return this.request(type, { ...fields, ...body }, { timeout });
  }
}
