import { againMs } from './again.js';
import { Emitter } from './emitter.js';
import { TroupeError } from './error.js';
import { deferred } from './promise.js';

const pageUsers = 1_000;

/// The users in a room, kept up to date: a listing after each join, and what the room tells from
/// then on. The server sends both in one order, so the list converges to the truth; while it is
/// made again after a loss it still shows the former one.
///
/// It holds each user of the room once. Event: `change`, with this object.
export class Members {
  #room;
  #ask;
  #handlers = new Emitter();
  #users = new Map(); // user id -> {userId, profile, away}
  #total = 0;
  #isComplete = false;
  #listed = null; // the promise of `start`, while the room is followed
  #seen = null; // ids that the listing under way has named; null: there is none
  #run; // a new object for each listing
  #timer;
  #stopHearing = [];

  /// `ask(fields, done)` sends `presence`; it calls `done` as `Commands.add` does, at once when the
  /// answer comes: what the room tells next must find that answer in the list.
  constructor(room, ask) {
    this.#room = room;
    this.#ask = ask;
  }

  // -- properties ---------------------------------------------------------------------------------

  /// Whether the list is whole and follows the room.
  get live() {
    return this.#isComplete && this.#room.joined;
  }

  /// How many users are in the room. While the list is made it may hold fewer.
  get total() {
    return this.#isComplete ? this.#users.size : this.#total;
  }

  /// [{userId, profile, away}], in no order. `away`: true while the user's connections are lost and
  /// the room keeps its place; else absent.
  get users() {
    return [...this.#users.values()];
  }

  /// The user of that id; undefined if there is none.
  get(userId) {
    return this.#users.get(userId);
  }

  // -- what one does with it ----------------------------------------------------------------------

  /// Returns a function that removes the handler.
  on(type, handler) {
    return this.#handlers.on(type, handler);
  }

  off(type, handler) {
    this.#handlers.off(type, handler);
  }

  /// Follows the room until `stop`. Resolves with this object once the list is whole; waits for the
  /// room to be joined. Rejects, and follows no more, if the server does not list this room, or the
  /// client is closed.
  start() {
    if (this.#listed) return this.#listed.promise;
    this.#listed = deferred();
    const { promise } = this.#listed;
    const heard = {
      joined: (frame) => this.#onJoined(frame),
      userJoined: (frame) => this.#onNotice(() => this.#put(frame)),
      userLeft: ({ userId }) => this.#onNotice(() => this.#users.delete(userId)),
      $profile: ({ userId, profile }) => this.#onNotice(() => this.#change(userId, { profile })),
      $away: ({ userId }) => this.#onNotice(() => this.#change(userId, { away: true })),
      $back: ({ userId }) => this.#onNotice(() => this.#change(userId, { away: false })),
      $presence: (frame) => this.#onNotice(() => this.#onBatch(frame)),
      left: () => this.clear(),
      roomClosed: () => this.clear(),
      closed: (error) => this.#giveUp(error),
    };
    for (const [type, handler] of Object.entries(heard))
      this.#stopHearing.push(this.#room.on(type, handler));
    if (this.#room.joined) this.#begin();
    return promise;
  }

  /// Follows the room no more. The list stays as it is.
  stop() {
    this.#giveUp(new TroupeError({ code: 'left', message: 'The room is not followed any more.' }));
  }

  // -- what the room does -------------------------------------------------------------------------

  /// The room was left: nobody is known to be there.
  clear() {
    this.#end();
    this.#isComplete = false;
    this.#total = 0;
    if (this.#users.size === 0) return;
    this.#users.clear();
    this.#tell();
  }

  /// The server has taken this client's own profile; it does not tell it to who has brought it.
  onOwnProfile(userId, profile) {
    if (this.#listed) this.#onNotice(() => this.#put({ userId, profile }));
  }

  // -- the listing --------------------------------------------------------------------------------

  #onJoined({ members, total }) {
    this.#begin(members && { members, total, complete: members.length >= total });
  }

  /// `page`: what is known of the listing already.
  #begin(page) {
    this.#end();
    this.#isComplete = false;
    this.#run = {};
    this.#seen = new Set();
    if (page) this.#onPage(page);
    else this.#askFor(undefined);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#run = this.#seen = null;
  }

  #askFor(after) {
    const run = this.#run;
    this.#ask({ after, limit: pageUsers }, (state, error, page) => {
      if (run !== this.#run) return;
      if (error) this.#onRefused(error);
      else this.#onPage(page);
    });
  }

  #onPage({ members, total, complete }) {
    for (const user of members) this.#put(user);
    this.#total = total;
    const isLast = complete || members.length === 0;
    if (isLast) this.#finish();
    else this.#askFor(members.at(-1).userId);
    this.#tell();
    if (isLast) this.#listed?.resolve(this);
  }

  /// Whoever was in the former list, and was not named since, is gone.
  #finish() {
    for (const userId of this.#users.keys())
      if (!this.#seen.has(userId)) this.#users.delete(userId);
    this.#end();
    this.#isComplete = true;
  }

  #onRefused(error) {
    this.#end();
    if (!error.retryable) return this.#giveUp(error);
    const begin = () => this.#room.joined && this.#begin();
    this.#timer = setTimeout(begin, againMs(error.retryAfterMs));
  }

  #giveUp(error) {
    for (const stopHearing of this.#stopHearing.splice(0)) stopHearing();
    this.#end();
    this.#isComplete = false;
    this.#listed?.reject(error);
    this.#listed = null;
  }

  // -- what the room tells ------------------------------------------------------------------------

  #onNotice(change) {
    if (!this.#room.joined) return;
    change();
    this.#tell();
  }

  #onBatch({ joined = [], left = [], changed = [], total }) {
    for (const { userId } of left) this.#users.delete(userId);
    for (const user of [...joined, ...changed]) this.#put(user);
    this.#total = total;
  }

  #change(userId, fields) {
    this.#put({ ...this.get(userId), userId, ...fields });
  }

  #put({ userId, profile, away }) {
    this.#seen?.add(userId);
    const user = { userId };
    if (profile !== undefined) user.profile = profile;
    if (away) user.away = true;
    this.#users.set(userId, user);
  }

  #tell() {
    this.#handlers.emit('change', this);
  }
}
