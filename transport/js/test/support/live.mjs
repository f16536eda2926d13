// Clients of real nodes that keep their frames in order.

import { Client } from '../../src/index.js';
import { json } from '../../src/json.js';
import { msgpack } from '../../src/msgpack.js';
import { Inbox, until, within } from '../../../../tests/system/support/wait.mjs';

export { startLastingNode, startNode } from '../../../../tests/system/support/node.mjs';
export { until, within };
export const codecs = { json, msgpack };

/// A connected client that is closed after the test.
export async function connect(t, node, codec = 'json', options = {}) {
  const client = new Client(node.url(), { codec: codecs[codec], ...options });
  t.after(() => client.close());
  await within(client.ready, `a client of ${node.name} to be ready`);
  return client;
}

/// Keeps the frames of a room; `take(type)` skips to the next of that type.
export class Ear {
  #inbox = new Inbox();

  constructor(room) {
    room.on('*', (frame) => this.#inbox.push(frame));
  }

  async take(type) {
    for (;;) {
      const frame = await this.#inbox.take(`a frame ${type}`);
      if (frame.type === type) return frame;
    }
  }

  get pending() {
    return this.#inbox.pending;
  }
}

export async function joined(client, id) {
  const room = client.room(id);
  const ear = new Ear(room);
  await within(room.join(), `${id} to be joined`);
  return { room, ear };
}

/// Resolves once the client is in that state.
export function inState(client, state) {
  return within(
    new Promise((resolve) => {
      const look = () => client.state === state && resolve();
      client.on('state', look);
      look();
    }),
    `the state ${state}`,
  );
}
