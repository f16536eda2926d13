/// Reasons of close code 1008 that say only that the client was too slow, not that it broke a rule.
const passing = new Set(['heartbeat_timeout', 'write_timeout', 'assembly_timeout']);

/// The server refuses this client, or its token: the same attempt would be refused again.
export const isRefusal = (code, reason) => code === 1008 && !passing.has(reason);

/// Reasons of close code 1008 that end the session, each with its sentence.
export const endings = new Map([
  ['replaced', 'Another connection has taken over this session.'],
  ['disconnected', 'The server has ended your session.'],
]);

/// The server has ended the session, whoever the client is: a new token does not help.
export const isEnding = (code, reason) => code === 1008 && endings.has(reason);

/// How the client closes a connection that it gives up: the server keeps the session, which a close
/// with 1000 would end.
export const givenUp = 4000;

/// The server is overloaded.
export const isOverload = (code) => code === 1013;
