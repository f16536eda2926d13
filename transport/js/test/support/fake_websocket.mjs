// A WebSocket whose server is the test, and a clock that the test moves.

import { clock } from '../../src/clock.js';
import { Client } from '../../src/index.js';

/// A class of WebSockets that belongs to one test; `made` holds all of them, oldest first.
export function fakeWebSocket() {
  return class FakeWebSocket {
    static made = [];
    static get last() {
      return this.made.at(-1);
    }

    readyState = 0;
    bufferedAmount = 0;
    sent = [];
    closedWith = null;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      this.constructor.made.push(this);
    }

    send(data) {
      this.sent.push(data);
    }

    close(code, reason) {
      if (this.readyState < 2) this.readyState = 2;
      this.closedWith = { code, reason };
    }

    // -- what the server does

    open() {
      this.readyState = 1;
      this.onopen?.({ type: 'open' });
    }

    say(frame) {
      this.onmessage?.({
        data:
          typeof frame === 'string' || frame instanceof ArrayBuffer ? frame : JSON.stringify(frame),
      });
    }

    welcome(fields = {}) {
      this.open();
      this.say({
        type: 'welcome',
        userId: 'u1',
        clientId: 'c1',
        heartbeatMs: 25_000,
        limits: noLimits,
        ...fields,
      });
    }

    end(code = 1006, reason = '') {
      this.readyState = 3;
      this.onclose?.({ type: 'close', code, reason, wasClean: code !== 1006 });
    }

    /// Takes what was sent since the last call.
    take() {
      return this.sent.splice(0).map((data) => JSON.parse(data));
    }

    /// Takes the one command that was sent.
    takeOne() {
      const commands = this.take();
      if (commands.length !== 1)
        throw new Error(`expected one command, got ${JSON.stringify(commands)}`);
      return commands[0];
    }
  };
}

export const noLimits = { maxMessageBytes: 0, maxRooms: 0, messagesPerSecond: 0, burstMessages: 0 };

/// Replaces timers and clocks. Returns a function that lets `ms` pass and settles all promises
/// before and after.
export function fakeTime(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { now } = clock;
  clock.now = () => Date.now();
  t.after(() => {
    clock.now = now;
    t.mock.timers.reset();
  });
  return async (ms = 0) => {
    await settled();
    if (ms > 0) t.mock.timers.tick(ms);
    await settled();
  };
}

/// Waits until no promise has anything left to do.
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/// Makes every wait as long as it may be: no jitter.
export const longestWaits = (t) => t.mock.method(Math, 'random', () => 1);

/// A connected client with its sockets: {client, sockets, pass, events};
/// `events` collects [type, detail] of all events.
export async function connectedClient(t, options = {}, welcome = {}) {
  const made = newClient(t, options);
  made.sockets.last.welcome(welcome);
  await made.pass();
  return made;
}

export function newClient(t, options = {}) {
  const pass = fakeTime(t);
  const sockets = fakeWebSocket();
  const client = new Client('ws://server.test/', { WebSocket: sockets, ...options });
  t.after(() => client.close());
  const errors = [];
  client.on('error', (error) => errors.push(error));
  return { client, sockets, pass, errors };
}

/// Lets the server tell the client that it has joined a room.
export async function joinedRoom({ client, sockets, pass }, id = 'lobby', fields = {}) {
  const room = client.room(id);
  const answer = room.join();
  const { ref } = sockets.last.takeOne();
  sockets.last.say({
    type: 'joined', ref, roomId: id, userId: 'u1', epoch: 'e1', seq: 10, ...fields,
  });
  await answer;
  await pass();
  return room;
}
