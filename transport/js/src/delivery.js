/// What the client has to know of a command before it is sent.

/// The line of all directs, which are in no room.
export const directs = Symbol('directs');

/// The line of a command: messages of one line keep their order, and the server knows their ids
/// together. A room's id, or `directs`; undefined: none.
export const lineOf = ({ type, roomId }) => (type === 'direct' ? directs : roomId);

/// Whether the server knows such a command again by its id. It would say any other again.
export function hasIds({ type, delivery = 'reliable' }) {
  return type === 'direct' || (isMessage(type) && delivery === 'reliable');
}

/// What only the last message of the same room and `key` has in common with those before it, which
/// do not count any more; undefined if every message counts.
export function latestKey({ type, delivery, roomId, key = '' }) {
  return isMessage(type) && delivery === 'latest' ? JSON.stringify([roomId, key]) : undefined;
}

const isMessage = (type) => type === 'message' || type === 'binary';
