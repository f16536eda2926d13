import { TroupeError } from './error.js';

const mostKnown = 64;

/// What a room asks this client (`$request`). Each request is handled once: if the room asks again
/// after a loss, it gets the reply of the first time, as soon as it is there. So a reply to the
/// stay in the room before is not sent unless the room has asked again.
///
/// It knows those that have no reply yet, and so many of the others that it knows 64 at most.
export class Requests {
  /// handler(data) returns the data of the reply, or a promise of it; null: nobody replies.
  handler = null;

  #membership;
  #commands;
  #fail;
  #known = new Map(); // epoch and id -> {roomId, requestId, stay, reply}, in the order of asking

  /// `fail(error)`: tells why a request has no reply.
  constructor(membership, commands, fail) {
    this.#membership = membership;
    this.#commands = commands;
    this.#fail = fail;
  }

  onRequest({ roomId, requestId, data }) {
    const { state, epoch, stay } = this.#membership;
    if (state !== 'joined') return;
    const key = `${epoch} ${requestId}`;
    const known = this.#known.get(key);
    const request = Object.assign(known ?? { roomId, requestId }, { stay });
    if (known) this.#reply(known);
    else if (this.handler) this.#handle(key, request, data);
    else this.#fail(new TroupeError({ code: 'no_handler', message, roomId, request: '$request' }));
  }

  async #handle(key, request, data) {
    const { handler } = this;
    this.#known.set(key, request);
    try {
      request.reply = (await handler(data)) ?? null;
    } catch (error) {
      this.#known.delete(key);
      return this.#fail(error);
    }
    for (const [oldKey, { reply }] of this.#known)
      if (reply !== undefined && this.#known.size > mostKnown) this.#known.delete(oldKey);
    this.#reply(request);
  }

  #reply({ roomId, requestId, stay, reply }) {
    const isAwaited = () => stay === this.#membership.stay && this.#commands.connected;
    if (reply === undefined || !isAwaited()) return;
    const command = { type: '$reply', roomId, requestId, data: reply };
    this.#commands.add(command, { gate: stay, tied: true }, (state, error) => {
      if (error && isAwaited()) this.#fail(error);
    });
  }
}

const message = 'Nobody here replies: see onRequest.';
