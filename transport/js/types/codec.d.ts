/** A constructor like that of browsers or of the package `ws`. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => any;

/** How messages are encoded: as JSON, or with `msgpack` of `troupe-client/msgpack`. */
export interface Codec {
  readonly subprotocol: string;
  encode(message: object): string | Uint8Array;
  decoder(): (data: string | ArrayBuffer) => any;
}
