/// Values on the wire are those that both codecs have:
/// null, booleans, finite numbers, well-formed strings, bytes, arrays and maps.

import { bytesOf, fromBase64, toBase64 } from './bytes.js';
import { TroupeError } from './error.js';

const maxDepth = 32;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/;

/// Returns a copy of `value` that either codec can write; `writeBytes` replaces each Uint8Array.
/// As in JSON, `toJSON` is called; undefined and functions are left out of maps and become null
/// in arrays.
/// Throws a TroupeError `bad_payload` that names the path.
export function toWire(value, writeBytes) {
  return new Writer(writeBytes).write(value, 1);
}

class Writer {
  #path = [];
  #writeBytes;

  constructor(writeBytes) {
    this.#writeBytes = writeBytes;
  }

  write(value, depth) {
    switch (typeof value) {
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) ? value : this.#refuse('a number that is not finite');
      case 'string':
        return this.#text(value);
      case 'bigint':
        return this.#refuse('a BigInt; send it as text');
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return undefined;
    }
  }

  #object(value, depth) {
    const bytes = bytesOf(value);
    if (bytes) return this.#writeBytes(bytes);
    if (typeof value.toJSON === 'function') return this.write(value.toJSON(), depth);
    if (Object.hasOwn(value, '$bin')) return this.#writeBytes(this.#base64(value));
    if (depth > maxDepth) this.#refuse('nested too deeply');
    if (Array.isArray(value))
      return Array.from(value, (item, i) => this.#member(item, i, depth) ?? null);
    const map = {};
    for (const key of Object.keys(value)) {
      if (this.#text(key) === '__proto__') this.#refuse('the key __proto__');
      const written = this.#member(value[key], key, depth);
      if (written !== undefined) map[key] = written;
    }
    return map;
  }

  #member(value, key, depth) {
    this.#path.push(key);
    const written = this.write(value, depth + 1);
    this.#path.pop();
    return written;
  }

  #text(text) {
    const isWellFormed = text.isWellFormed?.() ?? !loneSurrogate.test(text);
    return isWellFormed ? text : this.#refuse('half of a surrogate pair');
  }

  /// {$bin: base64} is how JSON writes bytes.
  #base64(value) {
    try {
      const bytes = fromBase64(value.$bin);
      if (Object.keys(value).length === 1 && toBase64(bytes) === value.$bin) return bytes;
    } catch {
      // falls through
    }
    return this.#refuse('the key $bin beside other keys, or with anything but base64');
  }

  #refuse(what) {
    const message = `/${this.#path.join('/')}: ${what}`;
    throw new TroupeError({ code: 'bad_payload', message, sent: false });
  }
}

/// Converts a value that a codec has read: maps get no prototype (a key `__proto__` is like any
/// other), {$bin} becomes bytes.
export function fromWire(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(fromWire);
  // What was decoded is a view of the whole message.
  if (value instanceof Uint8Array) return value.slice();
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof value.$bin === 'string') return fromBase64(value.$bin);
  const map = Object.create(null);
  for (const key of keys) map[key] = fromWire(value[key]);
  return map;
}
