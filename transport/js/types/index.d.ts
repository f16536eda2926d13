export {
  Client,
  type ClientEvents,
  type ClientOptions,
  type ClientState,
  type CommandOptions,
  type SessionStorage,
} from './client.js';
export { TroupeError, type TroupeErrorCode } from './error.js';
export {
  ReconnectingWebSocket,
  type ReconnectingWebSocketEvents,
  type ReconnectingWebSocketOptions,
} from './reconnecting_websocket.js';
export type {
  HistoryOptions,
  JoinOptions,
  MemberUser,
  Members,
  Profile,
  PublishOptions,
  Room,
  RoomEvents,
  RoomState,
  Sending,
  SendingState,
} from './room.js';
export type {
  Ack,
  AwayNotice,
  BackNotice,
  BinaryFrame,
  Command,
  Frame,
  Gap,
  GoodbyeFrame,
  HistoryFrame,
  JoinedFrame,
  LeftFrame,
  Limits,
  MessageFrame,
  PresenceFrame,
  PresenceNotice,
  ProfileNotice,
  Rejoined,
  ResumedFrame,
  RoomClosedFrame,
  RoomFrame,
  User,
  UserJoinedFrame,
  UserLeftFrame,
  WelcomeFrame,
} from './frames.js';
export type { Codec, WebSocketClass } from './codec.js';
