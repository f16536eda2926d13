import type { Codec, WebSocketClass } from './codec.js';
import type { TroupeError } from './error.js';
import type {
  Command,
  DirectFrame,
  Frame,
  GoodbyeFrame,
  Limits,
  ResumedFrame,
  WelcomeFrame,
} from './frames.js';
import type { Profile, Room, Sending } from './room.js';

export type ClientState = 'connecting' | 'connected' | 'reconnecting' | 'stopped' | 'closed';

/** Times are in milliseconds; 0 lifts a time limit. */
export interface ClientOptions {
  /** 'json' (the default), or `msgpack` of `troupe-client/msgpack`. */
  codec?: 'json' | Codec;
  /** A JWT, or a function that returns a new one for each connection. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** What others see of this client, for joins that give no profile. */
  profile?: Profile;
  /** The class to connect with, where the platform has none. */
  WebSocket?: WebSocketClass;
  /** How long to wait for an answer (10,000). */
  timeout?: number;
  /** With something unanswered: the silence after which the client pings the server (3,000). */
  pingAfter?: number;
  /** From a ping: the silence after which the client gives the connection up (3,000). */
  pongTimeout?: number;
  /** How long a command may wait for the connection (60,000). */
  queueTimeout?: number;
  /** How many commands may wait (1,000). */
  queueLimit?: number;
  /** How many bytes they may have together (1 MiB). */
  queueBytes?: number;
  /**
   * What happens beyond that: the new command is refused with `queue_full` (the default), or what
   * has waited longest is dropped with `dropped`.
   */
  queuePolicy?: 'reject' | 'drop-oldest';
  /** The n-th wait is a random part of this times 2^n (500). */
  reconnectInterval?: number;
  /** The longest wait (30,000). */
  maxReconnectInterval?: number;
  /** How many attempts in a row before the client stops (Infinity). */
  maxReconnectAttempts?: number;
  /**
   * In a page: hands the session over to the next load of the page, which joins the rooms that this
   * one was in (false).
   */
  resumeAcrossReload?: boolean;
  /** Where the session lies between the two (sessionStorage). */
  storage?: SessionStorage;
}

/** What a page stores strings in, as localStorage does. */
export interface SessionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface CommandOptions {
  timeout?: number;
}

export interface DirectOptions extends CommandOptions {
  /**
   * The application's own id, by which the server knows the direct again: a second one of that id
   * is acked and said to nobody. Without it the client gives a number of its own.
   */
  id?: string;
}

export interface ClientEvents {
  /** `state` or `retryAt` has changed. */
  state: Client;
  welcome: WelcomeFrame;
  goodbye: GoodbyeFrame;
  /** The session goes on after a loss, and its rooms are joined. */
  resumed: ResumedFrame;
  /** A user, or the server, has said something to this user. */
  direct: DirectFrame;
  /** Every frame. */
  frame: Frame;
  /** The server has put this client into a room. */
  room: Room;
  /** Errors that reject no promise. */
  error: TroupeError | Error;
}

/** A client of a Troupe server. */
export class Client {
  /** Connects at once. In a page `url` may be relative. */
  constructor(url: string | URL, options?: ClientOptions);

  readonly state: ClientState;
  /** When the next attempt to connect starts (as Date.now()); 0 if none is scheduled. */
  readonly retryAt: number;
  /** Why there is no connection; null while there is one. */
  readonly error: TroupeError | Error | null;
  /** The server's goodbye, until it is back. Without `reconnectAfterMs` it is meant for good. */
  readonly goodbye: GoodbyeFrame | null;
  /**
   * Resolves once there is a connection, and it is known whether the session goes on; rejects if
   * the client is stopped or closed.
   */
  readonly ready: Promise<WelcomeFrame>;
  /** The last; if the session goes on, with its `userId`, `clientId` and `resume`. */
  readonly welcome: WelcomeFrame | null;
  readonly userId: string | null;
  readonly clientId: string | null;
  readonly limits: Limits | null;
  readonly rooms: Room[];

  /** Returns a function that removes the handler. */
  on<Type extends keyof ClientEvents>(type: Type, handler: (detail: ClientEvents[Type]) => void): () => void;
  on(type: string, handler: (frame: any) => void): () => void;
  off(type: string, handler: (detail: any) => void): void;

  /** The room of that name, which this does not join. */
  room(id: string): Room;
  /** Leaves the room and releases its object and handlers. */
  forget(id: string): Promise<void>;
  /**
   * Sends a command unchanged. Resolves with the frame that answers it. Of all commands only a
   * reliable `message` or `binary` with `roomId` and `id`, and a `direct` with `id`, is sent again
   * after a loss.
   */
  request(command: Command, options?: CommandOptions): Sending<Frame>;
  /**
   * Says `body` to all clients of that user: a string as `text`, any other value that JSON has,
   * which may contain bytes, as `data`. Resolves once one of them has it queued; rejects with
   * `user_away` if none is there.
   */
  direct(userId: string, body: unknown, options?: DirectOptions): Sending;
  /** Resolves with the round-trip time to the server in milliseconds. */
  ping(options?: CommandOptions): Promise<number>;
  /** Connects now; starts again if the client was stopped or closed. */
  connect(): void;
  /** Ends the connection and the session. */
  close(): void;
}
