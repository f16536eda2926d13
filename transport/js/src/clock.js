/// Monotonic milliseconds: the wall clock jumps, as when a laptop wakes. A test may set `now`.
export const clock = { now: () => performance.now() };

const longestMs = 2 ** 31 - 1;

/// Starts a timer for a time limit. 0, or more than a timer can count, is no limit.
export function startLimit(ms, then) {
  return ms > 0 && ms <= longestMs ? setTimeout(then, ms) : undefined;
}
