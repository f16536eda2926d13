// Runs the client blocks of the `ws` tutorial, the files of ../seed, as they are printed.
//
// The blocks name ws://localhost:8080. Tests run side by side, so nobody listens there: a Node
// block runs with seed_port.cjs preloaded, and Chromium has a rule for that host and port. Both
// change where the TCP connection goes and nothing else.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from './browser.mjs';
import { patience, until, within } from './wait.mjs';

const pathOf = (file) => fileURLToPath(new URL(file, import.meta.url));
export const printed = (block) => readFileSync(pathOf(`../seed/${block}`), 'utf8');

/// What a program writes to its console, line by line.
class Screen {
  lines = [];

  /// Waits until there are as many lines as `expected`, and checks that they are exactly these.
  async shows(expected, ms = patience) {
    await until(() => this.lines.length >= expected.length, 'the lines', ms).catch(() => {});
    assert.deepEqual(this.lines, expected);
  }
}

/// Runs a Node block in a process of its own, with `node` at ws://localhost:8080.
export function runInNode(t, node, block) {
  const child = spawn(
    process.execPath,
    ['--require', pathOf('seed_port.cjs'), pathOf(`../seed/${block}`)],
    {
      env: { ...process.env, TROUPE_SEED_PORT: String(node.port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [screen, errors] = [new Screen(), new Screen()];
  createInterface({ input: child.stdout }).on('line', (line) => screen.lines.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.lines.push(line));
  const exited = once(child, 'close').then(([code, signal]) => signal ?? code);
  t.after(() => {
    child.kill('SIGKILL');
    return exited;
  });
  return {
    screen,
    errors,
    ended: () =>
      within(exited, () => `the program to end; it shows ${JSON.stringify(screen.lines)}`),
  };
}

/// Starts a Chromium that has `node` at localhost:8080.
export async function chromiumAt(t, node) {
  const browser = await launchBrowser(
    `--host-resolver-rules=MAP localhost:8080 127.0.0.1:${node.port}`,
  );
  t.after(() => browser.close());
  return browser;
}

/// Opens the page `html`, served from this computer as UTF-8.
/// With `clock`, its time stands still until page.clock moves it.
export async function openPage(t, browser, html, { clock = false } = {}) {
  const server = createServer((_, response) =>
    response.setHeader('Content-Type', 'text/html; charset=utf-8').end(html),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const screen = new Screen();
  // Chromium's own message about a connection that failed is not the block's.
  page.on(
    'console',
    (message) =>
      message.text().startsWith('WebSocket connection to ') || screen.lines.push(message.text()),
  );
  page.on('pageerror', (error) => screen.lines.push(`uncaught: ${error.message}`));
  if (clock) {
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1000);
  }
  await page.goto(`http://localhost:${server.address().port}/`);
  return { page, screen };
}
