import { fromWire, toWire } from './troupe-client/values.js';
import { pack, unpack } from './msgpack.js';

const keepBytes = (bytes) => bytes;

/// The client's codec for MessagePack. With a bundler, `troupe-client/msgpack` has the same.
export const msgpack = {
  subprotocol: 'troupe.v1.msgpack',
  encode: (message) => pack(toWire(message, keepBytes)),
  decoder: () => (data) => fromWire(unpack(new Uint8Array(data))),
};
