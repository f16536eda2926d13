/// The arena that the player is in, as this page knows it.
///
/// Events, with their `detail`:
///   `field`   what lies where
///   `roster`  who is in it, or a score, changed
///   `best`    the best of all arenas changed
///   `frag`    {by, of}: entries of the roster, null for who has left
///   `out`     {reason, message?}: the player is not in it any more

import { Snapshots } from './snapshots.js';

const delayMs = 100; // how far what is shown of the others is behind
const catchUpMs = 45; // the own fighter is shown where it should be by now, but never jumps there

export class Match extends EventTarget {
  snapshots = new Snapshots();
  room = null;
  field = null;
  roster = [];
  best = [];

  #client;
  #handlers = [];
  #own = null; // where the own fighter was shown last
  #shownAt = 0;

  constructor(client) {
    super();
    this.#client = client;
  }

  /// The player's entry in the roster, or null.
  get own() {
    return this.roster.find(({ userId }) => userId === this.#client.userId) ?? null;
  }

  /// Watches the room from now on, and no other.
  watch(room) {
    for (const remove of this.#handlers) remove();
    this.#clear();
    this.room = room;
    const on = (type, handler) => room.on(type, handler);
    this.#handlers = [
      on('joined', () => this.snapshots.clear()),
      on('field', (frame) => this.#set('field', frame)),
      on('state', (frame) => this.snapshots.add(frame, performance.now())),
      on('roster', ({ fighters }) => this.#set('roster', fighters)),
      on('best', ({ players }) => this.#set('best', players)),
      on('frag', ({ by, of }) => this.#tell('frag', { by: this.#entry(by), of: this.#entry(of) })),
      on('left', ({ reason, message }) => this.#out({ reason, message })),
      on('roomClosed', ({ reason }) => room.state === 'left' && this.#out({ reason })),
    ];
  }

  /// What to show: {fighters, shots, own}; `aim` is where the player aims, which needs no answer.
  /// Null before the first state.
  scene(now, aim) {
    const scene = this.snapshots.at(now, delayMs);
    if (!scene) return null;
    const number = this.own?.n;
    const at = scene.fighters.findIndex(({ n }) => n === number);
    const ahead = this.snapshots.at(now, 0).fighters.find(({ n }) => n === number);
    if (at >= 0 && ahead) scene.fighters[at] = { ...ahead, ...this.#smooth(ahead, now), a: aim };
    return { ...scene, own: scene.fighters[at] ?? null };
  }

  #smooth({ x, y, h }, now) {
    const before = this.#own;
    const part = 1 - Math.exp(-(now - this.#shownAt) / catchUpMs);
    const walks = before && h > 0 && Math.hypot(x - before.x, y - before.y) < 120;
    this.#own = walks
      ? { x: before.x + (x - before.x) * part, y: before.y + (y - before.y) * part }
      : { x, y };
    this.#shownAt = now;
    return this.#own;
  }

  #entry(number) {
    return this.roster.find(({ n }) => n === number) ?? null;
  }

  #out(why) {
    this.#clear();
    this.#tell('out', why);
  }

  #clear() {
    this.snapshots.clear();
    this.roster = [];
    this.#own = null;
  }

  #set(what, value) {
    this[what] = value;
    this.#tell(what);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
