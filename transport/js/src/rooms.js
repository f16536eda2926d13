import { Emitter } from './emitter.js';
import { Membership } from './membership.js';
import { Requests } from './requests.js';
import { Room } from './room.js';

/// The rooms that a client knows, each with its membership and the handlers that were given to it.
export class Rooms {
  #commands;
  #options;
  #fail;
  #seats = new Map(); // room id -> {room, membership, handlers, fail}

  /// `options`: what a Membership needs. `fail(error)`: tells what rejects no promise.
  constructor(commands, options, fail) {
    this.#commands = commands;
    this.#options = options;
    this.#fail = fail;
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
      const fail = (error) => {
        handlers.emit('error', error);
        this.#fail(error);
      };
      const membership = new Membership(id, this.#commands, this.#options, emit);
      const requests = new Requests(membership, this.#commands, fail);
      handlers.on('$request', (frame) => requests.onRequest(frame));
      const room = new Room(id, membership, this.#commands, handlers, requests);
      seat = { room, membership, handlers, fail };
      this.#seats.set(id, seat);
    }
    return seat;
  }

  delete(id) {
    this.#seats.delete(id);
  }

  // -- sessions -----------------------------------------------------------------------------------

  /// A new session has begun: joins all rooms again.
  onBegin() {
    for (const { membership } of this.seats) membership.onWelcome();
  }

  /// What `resume` says of the rooms of the session `clientId`.
  positions(clientId) {
    return this.seats.flatMap(({ membership }) => membership.resumeFrom(clientId) ?? []);
  }

  /// The session goes on as `resumed` says. Called before anything else is sent on the connection.
  /// `unchanged`: ids of the rooms that are the same as they were, with the same member.
  /// `tell`: functions that tell the handlers, to be called once commands may go.
  onResumed({ userId, clientId, rooms = [], lost = [] }) {
    const places = byId(rooms);
    const losses = byId(lost);
    const isUnchanged = ([id, { membership }]) => membership.goesOn(places.get(id), clientId);
    const unchanged = new Set([...this.#seats].filter(isUnchanged).map(([id]) => id));
    const tell = [...this.#seats].map(([id, { membership }]) =>
      membership.onResumed(places.get(id), losses.get(id), { userId, clientId }),
    );
    for (const roomId of places.keys()) {
      if (this.#seats.has(roomId)) continue;
      // The client has forgotten it.
      this.#commands.add({ type: 'leave', roomId }, { tied: true, first: true }, () => {});
    }
    return { unchanged, tell };
  }

  /// For another load of the page: a list for `restore`.
  save() {
    return this.seats.flatMap(({ membership }) => membership.save() ?? []);
  }

  restore(saved) {
    for (const room of saved) this.seat(room.roomId).membership.restore(room);
  }
}

const byId = (list) => new Map(list.map((entry) => [entry.roomId, entry]));
