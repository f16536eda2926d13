// Ports that stay free for a node that starts later, or again.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';

/// The system gives ports from here on to sockets that ask for any.
const [firstEphemeral] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
  .split(/\s/).map(Number);
const lowest = 10_000;

async function isFree(port) {
  const server = createServer();
  try {
    await once(server.listen(port), 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

/// As many free ports, which the system gives to nobody who does not ask for them by number.
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = lowest + Math.floor(Math.random() * (firstEphemeral - lowest));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}
