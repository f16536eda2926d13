// The package as its users get it: its size, and that it works where it is installed.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { startNode, within } from './support/live.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const maxBytes = 12 * 1024;

async function bundle(source) {
  const stdin = { contents: source, resolveDir: root };
  const { outputFiles, metafile } = await build({
    stdin, bundle: true, minify: true, format: 'esm', write: false, metafile: true,
  });
  return {
    bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length,
    inputs: Object.keys(metafile.inputs),
  };
}

test('a page that uses everything but MessagePack loads less than 12 KB', async (t) => {
  const { bytes, inputs } = await bundle("export * from 'troupe-client'");
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes < maxBytes, `${bytes} bytes, minified and gzipped`);
  assert.ok(!inputs.some((file) => file.includes('msgpack')));
  assert.ok(readme.includes(`${Math.ceil(bytes / 1024)} KB minified`), 'the README says another');
});

test('a page that uses the reconnecting WebSocket alone loads little', async (t) => {
  const { bytes } = await bundle("export { ReconnectingWebSocket } from 'troupe-client'");
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes < 2048, `${bytes} bytes, minified and gzipped`);
});

describe('installed elsewhere', () => {
  let folder;
  const npm = (args, cwd) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const pack = (of) => {
    const [{ filename }] = JSON.parse(
      npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], of),
    );
    return path.join(folder, filename);
  };
  const install = (archives) =>
    npm(
      ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...archives],
      folder,
    );
  const run = (code) =>
    spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: folder, encoding: 'utf8', timeout: 20_000,
    });

  after(() => rmSync(folder, { recursive: true }));
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'troupe-client-'));
    writeFileSync(path.join(folder, 'package.json'), '{"private":true,"type":"module"}');
    // Packs its dependencies, too, so that the test needs no registry.
    install([pack(root), pack(path.join(root, 'node_modules/@msgpack/msgpack'))]);
  });

  test('holds sources, declarations, README and licence, and nothing else', () => {
    const files = readdirSync(path.join(folder, 'node_modules/troupe-client')).sort();
    assert.deepEqual(files, ['LICENSE', 'README.md', 'package.json', 'src', 'types']);
  });

  test('is imported by its name', () => {
    const { stdout, stderr } = run(`
      import { Client, ReconnectingWebSocket, TroupeError } from 'troupe-client';
      import { msgpack } from 'troupe-client/msgpack';
      console.log([Client, ReconnectingWebSocket, TroupeError].map((c) => c.name).join(), msgpack.subprotocol);`);
    assert.equal(stderr, '');
    assert.equal(stdout, 'Client,ReconnectingWebSocket,TroupeError troupe.v1.msgpack\n');
  });

  test('says what is missing where there is no WebSocket', () => {
    const { stdout, stderr, status } = run(`
      delete globalThis.WebSocket;
      import { Client, ReconnectingWebSocket } from 'troupe-client';
      const client = new Client('ws://127.0.0.1:9');
      await client.ready.catch((error) => console.log(client.state, error.code, error.message));
      new ReconnectingWebSocket('ws://127.0.0.1:9').on('error', (e) => console.log(e.error.code));`);
    assert.equal(stderr, '');
    assert.match(stdout, /^stopped no_websocket There is no WebSocket here: npm install ws/);
    assert.match(stdout, /\nno_websocket\n$/);
    assert.equal(status, 0);
  });

  describe("runs the README's", () => {
    const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1]);
    const first = blocks[0];
    /// The block that has this text.
    const block = (text) => blocks.find((code) => code.includes(text));
    before(() => install([pack(path.join(root, 'node_modules/ws'))]));

    /// Runs the code against a node until it has printed a line that matches.
    async function says(t, code, pattern, args = []) {
      const node = await startNode(t, 'relay_node', args);
      const here = code.replaceAll('localhost:8080', `127.0.0.1:${node.port}`);
      const program = spawn(process.execPath, ['--input-type=module', '--eval', here], {
        cwd: folder,
      });
      t.after(() => program.kill('SIGKILL'));
      let said = '';
      const heard = new Promise((resolve) => {
        for (const stream of [program.stdout, program.stderr])
          stream.on('data', (bytes) => pattern.test((said += bytes)) && resolve());
      });
      await within(heard, () => `${pattern}; it said ${said}`);
    }

    test('first program', (t) => says(t, first, /: Hello!\n/));
    test('data', (t) => {
      const show =
        "room.on('message', ({ data }) => data && console.log(data.move, data.board.length));";
      return says(t, [first, show, block('sendData(')].join('\n'), /e2e4 64\n/);
    });
    test('state of a message', (t) =>
      says(t, [first, block("on('state'")].join('\n'), /^acked$/m));
    test('directs', (t) => {
      const code = [first, block("client.on('direct'")].join('\n');
      return says(t, code, /: Hello!\n.* to you: A note to myself\n/s, ['--directs', 'all']);
    });
    test('list of users', (t) =>
      says(t, [first, block('members.start()')].join('\n'), /^1 \[ '.+' \]$/m));
    test('socket', (t) =>
      says(t, block('new ReconnectingWebSocket('), /^connected\n.*"joined"/m));
  });
});
