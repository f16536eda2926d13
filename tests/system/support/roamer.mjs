// A client that comes back by `resume` whenever its connection is lost, or by `since` where its
// session is gone, and keeps book of what it was told; `audit` compares the books.

import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { decode, encode } from '@msgpack/msgpack';
import { subprotocols } from './client.mjs';

/// A time in a room without a gap: it has got, or will get, all that is said behind `from`.
const newStay = ({ roomId, epoch, seq }) => ({ roomId, epoch, from: seq, got: [] });

export class Roamer {
  /// `url()`: where to connect. `rooms`: those it wants to be in. `giveUpMs`: silence after which
  /// it takes its connection for lost. `pauseMs()`: how long it stays away each time.
  /// `eager`: it talks behind `resume` without waiting for the answer.
  constructor({ name, url, rooms, as = 'json', giveUpMs = 1_000, pauseMs = () => 50, eager }) {
    Object.assign(this, { name, url, rooms, as, giveUpMs, pauseMs, eager });
    this.stays = [];
    this.stay = new Map(); // the latest of each room
    this.place = new Map(); // room -> {epoch, seq}: up to where it has seen everything
    this.held = new Set(); // rooms of the current connection
    this.acked = new Map(); // id -> {roomId, epoch, seq}
    this.refused = new Map(); // id -> code
    this.faults = [];
    this.changes = []; // [type, userId] of userJoined and userLeft
    this.counts = {
      said: 0, resumed: 0, recovered: 0, anew: 0, gone: 0, lost: 0, refused: 0, overtaken: 0,
    };
    this.#connect();
    this.watch = setInterval(() => this.#beat(), giveUpMs / 4);
  }

  // -- what a test tells it to do ----------------------------------------------------------------

  /// Says something with an id of its own; false if it is not connected.
  say(roomId, fields = {}) {
    if (!this.ready) return false;
    const id = `${this.name}:${++this.counts.said}`;
    this.#send({ type: 'message', roomId, data: { id, ...fields }, ref: id });
    return true;
  }

  /// Its connection is lost, as it thinks, or it ends it with a close frame.
  lose(code) {
    const { socket } = this;
    this.mayBeOvertaken ||= this.isAsking;
    this.isAsking = false;
    this.socket = undefined;
    this.ready = false;
    this.held.clear();
    socket?.on('error', () => {});
    if (code) socket?.close(code);
    else socket?.terminate();
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => this.#connect(), this.pauseMs());
  }

  /// Whether it is in all its rooms.
  get isThere() {
    return this.ready && this.rooms.every((room) => this.held.has(room));
  }

  /// The users in a room: id -> sessions. They have to fit into one answer.
  async present(roomId) {
    this.#send({ type: 'presence', roomId, limit: 1000, ref: 'who' });
    const answer = await new Promise((resolve) => (this.onPresence = resolve));
    assert.equal(answer.complete, true);
    return new Map(answer.members.map(({ userId, sessions = 1 }) => [userId, sessions]));
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    this.lose();
  }

  // -- its connection ----------------------------------------------------------------------------

  #connect() {
    const socket = new WebSocket(this.url(), [subprotocols[this.as]], { perMessageDeflate: false });
    this.socket = socket;
    this.heard = performance.now();
    const isCurrent = () => socket === this.socket;
    socket.on('error', () => {});
    socket.on('unexpected-response', () => (++this.counts.refused, isCurrent() && this.lose()));
    socket.on('close', (code, reason) => {
      if (!isCurrent()) return;
      // A slow node may read the resume of a connection that was given up behind the next one's.
      if (String(reason) === 'replaced' && this.mayBeOvertaken) ++this.counts.overtaken;
      else if (code !== 1006) this.faults.push(`closed with ${code} ${reason}`);
      this.lose();
    });
    socket.on('message', (bytes) => {
      if (!isCurrent()) return;
      this.heard = performance.now();
      const frame = this.as === 'msgpack' ? decode(bytes) : JSON.parse(bytes);
      const handler = this[`on_${frame.type}`];
      if (handler) handler.call(this, frame);
      else this.faults.push(`unexpected ${frame.type}`);
    });
  }

