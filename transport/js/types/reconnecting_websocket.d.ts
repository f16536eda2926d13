import type { WebSocketClass } from './codec.js';

export interface ReconnectingWebSocketOptions {
  /** Base of the waits in milliseconds (3000): each wait is a random part of base * 2^n. */
  reconnectInterval?: number;
  /** The longest wait (30,000). */
  maxReconnectInterval?: number;
  /** How many attempts in a row (10). */
  maxReconnectAttempts?: number;
  protocols?: string | string[];
  WebSocket?: WebSocketClass;
  /** true: logs to the console. */
  log?: boolean | ((line: string) => void);
}

/** The raw events of the socket. */
export interface ReconnectingWebSocketEvents {
  open: any;
  message: { data: any };
  close: { code: number; reason: string; wasClean: boolean };
  error: any;
}

/** A WebSocket that reopens itself. */
export class ReconnectingWebSocket {
  constructor(url: string, options?: ReconnectingWebSocketOptions);

  url: string;
  reconnectInterval: number;
  maxReconnectAttempts: number;
  /** Attempts since the socket was last open. */
  reconnectAttempts: number;
  /** The current socket; null before the first. */
  ws: any;
  handlers: { [Event in keyof ReconnectingWebSocketEvents]: ((e: ReconnectingWebSocketEvents[Event]) => void)[] };

  /** Opens a new socket now, and discards the current one. */
  connect(): void;
  /** Opens a new socket after a while. */
  reconnect(): void;
  on<Event extends keyof ReconnectingWebSocketEvents>(event: Event, handler: (e: ReconnectingWebSocketEvents[Event]) => void): void;
  /** Returns whether the socket took `data`, which it does while it is open. */
  send(data: any): boolean;
  /** Closes the socket for good. */
  close(code?: number, reason?: string): void;
}
