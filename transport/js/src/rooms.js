import { Emitter } from './emitter.js';
import { Membership } from './membership.js';
import { Room } from './room.js';

/// The rooms that a client knows, each with its membership and the handlers that were given to it.
export class Rooms {
  #commands;
  #options;
  #seats = new Map(); // room id -> {room, membership, handlers}

  /// `options`: what a Membership needs.
  constructor(commands, options) {
    this.#commands = commands;
    this.#options = options;
  }

  get seats() {
    return [...this.#seats.values()];
  }

  /// undefined if the client does not know the room.
  get(id) {
    return this.#seats.get(id);
  }

  /// The same; makes one if there is none.
  seat(id) {
    let seat = this.#seats.get(id);
    if (!seat) {
      const handlers = new Emitter();
      const emit = (type, frame) => {
        handlers.emit(type, frame);
        handlers.emit('*', frame);
      };
      const membership = new Membership(id, this.#commands, this.#options, emit);
      seat = { membership, handlers, room: new Room(id, membership, this.#commands, handlers) };
      this.#seats.set(id, seat);
    }
    return seat;
  }

  delete(id) {
    this.#seats.delete(id);
  }
}
