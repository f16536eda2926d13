// tick_clients.mjs PORT PID SERVER [--rooms N] [--seconds S] [--warm-up S] [--inputs] [--spin]:
// four members for each room of a server that ticks (`troupe`, `colyseus`, `bun`), which count what
// they get. They speak the protocols themselves, as an SDK would take more time than the server.
// Prints one line of JSON about the time after the warm-up: what the threads of process PID took,
// and what came.
import { readFileSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rooms: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '4' },
    'warm-up': { type: 'string', default: '2' },
    inputs: { type: 'boolean', default: false }, // each member answers each tick with an input
    spin: { type: 'boolean', default: false }, // never sleeps: no server pays for waking it
  },
});
const [port, pid] = positionals.map(Number);
const rooms = Number(given.rooms);
const MEMBERS_OF_ROOM = 4;

// -- MessagePack: short maps of short texts and small numbers, which is all that clients say ------

const text = (s) => Buffer.from([0xa0 | s.length, ...Buffer.from(s)]);
const packed = (x) => (typeof x === 'string' ? text(x) : Buffer.of(x & 0xff));
const map = (fields) =>
  Buffer.concat([
    Buffer.of(0x80 | Object.keys(fields).length),
    ...Object.entries(fields).flatMap(([key, x]) => [text(key), packed(x)]),
  ]);

// -- the protocols --------------------------------------------------------------------------------

const JOIN_ROOM = 10, ERROR = 11, ROOM_DATA = 13; // how messages of Colyseus begin

const findNamedRoom = (number) => ({
  room: `arena:${Math.floor(number / MEMBERS_OF_ROOM)}`,
  path: '',
});

const troupe = {
  subprotocols: ['troupe.v1.msgpack'],
  findSeat: findNamedRoom,
  onOpen: (room) => map({ type: 'join', roomId: room }),
  hasJoined: (frame) => frame.includes(text('joined')),
  isRefusal: (frame) => frame.includes(text('error')),
  input: (go) => map({ type: 'input', go }),
};

const colyseus = {
  subprotocols: [],
  async findSeat() {
    const answer = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/arena`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const seat = await answer.json();
    if (!seat.sessionId) throw new Error(`no seat: ${JSON.stringify(seat)}`);
    const path = `${seat.processId}/${seat.roomId}?sessionId=${seat.sessionId}`;
    return { room: seat.roomId, path };
  },
  hasJoined: (frame) => frame[0] === JOIN_ROOM,
  onJoined: Buffer.of(JOIN_ROOM), // without it the room sends nothing
  isRefusal: (frame) => frame[0] === ERROR,
  input: (go) => Buffer.concat([Buffer.of(ROOM_DATA), text('input'), map({ go })]),
};

const bun = {
  subprotocols: [],
  findSeat: findNamedRoom,
  onOpen: (room) => JSON.stringify({ type: 'join', roomId: room }),
  hasJoined: (frame) => frame.includes('"joined"'),
  isRefusal: () => false,
  input: (go) => JSON.stringify({ type: 'input', go }),
};

const server = { troupe, colyseus, bun }[positionals[2]];
const inputs = [1, -1].map(server.input); // a player goes one way, then the other
const tickMark = 'tick'; // its type is in the first bytes, whatever the protocol
const isTick = (frame) => frame.subarray(0, 16).includes(tickMark);

// -- what is counted ------------------------------------------------------------------------------

let isOn = false; // between warm-up and end
let bytes = 0;
const gaps = new Uint32Array(10_000); // between two ticks of a member, in tenths of a millisecond

class Member {
  ticks = 0;
  last = 0;
  said = 0;

  /// Resolves to the room's name once the member is in it.
  async join(number) {
    const seat = await server.findSeat(number);
    const url = `ws://127.0.0.1:${port}/${seat.path}`;
    const socket = new WebSocket(url, server.subprotocols, { perMessageDeflate: false });
    await new Promise((joined, failed) => {
      socket.on('error', failed);
      socket.on('close', (code) => failed(new Error(`the server closed a connection: ${code}`)));
      if (server.onOpen) socket.on('open', () => socket.send(server.onOpen(seat.room)));
      socket.on('message', (frame) => {
        if (isTick(frame)) {
          this.onTick(frame, socket);
        } else if (server.hasJoined(frame)) {
          if (server.onJoined) socket.send(server.onJoined);
          joined();
        } else if (server.isRefusal(frame)) {
          failed(new Error(`the server refused: ${frame}`));
        }
      });
    });
    return seat.room;
  }

  onTick(frame, socket) {
    if (given.inputs) socket.send(inputs[this.said++ % inputs.length]);
    const now = performance.now();
    if (isOn) {
      ++this.ticks;
      bytes += frame.length;
      ++gaps[Math.min(gaps.length - 1, Math.round((now - this.last) * 10))];
    }
    this.last = now;
  }
}

/// How long all threads of the server have run, in nanoseconds, as the scheduler counts it.
function serverTime() {
  const tasks = `/proc/${pid}/task`;
  const timeOf = (task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + timeOf(task), 0);
}

function gapAt(part) {
  let left = part * gaps.reduce((sum, n) => sum + n, 0);
  return gaps.findIndex((n) => (left -= n) <= 0) / 10;
}

// -- the run --------------------------------------------------------------------------------------

if (given.spin) {
  const poll = () => setImmediate(poll);
  poll();
}
const pause = (seconds) => new Promise((over) => setTimeout(over, seconds * 1000));

const members = Array.from({ length: rooms * MEMBERS_OF_ROOM }, () => new Member());
const found = new Set();
// One after another, so that a matchmaker fills each room before it makes the next.
for (const [number, member] of members.entries()) found.add(await member.join(number));
if (found.size !== rooms) throw new Error(`${found.size} rooms instead of ${rooms}`);

await pause(Number(given['warm-up']));
isOn = true;
const began = performance.now();
const ownBefore = process.cpuUsage();
const before = serverTime();
await pause(Number(given.seconds));
isOn = false;
const spent = serverTime() - before;
const own = process.cpuUsage(ownBefore);
const seconds = (performance.now() - began) / 1000;

const ticks = members.reduce((sum, m) => sum + m.ticks, 0);
if (ticks === 0) throw new Error('no ticks came');
const rates = members.map((m) => m.ticks / seconds);
console.log(
  JSON.stringify({
    ticks,
    cpu_ns: spent / ticks,
    least_rate: Math.min(...rates),
    most_rate: Math.max(...rates),
    gap_p50_ms: gapAt(0.5),
    gap_p99_ms: gapAt(0.99),
    bytes: bytes / ticks,
    server_busy: spent / 1e9 / seconds,
    load_busy: (own.user + own.system) / 1e6 / seconds,
  }),
);
process.exit(0);
