import type { Codec, WebSocketClass } from './codec.js';
import type { TroupeError } from './error.js';
import type { Command, Frame, GoodbyeFrame, Limits, WelcomeFrame } from './frames.js';
import type { Profile, Room } from './room.js';

export type ClientState = 'connecting' | 'connected' | 'reconnecting' | 'stopped' | 'closed';

/** Times are in milliseconds; 0 lifts a time limit. */
export interface ClientOptions {
  /** 'json' unless given `msgpack` of `troupe-client/msgpack`. */
  codec?: 'json' | Codec;
  /** A JWT, or what makes a new one for each connection. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** What others see of one; for each join that gives none. */
  profile?: Profile;
  /** The class to connect with, where the platform has none. */
  WebSocket?: WebSocketClass;
  /** For an answer (10,000). */
  timeout?: number;
  /** For a command that waits for the connection (60,000). */
  queueTimeout?: number;
  /** How many commands may wait (1,000). */
  queueLimit?: number;
  /** And of how many bytes (1 MiB). */
  queueBytes?: number;
  /** The n-th wait is a random part of this times 2^n (500). */
  reconnectInterval?: number;
  /** The longest wait (30,000). */
  maxReconnectInterval?: number;
  /** In a row, then the client stops (Infinity). */
  maxReconnectAttempts?: number;
}

export interface CommandOptions {
  timeout?: number;
}

export interface ClientEvents {
  /** `state` or `retryAt` changed. */
  state: Client;
  welcome: WelcomeFrame;
  goodbye: GoodbyeFrame;
  /** Every frame. */
  frame: Frame;
  /** The server has put this client into a room. */
  room: Room;
  /** What no promise tells. */
  error: TroupeError | Error;
}

/** A client of a Troupe server. */
export class Client {
  /** Connects. In a page `url` may be relative. */
  constructor(url: string | URL, options?: ClientOptions);

  readonly state: ClientState;
  /** When the next attempt to connect starts (as Date.now()); 0 while none is waited for. */
  readonly retryAt: number;
  /** Why there is no connection. */
  readonly error: TroupeError | Error | null;
  /** The server's goodbye, until it is back; without `reconnectAfterMs` for good. */
  readonly goodbye: GoodbyeFrame | null;
  /** Resolves while there is a connection, or once there is one; rejects once the client is stopped or closed. */
  readonly ready: Promise<WelcomeFrame>;
  readonly welcome: WelcomeFrame | null;
  readonly userId: string | null;
  readonly clientId: string | null;
  readonly limits: Limits | null;
  readonly rooms: Room[];

  /** Returns a function that takes the handler off again. */
  on<Type extends keyof ClientEvents>(type: Type, handler: (detail: ClientEvents[Type]) => void): () => void;
  on(type: string, handler: (frame: any) => void): () => void;
  off(type: string, handler: (detail: any) => void): void;

  /** The room of that name; it is not joined by that. */
  room(id: string): Room;
  /** Leaves the room and lets its object go. */
  forget(id: string): Promise<void>;
  /** Sends a command as it is and resolves with the frame that answers it. */
  request(command: Command, options?: CommandOptions): Promise<Frame>;
  /** Milliseconds to the server and back. */
  ping(options?: CommandOptions): Promise<number>;
  /** Connects now; begins anew if the client was stopped or closed. */
  connect(): void;
  close(): void;
}
