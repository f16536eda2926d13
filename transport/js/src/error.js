import { endings } from './close_code.js';

/// Why something was refused or did not happen. The code is one of the server's table, or one of
/// the client's own (see the README).
export class TroupeError extends Error {
  name = 'TroupeError';

  /// `retryable`: whether the same command may succeed later. `sent`: whether the command may have
  /// reached the server. An `error` frame has the others.
  constructor({
    code, message, retryable = false, retryAfterMs, roomId, request, sent = true, closeCode,
  }) {
    super(message);
    Object.assign(this, { code, retryable, retryAfterMs, roomId, request, sent, closeCode });
  }
}

export function connectionLost(code, reason) {
  const why = code ? ` (${code}${reason ? ` ${reason}` : ''})` : reason ? `: ${reason}` : '';
  return new TroupeError({
    code: 'connection_lost',
    message: `The connection was lost${why}.`,
    retryable: true,
    closeCode: code,
  });
}

/// `reason`: one of the close code's `endings`.
export const sessionEnded = (reason) =>
  new TroupeError({ code: reason, message: endings.get(reason), closeCode: 1008 });
