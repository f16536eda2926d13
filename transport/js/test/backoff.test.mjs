import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Backoff } from '../src/backoff.js';

const longest = (t) => t.mock.method(Math, 'random', () => 1);
const shortest = (t) => t.mock.method(Math, 'random', () => 0);
const waits = (backoff, count) => Array.from({ length: count }, () => backoff.next());

test('waits are up to base * 2^n, at most the cap', (t) => {
  longest(t);
  assert.deepEqual(
    waits(new Backoff(500, 30_000), 9),
    [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
  );
});

test('waits have full jitter, and are never a busy loop', (t) => {
  shortest(t);
  assert.deepEqual(waits(new Backoff(500, 30_000), 3), [100, 100, 100]);
  assert.deepEqual(waits(new Backoff(0, 30_000), 2), [100, 100]);
});

test('the wait that the server asks for counts once', (t) => {
  longest(t);
  const backoff = new Backoff(500, 30_000);

  backoff.obey([700, 5000]);
  assert.equal(backoff.obeys, true);
  assert.equal(backoff.next(), 5000);

  assert.equal(backoff.obeys, false);
  assert.equal(backoff.next(), 1000);
});

test('a nonsensical wish of the server is not followed, an endless one is cut', (t) => {
  longest(t);
  const backoff = new Backoff(500, 30_000);
  for (const wish of [[-1, 5], [5, 1], ['x', 'y'], [NaN, 1]]) backoff.obey(wish);
  assert.equal(backoff.next(), 500);
  backoff.obey([0, Infinity]);
  assert.equal(backoff.next(), 3_600_000);
});

test('a server that left for good is asked rarely, until it is back', (t) => {
  shortest(t);
  const backoff = new Backoff(500, 30_000);
  backoff.slowDown();
  assert.deepEqual(waits(backoff, 2), [10_000, 10_000]);
  backoff.reset();
  assert.equal(backoff.next(), 100);
});

test('a server that has too much to do gets longer waits at once', (t) => {
  longest(t);
  const backoff = new Backoff(500, 30_000);
  backoff.yield();
  assert.equal(backoff.next(), 4000);
});
