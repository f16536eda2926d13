/// What the server says of the arena, and how it looks at any moment in between.
///
/// States come some 30 times a second, never evenly. What is shown is a little behind them, so that
/// there is one on either side of the moment shown; the scene is between the two.

const keptMs = 1_500;
const teleport = 200; // who is farther away in the next state has not walked there
const followSlower = 0.02;

/// The angle from `a` to `b` by the shorter way, `part` of it.
export function between(a, b, part) {
  const turn = ((((b - a) % 360) + 540) % 360) - 180;
  return a + turn * part;
}

export class Snapshots {
  /// `rate`: states per second. `aheadMs`: how far what is shown may be ahead of the newest state.
  constructor({ rate = 30, aheadMs = 100 } = {}) {
    this.rate = rate;
    this.aheadMs = aheadMs;
    this.clear();
  }

  /// Forgets all: another room has other ticks.
  clear() {
    this.states = [];
    this.offset = null; // from a state's own time to its arrival, for one that was not delayed
    this.arrivals = []; // {now, late}
  }

  get newest() {
    return this.states.at(-1) ?? null;
  }

  /// `state`: {tick, fighters: [{n, x, y, a, …}], shots: [{n, x, y, …}]}; `now`: when it has come,
  /// in milliseconds.
  add(state, now) {
    if (this.newest && state.tick <= this.newest.tick) return;
    const time = this.#timeOf(state.tick);
    const offset = now - time;
    // The quickest one tells the offset; slowly it follows a way that has become longer.
    if (this.offset === null || offset < this.offset) this.offset = offset;
    else this.offset += (offset - this.offset) * followSlower;
    this.arrivals.push({ now, late: offset - this.offset });
    this.states.push({
      tick: state.tick,
      fighters: new Map(state.fighters.map((one) => [one.n, one])),
      shots: new Map(state.shots.map((one) => [one.n, one])),
    });
    const oldest = time - keptMs;
    while (this.#timeOf(this.states[0].tick) < oldest) this.states.shift();
    while (this.arrivals[0].now < now - keptMs) this.arrivals.shift();
  }

  /// The scene as it was `delayMs` ago: {fighters, shots}, or null before the first state. Beyond
  /// the newest state bodies go on as they went.
  at(now, delayMs = 100) {
    if (!this.newest) return null;
    const tick = ((now - this.offset - delayMs) / 1000) * this.rate;
    let next = this.states.findIndex((state) => state.tick > tick);
    if (next === 0) return asIs(this.states[0]);
    if (next < 0) next = this.states.length - 1;
    const [from, to] = [this.states[next - 1] ?? this.newest, this.states[next]];
    if (from === to) return asIs(to);
    const ahead = (this.aheadMs / 1000) * this.rate;
    const part = (Math.min(tick, to.tick + ahead) - from.tick) / (to.tick - from.tick);
    return {
      fighters: [...to.fighters.values()].map((b) => moved(from.fighters.get(b.n), b, part)),
      shots: shotsBetween(from, to, part),
    };
  }

  /// The share of the states of the last moments that came too late to be shown, or not at all.
  lost(delayMs = 100) {
    if (this.arrivals.length < 2) return 0;
    const span = this.arrivals.at(-1).now - this.arrivals[0].now;
    const expected = Math.max(this.arrivals.length, Math.round((span / 1000) * this.rate));
    const good = this.arrivals.filter(({ late }) => late < delayMs).length;
    return Math.max(0, 1 - good / expected);
  }

  #timeOf(tick) {
    return (tick / this.rate) * 1000;
  }
}

const asIs = ({ fighters, shots }) => ({
  fighters: [...fighters.values()],
  shots: [...shots.values()].map((one) => ({ ...one, dx: 0, dy: 0 })),
});

function moved(a, b, part) {
  if (!a || Math.hypot(b.x - a.x, b.y - a.y) > teleport || a.h === 0) return b;
  return {
    ...b,
    x: a.x + (b.x - a.x) * part,
    y: a.y + (b.y - a.y) * part,
    a: between(a.a, b.a, Math.min(part, 1)),
  };
}

/// A shot is shown once it is in two states; one that has ended is not.
function shotsBetween(from, to, part) {
  const both = [...to.shots.values()].filter(({ n }) => from.shots.has(n));
  return both.map((b) => {
    const a = from.shots.get(b.n);
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    return { ...b, x: a.x + dx * part, y: a.y + dy * part, dx, dy };
  });
}
