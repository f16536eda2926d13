/// Monotonic milliseconds: the wall clock jumps, when a laptop wakes for one. A test may set `now`.
export const clock = { now: () => performance.now() };

const longestMs = 2 ** 31 - 1;

/// A timer for a time limit; 0 and what no timer can count are no limit.
export function startLimit(ms, then) {
  return ms > 0 && ms <= longestMs ? setTimeout(then, ms) : undefined;
}
