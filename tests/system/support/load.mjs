// Runs troupe_load.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runToEnd } from './node.mjs';
import { temporaryFolder } from './tokens.mjs';

/// Runs a load and returns {code, report, stdout, stderr}.
export async function load(t, url, args = [], seconds = 1) {
  const file = path.join(temporaryFolder(t), 'load.json');
  const ended = await runToEnd('troupe_load', [
    url, '--quiet', '--warm-up', '0.2', '--duration', String(seconds), '--json', file, ...args,
  ]);
  return {
    ...ended,
    report: ended.code === 0 || ended.code === 3 ? JSON.parse(readFileSync(file, 'utf8')) : null,
  };
}

/// Options of a node that lets it do so.
export const unbounded = ['--message-rate', '0', '--admission-rate', '0', '--announce', 'off'];
