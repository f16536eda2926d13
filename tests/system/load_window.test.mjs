// troupe_load counts what was said and what was heard within one window. The counts differ if the
// load itself lags, so nothing else runs beside it.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { load, unbounded } from './support/load.mjs';
import { startNode } from './support/node.mjs';

test('each client of several rooms hears all that is said in them', async (t) => {
  const node = await startNode(t, 'relay_node', unbounded);
  const { report } = await load(t, node.url(), [
    '--rooms', '5', '--members', '4', '--joins', '3', '--rate', '20',
  ]);
  const heard = report.delivered / report.published;
  // Some messages are under way at the edges of the window.
  assert.ok(heard > 11.5 && heard < 12.5, `${heard} for each message, of the 12 in its room`);
});

test('a load hears nothing of another one whose room it has joined, too', async (t) => {
  const node = await startNode(t, 'relay_node', unbounded);
  const [other, own] = await Promise.all([
    load(t, node.url(), ['--members', '3', '--rate', '50'], 3),
    load(
      t,
      node.url(),
      [
        '--members', '2', '--rate', '50', '--room-prefix', 'small', '--also', 'room0',
        '--first-publisher', '100',
      ],
      1,
    ),
  ]);
  assert.deepEqual([other.code, own.code], [0, 0]);
  assert.ok(own.report.delivered <= 2 * own.report.published + 4, JSON.stringify(own.report));
});
