/// Reasons of close code 1008 that say only that the client was too slow, not that it broke a rule.
const passing = new Set(['heartbeat_timeout', 'write_timeout', 'assembly_timeout']);

/// The server refuses this client, or its token: the same attempt would be refused again.
export const isRefusal = (code, reason) => code === 1008 && !passing.has(reason);

/// Another connection has taken over the session.
export const isReplaced = (code, reason) => code === 1008 && reason === 'replaced';

/// How the client closes a connection that it gives up: the server keeps the session, which a close
/// with 1000 would end.
export const givenUp = 4000;

/// The server is overloaded.
export const isOverload = (code) => code === 1013;
