/// Close code 1008 says that the client broke a rule, and here only that it was not heard in time.
const passing = new Set(['heartbeat_timeout', 'write_timeout', 'assembly_timeout']);

/// The server does not want this client, or not with this token: the same again would be refused again.
export const isRefusal = (code, reason) => code === 1008 && !passing.has(reason);

/// The server has too much to do.
export const isOverload = (code) => code === 1013;
