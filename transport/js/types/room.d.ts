import type { TroupeError } from './error.js';
import type {
  Ack,
  AwayNotice,
  BackNotice,
  BinaryFrame,
  Gap,
  HistoryFrame,
  JoinedFrame,
  LeftFrame,
  MessageFrame,
  PresenceFrame,
  PresenceNotice,
  ProfileNotice,
  Rejoined,
  RequestFrame,
  RoomClosedFrame,
  RoomFrame,
  User,
  UserJoinedFrame,
  UserLeftFrame,
} from './frames.js';

export type RoomState = 'left' | 'joining' | 'joined' | 'leaving';

export interface RoomEvents {
  message: MessageFrame;
  binary: BinaryFrame;
  userJoined: UserJoinedFrame;
  userLeft: UserLeftFrame;
  /** A user's profile has changed. */
  $profile: ProfileNotice;
  /** A user has lost its connections, and the room keeps its place. */
  $away: AwayNotice;
  /** A user that was away is back. */
  $back: BackNotice;
  /** In a large room, instead of these five: how users are now. */
  $presence: PresenceNotice;
  /** The room asks this client, whose reply is that of `onRequest`. */
  $request: RequestFrame;
  joined: JoinedFrame;
  left: LeftFrame;
  roomClosed: RoomClosedFrame;
  /** The room is joined again: `recovered` tells whether nothing is lost. */
  rejoined: Rejoined;
  /** The room is joined again, but frames are lost. */
  gap: Gap;
  /** An error of this room that rejects no promise: also what the handler of `onRequest` throws. */
  error: TroupeError | Error;
  /** Every frame of the room. */
  '*': RoomFrame;
}

export type Profile = object | (() => object | undefined);

export interface JoinOptions {
  /** What others see: a map, or what makes one for each join; default: the client's `profile`. */
  profile?: Profile;
  /** How long to wait, in milliseconds. */
  timeout?: number;
}

export interface PublishOptions {
  /** false: the sender gets no copy. */
  echo?: boolean;
  /**
   * reliable (the default): everybody in the room gets it. volatile: only those who are not behind.
   * latest: who is behind gets the last one of each sender and `key`; one that still waits here
   * gives way to the later one of its room and key (it fails with `superseded`).
   */
  delivery?: 'reliable' | 'volatile' | 'latest';
  /** Of `latest`: at most 64 bytes; '' unless given. */
  key?: string;
  /**
   * The application's own id, by which the room knows the message again: a second one of that id is
   * acked and said to nobody. Without it the client gives a number of its own. It means nothing
   * with `volatile` and `latest`, which are not sent again after a loss.
   */
  id?: string;
  /** How long to wait for the answer, in milliseconds from sending on. */
  timeout?: number;
}

/**
 * The users in a room: a listing after each join, and what the room tells from then on. While the
 * list is made again after a loss it still shows the former one.
 */
export interface Members {
  /** Whether the list is whole and follows the room. */
  readonly live: boolean;
  /** How many users are in the room. */
  readonly total: number;
  /** In no order. */
  readonly users: MemberUser[];
  get(userId: string): MemberUser | undefined;
  /** Returns a function that removes the handler. */
  on(type: 'change', handler: (members: Members) => void): () => void;
  off(type: 'change', handler: (members: Members) => void): void;
  /**
   * Follows the room until `stop`. Resolves once the list is whole; waits for the room to be
   * joined. Rejects, and follows no more, if the server does not list this room, or the client is
   * closed.
   */
  start(): Promise<Members>;
  /** Follows the room no more. The list stays as it is. */
  stop(): void;
}

export interface MemberUser {
  userId: string;
  profile?: any;
  /** All connections of the user are lost, and the room keeps its place; else absent. */
  away?: true;
}

export interface HistoryOptions {
  after?: number;
  before?: number;
  /** The most messages in the answer (100). */
  limit?: number;
  timeout?: number;
}

/**
 * queued: it waits for the connection, for its room or for the server's rate; sent; acked: the
 * server has done it; failed: it was refused, or never sent; unknown: it was sent, and no answer
 * came. The last three are final. What was sent may be sent again after a loss, and stays `sent`.
 */
export type SendingState = 'queued' | 'sent' | 'acked' | 'failed' | 'unknown';

/** A command on its way: a promise of its answer that also tells where the command is. */
export interface Sending<Answer = Ack> extends Promise<Answer> {
  readonly state: SendingState;
  /** Why it is failed or unknown; else null. */
  readonly error: TroupeError | null;
  /** Called after each change of `state`. Returns a function that removes the handler. */
  on(type: 'state', handler: (sending: Sending<Answer>) => void): () => void;
  off(type: 'state', handler: (sending: Sending<Answer>) => void): void;
}

/** One room of a client, made by `client.room(id)`. */
export interface Room {
  readonly id: string;
  readonly state: RoomState;
  readonly joined: boolean;
  /** The users in the room, kept up to date from `members.start()` on. */
  readonly members: Members;

  /** Returns a function that removes the handler. */
  on<Type extends keyof RoomEvents>(type: Type, handler: (detail: RoomEvents[Type]) => void): () => void;
  on(type: string, handler: (frame: any) => void): () => void;
  off(type: string, handler: (detail: any) => void): void;

  /**
   * `handler` replies to what the room asks this client, in the place of the handler before: it
   * returns the reply's data, or a promise of it. Each request is handled once, also if the room
   * asks again after a loss, unless the handler has thrown. Returns a function that removes it.
   */
  onRequest(handler: (data: any) => unknown): () => void;
  /** Joins the room, and joins it again after each loss of the connection, until `leave`. */
  join(options?: JoinOptions): Promise<JoinedFrame>;
  leave(options?: { timeout?: number }): Promise<LeftFrame>;
  /** Tells the others another profile than the join; later joins bring it, too. */
  setProfile(profile: object, options?: { timeout?: number }): Sending;
  send(text: string, options?: PublishOptions): Sending;
  sendData(data: unknown, options?: PublishOptions): Sending;
  sendBinary(bytes: ArrayBuffer | ArrayBufferView, options?: PublishOptions): Sending;
  /** Sends a message of the application's own type. */
  request(type: string, fields?: object, options?: { timeout?: number }): Sending;
  /** Who is in the room: one page, of users behind the id `after`. */
  presence(options?: { after?: string; limit?: number; timeout?: number }): Sending<PresenceFrame>;
  /** All users in the room, for `for await`. Whoever is in the room all the while comes once. */
  users(options?: { limit?: number; timeout?: number }): AsyncGenerator<User, void, undefined>;
  /**
   * What the room keeps of what was said: one page behind the position `after`, or right before
   * `before`, else the latest.
   */
  history(options?: HistoryOptions): Sending<HistoryFrame>;
  /** Like `request`, but without an answer; not sent if it had to wait. Returns whether it was. */
  notify(type: string, fields?: object): boolean;
}
