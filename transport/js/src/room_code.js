/// What codes of errors mean for the membership in a room.

import { endings } from './close_code.js';

/// They say nothing about the room: it is asked again.
export const untold = new Set(['timeout', 'queue_full', 'rate_limited']);

/// The connection is lost: the next one asks again.
export const lost = new Set(['connection_lost', ...endings.keys()]);

/// Answers to `leave` after which the client is not in the room either.
export const goneAnyway = new Set([...lost, 'not_joined', 'forbidden', 'room_closed', 'closed']);

/// Reasons why a resumed session is not in a room any more that may pass (`lost` in `resumed` does
/// not tell what `error` tells as `retryable`).
export const passing = new Set([
  'room_full', 'room_limit', 'node_room_limit', 'room_closed', 'room_gone', 'rate_limited',
  'overloaded', 'timed_out', 'internal',
]);
