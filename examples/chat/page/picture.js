/// Pictures that people send: makes them small enough, and recognises received ones.

const longestSide = 1600;
const shortestSide = 64;
const qualities = [0.85, 0.7, 0.5];

/// The bytes of `file` as a picture of at most `maxBytes`, or null if it is none.
/// What a camera has written beside the picture, such as the place, is gone;
/// a small animation stays as it is.
export async function shrunk(file, maxBytes) {
  if (file.type === 'image/gif' && file.size <= maxBytes) return bytesOf(file);
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  try {
    const full = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
    for (
      let scale = full;
      Math.max(bitmap.width, bitmap.height) * scale >= shortestSide;
      scale *= 0.7
    ) {
      const canvas = drawn(bitmap, scale);
      for (const [type, quality] of encodings(file.type)) {
        const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, quality));
        if (blob?.type === type && blob.size <= maxBytes) return bytesOf(blob);
      }
    }
    return null;
  } finally {
    bitmap.close();
  }
}

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

/// Tries PNG first for a PNG, so that sharp edges stay sharp. Not every browser writes WebP.
function encodings(type) {
  const lossy = ['image/webp', 'image/jpeg'].flatMap((t) => qualities.map((q) => [t, q]));
  return type === 'image/png' ? [['image/png'], ...lossy] : lossy;
}

function drawn(bitmap, scale) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const startsWith = (bytes, ...wanted) =>
  wanted.every((byte, i) => byte === null || byte === bytes[i]);

/// The type of a picture that browsers show, by its first bytes; undefined for all else.
function pictureType(bytes) {
  if (startsWith(bytes, 0x89, 0x50, 0x4e, 0x47)) return 'image/png';
  if (startsWith(bytes, 0xff, 0xd8, 0xff)) return 'image/jpeg';
  if (startsWith(bytes, 0x47, 0x49, 0x46, 0x38)) return 'image/gif';
  if (startsWith(bytes, 0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50))
    return 'image/webp';
  return undefined;
}

/// {url, isPicture} for bytes. The URL keeps them in memory until it is revoked.
export function urlOf(bytes) {
  const type = pictureType(bytes);
  const url = URL.createObjectURL(new Blob([bytes], { type: type ?? 'application/octet-stream' }));
  return { url, isPicture: type !== undefined };
}
