// What tests of what clients make the server keep have in common.

import { frame } from './raw.mjs';

/// Options of a node that waits for nothing and refuses nobody for coming fast.
export const unhurried = [
  '--message-rate', '0', '--byte-rate', '0', '--admission-rate', '0',
  '--max-connections-per-ip', '0', '--linger', '0',
];

/// A whole message of 64,000 bytes.
export const large = frame({ payload: 'x'.repeat(64_000) });

/// Its first `sent` bytes.
export const part = (sent) => large.subarray(0, sent);

/// Joins so many rooms and says 1 MiB in each.
export async function fillRooms(client, rooms) {
  for (let r = 0; r < rooms; ++r) {
    client.send({ type: 'join', roomId: `h${r}` });
    for (let i = 0; i < 17; ++i)
      client.send({ type: 'message', roomId: `h${r}`, echo: false, text: 'x'.repeat(60_000) });
    await client.find('joined', { roomId: `h${r}` });
  }
  await client.fence();
}
