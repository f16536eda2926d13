// A client whose server, the test, keeps its session after a loss.

import { connectedClient, longestWaits } from './fake_websocket.mjs';

/// What a server that keeps sessions adds to the n-th welcome.
export const session = (n) => ({
  clientId: `c${n}`, userId: 'u1', resume: `r${n}`, resumeMs: 30_000,
});

/// A client of a server that keeps sessions; its first is c1, named by r1. `welcome`: more fields.
export function keptClient(t, options = {}, welcome = {}) {
  longestWaits(t);
  return connectedClient(t, options, { ...session(1), ...welcome });
}

/// Loses the connection.
export async function lose({ sockets, pass }) {
  sockets.last.end();
  await pass();
}

/// Lets the client connect again, and the server welcome it; `n` numbers the session.
export async function welcomeAgain({ client, sockets, pass }, n = 2, fields = {}) {
  await pass(client.retryAt - Date.now());
  sockets.last.welcome({ ...session(n), ...fields });
}

/// The same after a loss. Returns the one command that is sent then.
export async function reconnect(made, n = 2, fields = {}) {
  await lose(made);
  await welcomeAgain(made, n, fields);
  return made.sockets.last.takeOne();
}

export const place = (roomId, fields = {}) => ({
  roomId, epoch: 'e1', seq: 10, recovered: true, ...fields,
});

/// Answers a `resume`: the session of c1 goes on, its string is `resume`.
export function resumed({ sockets }, { ref }, rooms, { lost = [], resume = 'r9', ...fields } = {}) {
  sockets.last.say({
    type: 'resumed', ref, userId: 'u1', clientId: 'c1', rooms, lost, resume, ...fields,
  });
}

export function refused({ sockets }, { ref }, code, fields = {}) {
  const error = { type: 'error', ref, request: 'resume', code, message: '', retryable: false };
  sockets.last.say({ ...error, ...fields });
}

export const withoutRef = (commands) => commands.map(({ ref, ...rest }) => rest);
