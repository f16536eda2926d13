// A TCP proxy in the test itself that stands for a bad network: it cuts, stalls, half-closes and
// slows down what passes, when it is told to.

import net from 'node:net';
import { once } from 'node:events';
import { resetConnection } from './raw.mjs';

/// Numbers that a seed determines: `draw(n)` is an integer from 0 to n - 1.
export function draws(seed) {
  let state = (seed % 2147483646) + 1;
  return (n) => (state = (state * 48271) % 2147483647) % n;
}

/// What passes in one direction of a leg.
class Lane {
  constructor(from, to, rate) {
    Object.assign(this, { from, to, rate, open: true });
    from.on('data', (bytes) => this.#pass(bytes));
    from.on('end', () => this.open && to.end());
    to.on('drain', () => this.open && from.resume());
  }

  /// From now on all is thrown away, and no end is passed on.
  swallow() {
    this.open = false;
    this.from.resume();
  }

  /// Nothing is read any more, so that the sender's own buffers fill.
  freeze() {
    this.open = false;
    this.frozen = true;
    this.from.pause();
  }

  /// Passes `count` bytes more, then calls `then`.
  cutBehind(count, then) {
    this.left = count;
    this.then = then;
  }

  #pass(bytes) {
    if (!this.open) return;
    if (this.left !== undefined && bytes.length >= this.left) {
      this.open = false;
      this.to.write(bytes.subarray(0, this.left), this.then);
      return;
    }
    if (this.left !== undefined) this.left -= bytes.length;
    if (!this.to.write(bytes)) this.from.pause();
    if (this.rate) this.#wait(bytes.length);
  }

  /// Keeps to the rate: reads on once what has passed has had its time.
  #wait(count) {
    const now = performance.now();
    this.free = Math.max(now, this.free ?? now) + (count * 1000) / this.rate;
    this.from.pause();
    setTimeout(() => this.frozen || this.from.resume(), this.free - now);
  }
}

/// One connection through the proxy: `near` is the client's socket, `far` the node's.
class Leg {
  constructor(near, far, rate) {
    Object.assign(this, { near, far });
    this.up = new Lane(near, far, rate);
    this.down = new Lane(far, near, rate);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.setNoDelay(true);
      one.on('error', () => this.up.open && this.down.open && resetConnection(other));
      one.on('close', () => this.up.open && this.down.open && other.destroy());
    }
    this.over = Promise.all([near, far].map((s) => new Promise((done) => s.on('close', done))));
  }

  /// Nothing passes any more in either direction, and nobody is told, not even of an end.
  swallow() {
    this.up.swallow();
    this.down.swallow();
  }

  /// The same, but nothing is read any more either.
  freeze() {
    this.up.freeze();
    this.down.freeze();
  }

  reset() {
    resetConnection(this.near);
    resetConnection(this.far);
  }

  /// Ends both streams, as a proxy does that is stopped in order.
  finish() {
    this.swallow();
    this.near.end();
    this.far.end();
  }

  /// Ends the stream to the node (`up`) or to the client (`down`); the other one goes on.
  halfClose(lane) {
    lane.swallow();
    lane.to.end();
  }

  /// Passes `count` bytes more that way, most likely the last of them within a frame; then resets
  /// or ends all.
  cutBehind(lane, count, byReset) {
    lane.cutBehind(count, () => (byReset ? this.reset() : this.finish()));
  }
}

export class BadLine {
  /// A proxy to `node` that lives until the test `t` ends. `rate`: bytes a second that pass in each
  /// direction of a connection, in steps of what a socket reads at once.
  static async open(t, node, { rate } = {}) {
    const line = new BadLine(node, rate);
    await once(line.server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => line.close());
    return line;
  }

  constructor(node, rate) {
    this.legs = new Set();
    this.opened = 0;
    const near = { allowHalfOpen: true, highWaterMark: rate ? 4096 : undefined };
    this.server = net.createServer(near, (socket) => {
      const far = net.connect({ ...near, port: node.port, host: '127.0.0.1' });
      const leg = new Leg(socket, far, rate);
      ++this.opened;
      this.legs.add(leg);
      leg.over.then(() => this.legs.delete(leg));
    });
  }

  /// What clients connect to, as they would to a node.
  get port() {
    return this.server.address().port;
  }

  url(path = '/') {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /// The leg of the client that has connected from this port.
  legFrom(port) {
    return [...this.legs].find((leg) => leg.near.remotePort === port);
  }

  /// Does one of all bad things to a leg, and returns which.
  hurt(leg, draw) {
    const lane = draw(2) ? leg.up : leg.down;
    const bad = [
      () => (leg.reset(), 'reset'),
      () => (leg.finish(), 'end'),
      () => (leg.swallow(), 'silence'),
      () => (leg.freeze(), 'standstill'),
      () => (leg.halfClose(leg.up), 'end of the way up'),
      () => (leg.halfClose(leg.down), 'end of the way down'),
      () => (leg.cutBehind(lane, 1 + draw(600), true), 'reset within a frame'),
      () => (leg.cutBehind(lane, 1 + draw(600), false), 'end within a frame'),
    ];
    return bad[draw(bad.length)]();
  }

  /// Takes back the cuts that have not happened yet.
  heal() {
    for (const { up, down } of this.legs) up.left = down.left = undefined;
  }

  /// Whether a leg has not been hurt.
  static isWhole(leg) {
    return [leg.up, leg.down].every((lane) => lane.open && lane.left === undefined);
  }

  close() {
    this.server.close();
    for (const leg of this.legs) leg.reset();
  }
}
