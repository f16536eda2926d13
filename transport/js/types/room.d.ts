import type { TroupeError } from './error.js';
import type {
  Ack,
  BinaryFrame,
  Gap,
  JoinedFrame,
  LeftFrame,
  MessageFrame,
  RoomClosedFrame,
  RoomFrame,
  UserJoinedFrame,
  UserLeftFrame,
} from './frames.js';

export type RoomState = 'left' | 'joining' | 'joined' | 'leaving';

export interface RoomEvents {
  message: MessageFrame;
  binary: BinaryFrame;
  userJoined: UserJoinedFrame;
  userLeft: UserLeftFrame;
  joined: JoinedFrame;
  left: LeftFrame;
  roomClosed: RoomClosedFrame;
  /** Joined again, but something was missed. */
  gap: Gap;
  /** An error of this room that belongs to no promise. */
  error: TroupeError;
  /** Every frame of the room. */
  '*': RoomFrame;
}

export type Profile = object | (() => object | undefined);

export interface JoinOptions {
  /** A map that others see, or what makes it for each join; the client's `profile` if absent. */
  profile?: Profile;
  /** Milliseconds. */
  timeout?: number;
}

export interface PublishOptions {
  /** false: no copy of one's own. */
  echo?: boolean;
  delivery?: 'reliable' | 'volatile' | 'latest';
  key?: string;
  id?: string | number;
  /** Milliseconds for the answer, from sending on. */
  timeout?: number;
}

/** One room of a client, made by `client.room(id)`. */
export interface Room {
  readonly id: string;
  readonly state: RoomState;
  readonly joined: boolean;

  /** Returns a function that takes the handler off again. */
  on<Type extends keyof RoomEvents>(type: Type, handler: (detail: RoomEvents[Type]) => void): () => void;
  on(type: string, handler: (frame: any) => void): () => void;
  off(type: string, handler: (detail: any) => void): void;

  /** Asks to be in the room until `leave`: it is joined again after each loss of the connection. */
  join(options?: JoinOptions): Promise<JoinedFrame>;
  leave(options?: { timeout?: number }): Promise<LeftFrame>;
  send(text: string, options?: PublishOptions): Promise<Ack>;
  sendData(data: unknown, options?: PublishOptions): Promise<Ack>;
  sendBinary(bytes: ArrayBuffer | ArrayBufferView, options?: PublishOptions): Promise<Ack>;
  /** Sends a message of the application's own type. */
  request(type: string, fields?: object, options?: { timeout?: number }): Promise<Ack>;
  /** The same without an answer; not sent where it would have to wait. Returns whether it was sent. */
  notify(type: string, fields?: object): boolean;
}
