/**
 * What the server sends. Maps have no prototype; bytes are Uint8Array; integers beyond 2^53 are
 * rounded.
 */
export interface Frame {
  type: string;
  [field: string]: any;
}

/** What a client sends: a map with a type. */
export interface Command {
  type: string;
  [field: string]: any;
}

export interface RoomFrame extends Frame {
  roomId: string;
  /** The frame's place in the room's order; absent with the delivery `volatile` or `latest`. */
  seq?: number;
}

export interface Limits {
  maxMessageBytes: number;
  maxRooms: number;
  messagesPerSecond: number;
  burstMessages: number;
  /** How many ids of a session's messages a room knows again; absent or 0: none. */
  dedupe?: number;
}

export interface WelcomeFrame extends Frame {
  type: 'welcome';
  userId: string;
  clientId: string;
  /** Names the session: a secret. Absent if the server keeps no sessions. */
  resume?: string;
  /** How long the server keeps the session after a loss, in milliseconds. */
  resumeMs?: number;
  heartbeatMs: number;
  limits: Limits;
}

/** The session goes on on another connection. */
export interface ResumedFrame extends Frame {
  type: 'resumed';
  /** Those of the session. */
  userId: string;
  clientId: string;
  /** `recovered`: what was missed follows, or nothing was; else something may be lost. */
  rooms: { roomId: string; epoch: string; seq: number; recovered: boolean }[];
  /** Rooms that the session is not in any more, each with the code of an error. */
  lost: { roomId: string; code: string }[];
  /**
   * Of what was said to this user: the number of the last one; if not `recovered`, some of those
   * that this client has not seen are lost. Absent if the server knows no directs.
   */
  direct?: { seq: number; recovered: boolean };
  /** Names the session from now on. */
  resume: string;
}

/** What a user, or the server, has said to this user. */
export interface DirectFrame extends Frame {
  type: 'direct';
  /** Who has said it; absent: the server. */
  userId?: string;
  /** Counts what is said to this session, from 1. */
  seq: number;
  timestamp: string;
  text?: string;
  data?: any;
}

export interface GoodbyeFrame extends Frame {
  type: 'goodbye';
  reason: string;
  reconnectAfterMs?: [min: number, max: number];
}

export interface Ack extends Frame {
  type: 'ack';
  roomId?: string;
  seq?: number;
  /** The server had accepted the message before, and has said it once. */
  duplicate?: boolean;
}

export interface JoinedFrame extends RoomFrame {
  type: 'joined';
  userId: string;
  epoch: string;
  seq: number;
  recovered?: boolean;
  /** The first users in the room, if the server is set to it; `total`: how many there are. */
  members?: User[];
  total?: number;
}

/**
 * `reason` is absent after `leave`; else it is `kicked`, `forbidden` (a new token does not open the
 * room), or `refused` (the room could not be joined again; with `code`).
 */
export interface LeftFrame extends RoomFrame {
  type: 'left';
  reason?: 'kicked' | 'forbidden' | 'refused' | (string & {});
  message?: string;
  code?: string;
}

/**
 * The room is joined again. `recovered`: what was missed after `since` follows, or nothing was;
 * else it is lost.
 */
export interface Rejoined extends RoomFrame {
  type: 'rejoined';
  recovered: boolean;
  since: { epoch: string; seq: number };
  epoch: string;
  seq: number;
}

/** The room is joined again, but frames after `since` are lost. */
export interface Gap extends RoomFrame {
  type: 'gap';
  since: { epoch: string; seq: number };
  epoch: string;
  seq: number;
}

export interface UserJoinedFrame extends RoomFrame {
  type: 'userJoined';
  userId: string;
  profile?: any;
}

export interface UserLeftFrame extends RoomFrame {
  type: 'userLeft';
  userId: string;
  reason: 'left' | 'disconnected' | 'kicked' | 'forbidden' | (string & {});
}

export interface MessageFrame extends RoomFrame {
  type: 'message';
  userId: string;
  timestamp: string;
  text?: string;
  data?: any;
}

export interface BinaryFrame extends RoomFrame {
  type: 'binary';
  /** Left out if the room itself says it. */
  userId?: string;
  data: Uint8Array;
}

export interface RoomClosedFrame extends RoomFrame {
  type: 'roomClosed';
  reason: 'crashed' | 'ended' | 'overloaded' | (string & {});
}

/** A room asks this client. */
export interface RequestFrame extends RoomFrame {
  type: '$request';
  /** Names the request in the room's epoch. */
  requestId: string;
  data: any;
}

/** A user in a room. */
export interface User {
  userId: string;
  /** Absent if it is 1. */
  sessions?: number;
  profile?: any;
  /** All connections of the user are lost, and the room keeps its place; else absent. */
  away?: true;
}

/** All connections of a user are lost, and the room keeps its place. */
export interface AwayNotice extends RoomFrame {
  type: '$away';
  userId: string;
}

/** A user that was away has a connection again. */
export interface BackNotice extends RoomFrame {
  type: '$back';
  userId: string;
}

export interface ProfileNotice extends RoomFrame {
  type: '$profile';
  userId: string;
  /** Absent if the user has none any more. */
  profile?: any;
}

/** Users of whom something has changed, each once. */
export interface PresenceNotice extends RoomFrame {
  type: '$presence';
  joined: { userId: string; profile?: any; away?: true }[];
  left: { userId: string; reason: string }[];
  changed: { userId: string; profile?: any; away?: true }[];
  /** How many users are in the room. */
  total: number;
}

export interface PresenceFrame extends RoomFrame {
  type: 'presence';
  /** In the order of the bytes of their ids. */
  members: User[];
  /** How many users are in the room. */
  total: number;
  /** Whether nobody comes behind the last of `members`. */
  complete: boolean;
}

export interface HistoryFrame extends RoomFrame {
  type: 'history';
  epoch: string;
  /** As they were said, in the order of the room. */
  messages: RoomFrame[];
  /** Whether the room keeps nothing more in that direction. */
  complete: boolean;
  /** The position of the latest message that the room keeps no longer; absent if it keeps all. */
  dropped?: number;
}