  #send(map) {
    this.socket.send(this.as === 'msgpack' ? encode(map) : JSON.stringify(map));
  }

  #beat() {
    const silence = performance.now() - this.heard;
    if (!this.socket) return;
    if (silence > this.giveUpMs) this.lose();
    else if (this.ready) this.#send({ type: 'ping' });
  }

  // -- frames ------------------------------------------------------------------------------------

  on_welcome(welcome) {
    this.welcome = welcome;
    if (this.session === undefined) return this.#begin();
    const rooms = [...this.place].map(([roomId, at]) => ({ roomId, ...at }));
    this.#send({ type: 'resume', resume: this.session, rooms, ref: 'back' });
    this.isAsking = true;
    this.ready = this.eager === true;
  }

  on_resumed({ ref, userId, clientId, resume, rooms, lost }) {
    this.#check(ref === 'back', 'the ref of resumed');
    this.#check(clientId === this.clientId && userId === this.userId, 'the ids of resumed');
    this.session = resume;
    this.isAsking = false;
    this.ready = true;
    ++this.counts.resumed;
    for (const room of rooms) this.#arrive(room, 'resumed');
    this.counts.lost += lost.length;
    for (const roomId of this.rooms) if (!this.held.has(roomId)) this.#join(roomId, this.clientId);
  }

  on_joined(joined) {
    this.#arrive(joined, 'joined');
  }

  on_message({ roomId, seq, data: { id } }) {
    const place = this.place.get(roomId);
    if (!this.held.has(roomId)) return this.faults.push(`${id} comes before ${roomId} is held`);
    this.#check(seq > place.seq, `${roomId} ${seq} comes behind ${place.seq}`);
    this.stay.get(roomId).got.push({ seq, id });
    place.seq = seq;
    this.onMessage?.(id);
  }

  on_ack({ ref, roomId, seq }) {
    const { epoch, seq: seen } = this.place.get(roomId);
    this.#check(seq <= seen, `the ack of ${ref} comes before its message`);
    this.#check(!this.acked.has(ref), `${ref} is acked twice`);
    this.acked.set(ref, { roomId, epoch, seq });
  }

  on_error({ ref, code }) {
    if (code === 'session_gone') {
      const former = this.clientId;
      ++this.counts.gone;
      this.#begin(former);
    } else if (this.eager && String(ref).startsWith(this.name)) this.refused.set(ref, code);
    else this.faults.push(`${ref} is refused: ${code}`);
  }

  on_presence(answer) {
    this.onPresence(answer);
  }

  on_userJoined({ userId }) {
    this.changes.push(['userJoined', userId]);
  }

  on_userLeft({ userId }) {
    this.changes.push(['userLeft', userId]);
  }

  on_pong() {}

  // -- where it is -------------------------------------------------------------------------------

  /// Its connection's own session is its session from now on.
  #begin(former) {
    const { resume, userId, clientId } = this.welcome;
    Object.assign(this, { session: resume, userId, clientId, ready: true });
    this.isAsking = this.mayBeOvertaken = false;
    for (const roomId of this.rooms) this.#join(roomId, former);
  }

  #join(roomId, clientId) {
    const at = this.place.get(roomId);
    this.#send({ type: 'join', roomId, ...(at && { since: { ...at, clientId } }) });
  }

  #arrive({ roomId, epoch, seq, recovered }, how) {
    this.#check(!this.held.has(roomId) || recovered === false, `${roomId} is ${how} twice`);
    this.held.add(roomId);
    const place = this.place.get(roomId);
    if (recovered) {
      ++this.counts.recovered;
      this.#check(epoch === place.epoch && seq >= place.seq, `${roomId} is ${how} at ${seq}`);
      return;
    }
    if (place) ++this.counts.anew;
    this.place.set(roomId, { epoch, seq });
    this.stay.set(roomId, newStay({ roomId, epoch, seq }));
    this.stays.push(this.stay.get(roomId));
  }

  #check(holds, what) {
    if (!holds) this.faults.push(what);
  }
}

/// Fails unless each stay of each roamer has, once and in order, all that anybody was told or acked
/// between its ends, and nothing was said twice. What was said last has to have reached everybody.
export function audit(roamers) {
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
  for (const r of roamers) {
    assert.deepEqual(r.faults, [], `what ${r.name} was told`);
    for (const stay of r.stays) for (const { seq, id } of stay.got) note(keyOf(stay), seq, id);
    for (const [id, ack] of r.acked) note(keyOf(ack), ack.seq, id);
  }
  for (const r of roamers) {
    for (const id of r.refused.keys()) assert.ok(!where.has(id), `${id} was refused, and said`);
    for (const stay of r.stays) {
      const isCurrent = r.stay.get(stay.roomId) === stay;
      const to = isCurrent ? Infinity : (stay.got.at(-1)?.seq ?? stay.from);
      const due = [...(said.get(keyOf(stay)) ?? [])]
        .filter(([seq]) => seq > stay.from && seq <= to)
        .sort(([a], [b]) => a - b)
        .map(([, id]) => id);
      assert.deepEqual(stay.got.map((m) => m.id), due, `${r.name} in ${keyOf(stay)}`);
    }
  }
  return where.size;
}

/// Whether all roamers are in their rooms and have heard the last that was said there.
export function areLevel(roamers) {
  const last = new Map();
  for (const r of roamers)
    for (const [room, { seq }] of r.place) last.set(room, Math.max(last.get(room) ?? 0, seq));
  return roamers.every(
    (r) => r.isThere && r.rooms.every((room) => r.place.get(room).seq === last.get(room)),
  );
}
