/** The client's own codes; errors may also have those of the server's table. */
export type TroupeErrorCode =
  | 'connection_lost' // `sent` tells whether the command may have arrived
  | 'timeout' // `sent` tells whether the command may have arrived
  | 'queue_full'
  | 'dropped' // from the full queue, as its policy says
  | 'superseded' // by a later message with the delivery `latest` and the same key
  | 'too_big'
  | 'bad_payload'
  | 'no_handler' // the room has asked, and nobody replies
  | 'left' // the room was left before it was joined
  | 'closed'
  | 'undecodable'
  | 'no_websocket'
  | (string & {});

/** Why something was refused or did not happen. */
export class TroupeError extends Error {
  constructor(fields: {
    code: TroupeErrorCode;
    message: string;
    retryable?: boolean;
    retryAfterMs?: number;
    roomId?: string;
    request?: string;
    sent?: boolean;
    closeCode?: number;
  });
  name: 'TroupeError';
  code: TroupeErrorCode;
  /** Whether the same command may succeed later. */
  retryable: boolean;
  retryAfterMs?: number;
  roomId?: string;
  /** The type of the command. */
  request?: string;
  /** Whether the command may have reached the server. */
  sent: boolean;
  closeCode?: number;
}
