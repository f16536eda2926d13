// Programs of others that tests run, which are not npm's.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/// The path of a file that `.ci/setup.sh` has fetched, which may not exist.
export const fetched = (name) =>
  fileURLToPath(new URL(`../../../build/tools/${name}`, import.meta.url));

/// A program that was fetched or is installed; undefined if neither. `version`: an argument with
/// which it ends at once.
export const findProgram = (name, version = '--version') =>
  [fetched(name), name].find((file) => !spawnSync(file, [version]).error);

/// The first of these files that exists, or undefined.
export const findFile = (...files) => files.find((file) => existsSync(file));
