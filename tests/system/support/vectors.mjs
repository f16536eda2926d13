// The test vectors that the library's own tests use, too.

import { readFileSync } from 'node:fs';

export function vectors(name) {
  return JSON.parse(
    readFileSync(new URL(`../../../protocol/vectors/${name}.json`, import.meta.url), 'utf8'),
  );
}

export const fromBase64 = (text) => Buffer.from(text, 'base64');
