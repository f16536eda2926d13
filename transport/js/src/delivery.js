/// How messages are delivered, as far as it matters before they are sent.

export const isMessage = ({ type }) => type === 'message' || type === 'binary';

/// Whether the server knows messages of that `delivery` again by their ids. With any other their
/// ids mean nothing, and a repeat would be said again.
export const hasIds = (delivery = 'reliable') => delivery === 'reliable';

/// The key under which only the latest message of a room counts; undefined if every one counts.
export function latestKey(message) {
  const isLatest = isMessage(message) && message.delivery === 'latest';
  return isLatest ? (message.key ?? '') : undefined;
}
