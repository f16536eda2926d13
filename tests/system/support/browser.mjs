// Chromium, as Debian has it.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/// Why tests in a browser cannot run, or false.
export const skip = existsSync(executablePath) ? false : `${executablePath} is not installed`;

export const launchBrowser = (...more) =>
  chromium.launch({ executablePath, args: [...args, ...more] });
