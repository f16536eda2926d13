/// Finds a place: the server holds a seat in an arena with room, or makes one.

const pattern = 'arena:*';
const againMs = 1_500;
const givesHope = new Set(['overloaded', 'room_full', 'room_closed', 'timeout', 'connection_lost']);

/// Asks for a seat. Resolves with `$reserved` {roomId}; the client's own promises do not know it.
function reserve(client) {
  return new Promise((resolve, reject) => {
    const stop = client.on('frame', (frame) => frame.type === '$reserved' && done(resolve, frame));
    const done = (settle, what) => (stop(), settle(what));
    client.request({ type: '$reserve', pattern }).then(
      (frame) => done(resolve, frame),
      (error) => done(reject, error),
    );
  });
}

export class Lobby {
  #client;
  #match;
  #entering = null; // a promise, while the player waits for a place

  constructor(client, match) {
    this.#client = client;
    this.#match = match;
  }

  /// Goes on in the arena that the page was in before it was loaded again. Returns whether there
  /// was one.
  goOn() {
    const room = this.#client.rooms.find(({ id }) => id.startsWith('arena:'));
    if (room) this.#match.watch(room);
    return room !== undefined;
  }

  /// Resolves once the player is in an arena; rejects with why there is none.
  enter() {
    this.#entering ??= this.#enter().finally(() => (this.#entering = null));
    return this.#entering;
  }

  async #enter() {
    await this.#client.ready;
    for (let tries = 5; ; tries -= 1) {
      const error = await this.#try().then(() => null, (why) => why);
      if (!error) return;
      if (tries === 0 || !givesHope.has(error.code)) throw error;
      await new Promise((later) => setTimeout(later, againMs));
    }
  }

  async #try() {
    const { roomId } = await reserve(this.#client);
    const room = this.#client.room(roomId);
    this.#match.watch(room);
    await room.join();
  }

  /// Gives the place up.
  async leave() {
    if (this.#match.room) await this.#client.forget(this.#match.room.id);
  }
}
