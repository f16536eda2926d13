// Runs tests/roaming, clients in C++ in a process of their own, and keeps their books.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Book } from './book.mjs';
import { binary } from './node.mjs';
import { until, within } from './wait.mjs';

/// One of the clients, as the lines of its process tell.
class FarBook extends Book {
  localPort = undefined; // that it has its connection from
  isFinished = false; // its last words are acked
  moments = []; // {what, at}: what became of its connection, by the clock of the process

  did({ did, at, port, code, reason }) {
    if (did === 'connected' || did === 'lost') this.moments.push({ what: did, at, code, reason });
    if (did === 'connected') this.localPort = port;
    else if (did === 'said') ++this.counts.said;
    else if (did === 'finished') this.isFinished = true;
    else if (did === 'failed') this.faults.push(reason);
    else if (did === 'lost') {
      this.localPort = undefined;
      this.onLost(code, reason);
    }
  }

  heard(frame, at) {
    const { type, reconnectAfterMs } = frame;
    if (['welcome', 'joined', 'goodbye'].includes(type))
      this.moments.push({ what: type, at, reconnectAfterMs });
    this.onFrame(frame);
  }
}

export class RoamingClient {
  /// Starts the process, which lives until the test `t` ends. `args`: its options, as a map.
  static async start(t, args) {
    const all = Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const far = new RoamingClient(spawn(binary('roaming_client'), all));
    t.after(() => far.stop());
    await until(() => far.check() && far.books.size === args.clients, 'the clients in C++');
    return far;
  }

  constructor(child) {
    this.child = child;
    this.books = new Map();
    this.errors = '';
    this.exited = once(child, 'close');
    child.stderr.on('data', (text) => (this.errors += text));
    child.stdin.on('error', () => {});
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => this.#onLine(JSON.parse(line)));
  }

  get all() {
    return [...this.books.values()];
  }

  /// From now on the clients trust their connections, and each says a last word in its rooms.
  settle() {
    this.child.stdin.write('\n');
  }

  /// Fails if the process has ended.
  check() {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      throw new Error(`roaming_client has ended: ${this.errors}`);
    return true;
  }

  async stop() {
    this.check();
    this.child.stdin.end();
    await within(this.exited, 'the clients in C++ to end');
    if (this.errors !== '') throw new Error(this.errors);
  }

  #onLine({ client, at, rooms, eager, heard, ...rest }) {
    if (rooms) this.books.set(client, Object.assign(new FarBook(client, rooms), { eager }));
    const book = this.books.get(client);
    if (heard) book.heard(heard, at);
    else if (!rooms) book.did({ at, ...rest });
  }
}
