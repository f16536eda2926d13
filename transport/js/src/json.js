import { toBase64 } from './bytes.js';
import { fromWire, toWire } from './values.js';

const writeBytes = (bytes) => ({ $bin: toBase64(bytes) });

/// The default codec, which needs no package.
export const json = {
  subprotocol: 'troupe.v1.json',

  /// Throws a TroupeError `bad_payload`.
  encode: (message) => JSON.stringify(toWire(message, writeBytes)),

  /// For one connection: returns a function that turns a message of the socket into a frame, or
  /// into null if the frame is not complete.
  /// Bytes come in two parts: a `binary` frame that announces them,
  /// and the raw message that follows.
  decoder() {
    let announced = null;
    return (data) => {
      const head = announced;
      announced = null;
      if (typeof data !== 'string') {
        if (head) head.data = new Uint8Array(data);
        return head;
      }
      const frame = fromWire(JSON.parse(data));
      if (frame?.type !== 'binary' || frame.data) return frame;
      delete frame.bytes;
      announced = frame;
      return null;
    };
  },
};
