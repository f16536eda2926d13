import { Decoder, Encoder } from '@msgpack/msgpack';
import { fromWire, toWire } from './values.js';

const encoder = new Encoder();
const decoder = new Decoder();
const keepBytes = (bytes) => bytes;

/// The codec for `new Client(url, { codec: msgpack })`: smaller messages, and bytes as they are.
export const msgpack = {
  subprotocol: 'troupe.v1.msgpack',
  encode: (message) => encoder.encode(toWire(message, keepBytes)),
  decoder: () => (data) => fromWire(decoder.decode(new Uint8Array(data))),
};
