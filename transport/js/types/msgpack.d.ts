import type { Codec } from './codec.js';

/** The codec for `new Client(url, { codec: msgpack })`. */
export const msgpack: Codec;
