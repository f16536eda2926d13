/// Small functions for text that people type.

const bytes = new TextEncoder();
const control = /\p{Cc}/u;
const segmenter = Intl.Segmenter && new Intl.Segmenter();
const link = /https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]/gu;

export const byteLength = (text) => bytes.encode(text).length;

/// `text` as a name of a person, or null: 1 to 32 characters.
export function personName(text) {
  const name = text.trim();
  return name && [...name].length <= 32 && !control.test(name) ? name : null;
}

/// `text` as a name of a room, or null: 1 to 128 bytes.
export function roomName(text) {
  const name = text.trim();
  return name && byteLength(name) <= 128 && !control.test(name) ? name : null;
}

/// The first character as people see it.
export function initial(name) {
  const [first] = segmenter ? segmenter.segment(name) : name;
  return (first?.segment ?? first ?? '').toLocaleUpperCase();
}

/// A hue that belongs to a name, in degrees.
export function hueOf(name) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const c of name) hash = Math.imul(hash ^ c.codePointAt(0), 0x01000193) >>> 0;
  return (hash >>> 8) % 360;
}

/// Cuts a text into {text, href?}: what looks like a web address has `href`.
export function withLinks(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(link)) {
    if (found.index > end) parts.push({ text: text.slice(end, found.index) });
    parts.push({ text: found[0], href: found[0] });
    end = found.index + found[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/// A number of bytes as people read it.
export function fileSize(count) {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2
    ? `${Math.round(count / 1024)} KiB`
    : `${(count / 1024 ** 2).toFixed(1)} MiB`;
}

/// Whether Enter only ends the composition of a syllable.
/// Safari tells that by the key code only.
export const isComposing = (event) => event.isComposing || event.keyCode === 229;
