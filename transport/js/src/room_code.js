/// What codes of errors mean for the membership in a room.

/// They say nothing about the room: it is asked again.
export const untold = new Set(['timeout', 'queue_full', 'rate_limited']);

/// Answers to `leave` after which the client is not in the room either.
export const goneAnyway = new Set([
  'connection_lost', 'not_joined', 'forbidden', 'room_closed', 'closed',
]);
