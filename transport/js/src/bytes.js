const chunkBytes = 0x8000; // one call takes only so many arguments
const utf8 = new TextEncoder();

/// The bytes of a Uint8Array, Buffer, ArrayBuffer, typed array or DataView without a copy;
/// undefined for anything else.
export function bytesOf(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}

export function toBase64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = '';
  for (let i = 0; i < bytes.length; i += chunkBytes)
    text += String.fromCharCode(...bytes.subarray(i, i + chunkBytes));
  return btoa(text);
}

/// Throws if `text` is no base64.
export function fromBase64(text) {
  const chars = atob(text);
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; ++i) bytes[i] = chars.charCodeAt(i);
  return bytes;
}

/// The bytes of an encoded message, which is text (counted as UTF-8) or bytes.
export function sizeOf(encoded) {
  return typeof encoded === 'string' ? utf8.encode(encoded).length : encoded.length;
}
