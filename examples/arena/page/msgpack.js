/// MessagePack for what Troupe's payloads may hold: null, booleans, finite numbers, text, bytes,
/// arrays and maps. Small, since pages of this example come without packages.

const text = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/// Returns `value` as MessagePack, a Uint8Array. Throws a TypeError for what has no place in it.
export function pack(value) {
  const packer = new Packer();
  packer.write(value);
  return packer.taken();
}

class Packer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  taken() {
    return this.#bytes.slice(0, this.#size);
  }

  write(value) {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === 'object') this.#map(value);
    else throw new TypeError(`MessagePack has no ${typeof value}`);
  }

  #number(n) {
    if (!Number.isSafeInteger(n)) this.#wide(0xcb, 8, (at) => this.#view.setFloat64(at, n));
    else if (n >= 0) this.#positive(n);
    else if (n >= -32) this.#byte(n & 0xff);
    else this.#wide(0xd3, 8, (at) => this.#view.setBigInt64(at, BigInt(n)));
  }

  #positive(n) {
    if (n < 0x80) this.#byte(n);
    else if (n < 0x100) this.#wide(0xcc, 1, (at) => this.#view.setUint8(at, n));
    else if (n < 0x10000) this.#wide(0xcd, 2, (at) => this.#view.setUint16(at, n));
    else if (n < 0x100000000) this.#wide(0xce, 4, (at) => this.#view.setUint32(at, n));
    else this.#wide(0xcf, 8, (at) => this.#view.setBigUint64(at, BigInt(n)));
  }

  #text(value) {
    const bytes = text.encode(value);
    this.#head(bytes.length, { few: 32, fix: 0xa0, one: 0xd9, two: 0xda, four: 0xdb });
    this.#put(bytes);
  }

  #binary(bytes) {
    this.#head(bytes.length, { few: 0, one: 0xc4, two: 0xc5, four: 0xc6 });
    this.#put(bytes);
  }

  #array(items) {
    this.#head(items.length, { few: 16, fix: 0x90, two: 0xdc, four: 0xdd });
    for (const item of items) this.write(item);
  }

  #map(value) {
    const entries = Object.entries(value);
    this.#head(entries.length, { few: 16, fix: 0x80, two: 0xde, four: 0xdf });
    for (const [key, item] of entries) {
      this.#text(key);
      this.write(item);
    }
  }

  /// The length of what follows, in the shortest of the forms that its kind has.
  #head(length, { few, fix, one, two, four }) {
    if (length < few) this.#byte(fix | length);
    else if (one && length < 0x100) this.#wide(one, 1, (at) => this.#view.setUint8(at, length));
    else if (length < 0x10000) this.#wide(two, 2, (at) => this.#view.setUint16(at, length));
    else this.#wide(four, 4, (at) => this.#view.setUint32(at, length));
  }

  #wide(kind, bytes, write) {
    this.#byte(kind);
    write(this.#grow(bytes));
  }

  #byte(value) {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  #put(bytes) {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /// Makes room for `bytes` more; returns where.
  #grow(bytes) {
    const at = this.#size;
    this.#size += bytes;
    if (this.#size > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#size);
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/// Reads one value, which has to be all of `bytes` (a Uint8Array). Bytes in it are views of these.
/// Throws a RangeError or a TypeError for what is no such value.
export function unpack(bytes) {
  const reader = new Unpacker(bytes);
  const value = reader.read();
  if (!reader.isAtEnd) throw new RangeError('There is more behind the value.');
  return value;
}

class Unpacker {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd() {
    return this.#at === this.#bytes.length;
  }

  read() {
    const kind = this.#view.getUint8(this.#skip(1));
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#map(kind & 0x0f);
    if (kind < 0xa0) return this.#array(kind & 0x0f);
    if (kind < 0xc0) return this.#text(kind & 0x1f);
    if (kind >= 0xe0) return kind - 0x100;
    const read = this.#kinds[kind];
    if (!read) throw new TypeError(`MessagePack of a kind that has no place here: ${kind}`);
    return read();
  }

  #kinds = {
    0xc0: () => null,
    0xc2: () => false,
    0xc3: () => true,
    0xc4: () => this.#binary(this.#unsigned(1)),
    0xc5: () => this.#binary(this.#unsigned(2)),
    0xc6: () => this.#binary(this.#unsigned(4)),
    0xca: () => this.#view.getFloat32(this.#skip(4)),
    0xcb: () => this.#view.getFloat64(this.#skip(8)),
    0xcc: () => this.#unsigned(1),
    0xcd: () => this.#unsigned(2),
    0xce: () => this.#unsigned(4),
    0xcf: () => Number(this.#view.getBigUint64(this.#skip(8))),
    0xd0: () => this.#view.getInt8(this.#skip(1)),
    0xd1: () => this.#view.getInt16(this.#skip(2)),
    0xd2: () => this.#view.getInt32(this.#skip(4)),
    0xd3: () => Number(this.#view.getBigInt64(this.#skip(8))),
    0xd9: () => this.#text(this.#unsigned(1)),
    0xda: () => this.#text(this.#unsigned(2)),
    0xdb: () => this.#text(this.#unsigned(4)),
    0xdc: () => this.#array(this.#unsigned(2)),
    0xdd: () => this.#array(this.#unsigned(4)),
    0xde: () => this.#map(this.#unsigned(2)),
    0xdf: () => this.#map(this.#unsigned(4)),
  };

  #unsigned(bytes) {
    const at = this.#skip(bytes);
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #text(length) {
    return utf8.decode(this.#binary(length));
  }

  #binary(length) {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #array(length) {
    const items = [];
    while (items.length < length) items.push(this.read());
    return items;
  }

  #map(length) {
    const map = Object.create(null); // a key `__proto__` is like any other
    for (let i = 0; i < length; i += 1) {
      const key = this.read();
      if (typeof key !== 'string') throw new TypeError('a key that is no text');
      map[key] = this.read();
    }
    return map;
  }

  /// Takes `bytes` off the front; returns where they begin.
  #skip(bytes) {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new RangeError('The value is not whole.');
    this.#at += bytes;
    return at;
  }
}
