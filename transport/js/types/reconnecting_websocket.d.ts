import type { WebSocketClass } from './codec.js';

export interface ReconnectingWebSocketOptions {
  /** Base of the waits in milliseconds, each a random part of base * 2^n (3000). */
  reconnectInterval?: number;
  /** The longest wait (30,000). */
  maxReconnectInterval?: number;
  /** In a row (10). */
  maxReconnectAttempts?: number;
  protocols?: string | string[];
  WebSocket?: WebSocketClass;
  /** true: to the console. */
  log?: boolean | ((line: string) => void);
}

/** The raw events of the socket. */
export interface ReconnectingWebSocketEvents {
  open: any;
  message: { data: any };
  close: { code: number; reason: string; wasClean: boolean };
  error: any;
}

/** A WebSocket that opens itself again. */
export class ReconnectingWebSocket {
  constructor(url: string, options?: ReconnectingWebSocketOptions);

  url: string;
  reconnectInterval: number;
  maxReconnectAttempts: number;
  /** Since it was open last. */
  reconnectAttempts: number;
  /** null until there is one. */
  ws: any;
  handlers: { [Event in keyof ReconnectingWebSocketEvents]: ((e: ReconnectingWebSocketEvents[Event]) => void)[] };

  /** Opens a new socket now. */
  connect(): void;
  /** Opens a new socket after a while. */
  reconnect(): void;
  on<Event extends keyof ReconnectingWebSocketEvents>(event: Event, handler: (e: ReconnectingWebSocketEvents[Event]) => void): void;
  /** Returns whether the socket took `data`; it does while it is open. */
  send(data: any): boolean;
  /** For good. */
  close(code?: number, reason?: string): void;
}
