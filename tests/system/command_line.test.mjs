// The command line and the configuration file of the nodes.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { connect } from './support/client.mjs';
import { runToEnd, startNode } from './support/node.mjs';

let folder;
before(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'troupe-'))));
after(() => rm(folder, { recursive: true }));

async function configFile(text) {
  const file = path.join(folder, `${Math.random().toString(36).slice(2)}.toml`);
  await writeFile(file, text);
  return file;
}

/// One line on stderr, exit code 2.
function assertRefused({ code, stdout, stderr }, ...parts) {
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^[^\n]+\n$/, 'one line');
  for (const part of parts) assert.ok(part instanceof RegExp ? part.test(stderr) : stderr.includes(part), `${part} in ${stderr}`);
}

for (const name of ['relay_node', 'chat_node'])
  describe(name, () => {
    for (const [option, value] of [
      ['--port', 'banana'], ['--port', '65536'], ['--port', '-1'], ['--port', ''], ['--port', '80x'], ['--loops', '1.5'], ['--loops', 'many'],
      ['--max-connections', '-3'], ['--max-rooms', 'x'], ['--max-members', '1e3'], ['--message-rate', 'fast'], ['--message-rate', 'nan'],
      ['--drain-timeout', '10 parsecs'], ['--drain-timeout', '-1s'], ['--max-rooms-per-connection', '99999999999999999999'],
      ['--max-connections-per-ip', '0x10'], ['--max-message-bytes', '1GB'], ['--ping-interval', 'often'],
    ])
      test(`refuses ${option} ${JSON.stringify(value)} naming the option and what was expected`, async () =>
        assertRefused(await runToEnd(name, [option, value]), option, /expected/));

    test('refuses an unknown option, naming it', async () => {
      assertRefused(await runToEnd(name, ['--no-such-option']), '--no-such-option');
      assertRefused(await runToEnd(name, ['--prot', '1']), '--prot');
      assertRefused(await runToEnd(name, ['stray']), 'stray');
      assertRefused(await runToEnd(name, ['-x']), '-x');
    });

    test('refuses an option without its value', async () => assertRefused(await runToEnd(name, ['--port']), '--port'));

    test('refuses an option given twice that takes one value', async () =>
      assertRefused(await runToEnd(name, ['--port', '0', '--port', '1']), '--port'));

    test('refuses an unprintable value without printing it', async () => {
      const result = await runToEnd(name, ['--port', 'a\nb\u001b[31m']);
      assertRefused(result, '--port');
      assert.ok(!result.stderr.includes('\u001b'));
    });

    test('refuses a bad value of a configuration file, naming file, key and what was expected', async () => {
      const file = await configFile('port = "banana"\n');
      assertRefused(await runToEnd(name, ['--config', file]), file, 'port', /expected/);
    });

    test('refuses an unknown key of a configuration file', async () => {
      const file = await configFile('no-such-key = 1\n');
      assertRefused(await runToEnd(name, ['--config', file]), file, 'no-such-key');
    });

    test('refuses a configuration file that is none', async () => {
      assertRefused(await runToEnd(name, ['--config', path.join(folder, 'missing.toml')]), 'missing.toml');
      assertRefused(await runToEnd(name, ['--config', folder]), folder);
      assertRefused(await runToEnd(name, ['--config', await configFile('\u0000\u0001\u0002')]));
      assertRefused(await runToEnd(name, ['--config', await configFile('just some words\n')]));
    });

    test('prints its options for --help and exits with 0', async () => {
      const { code, stdout, stderr } = await runToEnd(name, ['--help']);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      for (const option of ['--port', '--loops', '--config', '--drain-timeout', '--max-connections', '--origin']) assert.ok(stdout.includes(option), option);
    });

    test('says in one line which port is taken', async (t) => {
      const node = await startNode(t, name);
      const { code, stderr } = await runToEnd(name, ['--port', String(node.port)]);
      assert.ok(code > 0);
      assert.match(stderr, /^[^\n]+\n$/);
      assert.ok(stderr.includes(String(node.port)), stderr);
    });

    test('takes its options from a file, the command line wins', async (t) => {
      const file = await configFile('port = 1\nmax-rooms-per-connection = 1\nmax-members = 7\n# a comment\n');
      const node = await startNode(t, name, ['--config', file, '--max-rooms-per-connection', '5']);
      const client = await connect(node);
      assert.equal(client.welcome.limits.maxRooms, 5);
    });
  });
