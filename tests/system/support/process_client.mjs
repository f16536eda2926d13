// Clients that run in processes of their own and can be stopped there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Inbox, until } from './wait.mjs';

/// Starts a client that joins `room`, waits until it is in, and stops its process, so that it reads
/// nothing any more.
export async function stalledReader(t, node, room) {
  const script = fileURLToPath(new URL('stalled_reader.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, node.url(), room, 'troupe.v1.json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const lines = new Inbox();
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const ready = await lines.take('the client to be in its room');
  if (ready !== 'READY') throw new Error(`the client said ${ready}`);
  child.kill('SIGSTOP');
  await until(
    () => /^State:\s+T/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8')),
    'the client to be stopped',
  );
  return {
    pid: child.pid,
    /// Lets it run again and returns how its connection ended: {code, reason, bytes}.
    async resume() {
      child.kill('SIGCONT');
      const line = await lines.take('the client to be closed');
      const [, code, reason, bytes] = line.match(/^CLOSED (\d+) (.*) after (\d+)$/);
      return { code: Number(code), reason, bytes: Number(bytes) };
    },
  };
}
