// The book that a test keeps of one client: where it is and what it was told, judged as it comes.
// `audit` compares the books of all, whatever the clients are.

import assert from 'node:assert/strict';

/// A time in a room without a gap: the client has got, or will get, all that is said behind `from`.
const newStay = ({ roomId, epoch, seq }) => ({ roomId, epoch, from: seq, got: [] });

export class Book {
  constructor(name, rooms) {
    this.name = name;
    this.rooms = rooms; // those it wants to be in
    this.stays = [];
    this.stay = new Map(); // the latest of each room
    this.place = new Map(); // room -> {epoch, seq}: up to where it has seen everything
    this.held = new Set(); // rooms of the current connection
    this.acked = new Map(); // id -> {roomId, epoch, seq}
    this.refused = new Map(); // id -> code: what was never said
    this.faults = [];
    this.changes = []; // [type, userId] of userJoined and userLeft
    this.counts = {
      said: 0, resumed: 0, recovered: 0, anew: 0, gone: 0, lost: 0, refused: 0, overtaken: 0,
    };
  }

  /// Whether it is in all its rooms.
  get isThere() {
    return this.rooms.every((room) => this.held.has(room));
  }

  /// The id of the next message.
  nextId() {
    return `${this.name}:${++this.counts.said}`;
  }

  // -- its connection ----------------------------------------------------------------------------

  /// The connection is lost. `code`, `reason`: of the close frame, if there was one.
  onLost(code, reason) {
    // A slow node may read the resume of a connection that was given up behind the next one's.
    if (reason === 'replaced' && this.mayBeOvertaken) ++this.counts.overtaken;
    else if (code && code !== 1006 && !(code === 1012 && this.goodbye))
      this.faults.push(`closed with ${code} ${reason}`);
    this.mayBeOvertaken ||= this.isAsking;
    this.isAsking = false;
    this.held.clear();
  }

  /// Handles a frame by its type.
  onFrame(frame) {
    const handler = this[`on_${frame.type}`];
    if (handler) handler.call(this, frame);
    else this.faults.push(`unexpected ${frame.type}`);
  }

  on_welcome(welcome) {
    this.welcome = welcome;
    this.goodbye = undefined;
    if (this.session === undefined) this.begin();
    else this.isAsking = true;
  }

  /// The connection's own session is the client's from now on.
  begin() {
    const { resume, userId, clientId } = this.welcome;
    Object.assign(this, { session: resume, userId, clientId });
    this.isAsking = this.mayBeOvertaken = false;
  }

  on_resumed({ ref, userId, clientId, resume, rooms, lost }) {
    this.check(ref === 'back', 'the ref of resumed');
    this.check(clientId === this.clientId && userId === this.userId, 'the ids of resumed');
    this.session = resume;
    this.isAsking = false;
    ++this.counts.resumed;
    for (const room of rooms) this.arrive(room, 'resumed');
    this.counts.lost += lost.length;
  }

  on_goodbye(goodbye) {
    this.goodbye = goodbye;
  }

  on_pong() {}

  // -- its rooms ---------------------------------------------------------------------------------

  on_joined(joined) {
    this.arrive(joined, 'joined');
  }

  arrive({ roomId, epoch, seq, recovered }, how) {
    this.check(!this.held.has(roomId) || recovered === false, `${roomId} is ${how} twice`);
    this.held.add(roomId);
    const place = this.place.get(roomId);
    if (recovered) {
      ++this.counts.recovered;
      this.check(epoch === place.epoch && seq >= place.seq, `${roomId} is ${how} at ${seq}`);
      return;
    }
    if (place) ++this.counts.anew;
    this.place.set(roomId, { epoch, seq });
    this.stay.set(roomId, newStay({ roomId, epoch, seq }));
    this.stays.push(this.stay.get(roomId));
  }

  on_message({ roomId, seq, data: { id } }) {
    const place = this.place.get(roomId);
    if (!this.held.has(roomId)) return this.faults.push(`${id} comes before ${roomId} is held`);
    this.check(seq > place.seq, `${roomId} ${seq} comes behind ${place.seq}`);
    this.stay.get(roomId).got.push({ seq, id });
    place.seq = seq;
    this.onMessage?.(id);
  }

  on_ack({ ref, roomId, seq }) {
    const { epoch, seq: seen } = this.place.get(roomId);
    this.check(seq <= seen, `the ack of ${ref} comes before its message`);
    this.check(!this.acked.has(ref), `${ref} is acked twice`);
    this.acked.set(ref, { roomId, epoch, seq });
  }

  /// `eager` clients talk before they are in their rooms.
  on_error({ ref, code }) {
    if (code === 'session_gone') {
      ++this.counts.gone;
      this.begin();
    } else if (this.eager && String(ref).startsWith(this.name)) this.refused.set(ref, code);
    else this.faults.push(`${ref} is refused: ${code}`);
  }

  on_userJoined({ userId }) {
    this.changes.push(['userJoined', userId]);
  }

  on_userLeft({ userId }) {
    this.changes.push(['userLeft', userId]);
  }

  check(holds, what) {
    if (!holds) this.faults.push(what);
  }
}

/// Fails unless each stay of each client has, once and in order, all that anybody was told or acked
/// between its ends, and nothing was said twice. What was said last has to have reached everybody.
export function audit(books) {
  const said = new Map(); // room and epoch -> seq -> id
  const where = new Map(); // id -> room, epoch and seq
  const note = (key, seq, id) => {
    if (!said.has(key)) said.set(key, new Map());
    const known = said.get(key).get(seq);
    assert.ok(known === undefined || known === id, `${key} ${seq} is ${known} and ${id}`);
    said.get(key).set(seq, id);
    const at = `${key} ${seq}`;
    assert.equal(where.get(id) ?? at, at, `${id} was said twice`);
    where.set(id, at);
  };
  const keyOf = ({ roomId, epoch }) => `${roomId} ${epoch}`;
  for (const b of books) {
    assert.deepEqual(b.faults, [], `what ${b.name} was told`);
    for (const stay of b.stays) for (const { seq, id } of stay.got) note(keyOf(stay), seq, id);
    for (const [id, ack] of b.acked) note(keyOf(ack), ack.seq, id);
  }
  const inOrder = new Map([...said].map(([key, all]) => [key, [...all].sort(([a], [b]) => a - b)]));
  for (const b of books) {
    for (const id of b.refused.keys()) assert.ok(!where.has(id), `${id} was refused, and said`);
    for (const stay of b.stays) {
      const isCurrent = b.stay.get(stay.roomId) === stay;
      const to = isCurrent ? Infinity : (stay.got.at(-1)?.seq ?? stay.from);
      const due = (inOrder.get(keyOf(stay)) ?? [])
        .filter(([seq]) => seq > stay.from && seq <= to)
        .map(([, id]) => id);
      assert.deepEqual(stay.got.map((m) => m.id), due, `${b.name} in ${keyOf(stay)}`);
    }
  }
  return where.size;
}

/// Whether all clients are in their rooms and have heard the last that was said there.
export function areLevel(books) {
  const last = new Map();
  for (const b of books)
    for (const [room, { seq }] of b.place) last.set(room, Math.max(last.get(room) ?? 0, seq));
  return books.every(
    (b) => b.isThere && b.rooms.every((room) => b.place.get(room).seq === last.get(room)),
  );
}

/// What the counts of all of them come to.
export const sums = (books) =>
  Object.fromEntries(
    Object.keys(books[0].counts).map((name) => [
      name, books.reduce((sum, b) => sum + b.counts[name], 0),
    ]),
  );
