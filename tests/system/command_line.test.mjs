// The command line and the configuration file of the nodes.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { connect } from './support/client.mjs';
import { runToEnd, startNode } from './support/node.mjs';
import { secretFile } from './support/tokens.mjs';
import { within } from './support/wait.mjs';

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
  for (const part of parts)
    assert.ok(
      part instanceof RegExp ? part.test(stderr) : stderr.includes(part),
      `${part} in ${stderr}`,
    );
}

for (const name of ['relay_node', 'chat_node'])
  describe(name, () => {
    for (const [option, value] of [
      ['--port', 'banana'], ['--port', '65536'], ['--port', '-1'], ['--port', ''],
      ['--port', '80x'], ['--loops', '1.5'], ['--loops', 'many'], ['--max-connections', '-3'],
      ['--max-rooms', 'x'],
      ['--max-members', '1e3'], ['--message-rate', 'fast'], ['--message-rate', 'nan'],
      ['--drain-timeout', '10 parsecs'], ['--drain-timeout', '-1s'],
      ['--max-rooms-per-connection', '99999999999999999999'],
      ['--max-connections-per-ip', '0x10'], ['--max-message-bytes', '1GB'],
      ['--ping-interval', 'often'],
    ])
      test(`refuses ${option} ${JSON.stringify(value)} ` +
        'naming the option and what was expected', async () =>
        assertRefused(await runToEnd(name, [option, value]), option, /expected/));

    test('refuses an unknown option, naming it', async () => {
      assertRefused(await runToEnd(name, ['--no-such-option']), '--no-such-option');
      assertRefused(await runToEnd(name, ['--prot', '1']), '--prot');
      assertRefused(await runToEnd(name, ['stray']), 'stray');
      assertRefused(await runToEnd(name, ['-x']), '-x');
    });

    test('refuses an option without its value', async () =>
      assertRefused(await runToEnd(name, ['--port']), '--port'));

    test('refuses an option given twice that takes one value', async () =>
      assertRefused(await runToEnd(name, ['--port', '0', '--port', '1']), '--port'));

    test('refuses an unprintable value without printing it', async () => {
      const result = await runToEnd(name, ['--port', 'a\nb\u001b[31m']);
      assertRefused(result, '--port');
      assert.ok(!result.stderr.includes('\u001b'));
    });

    test('refuses a bad value of a configuration file, ' +
      'naming file, key and what was expected', async () => {
      const file = await configFile('port = "banana"\n');
      assertRefused(await runToEnd(name, ['--config', file]), file, 'port', /expected/);
    });

    test('refuses an unknown key of a configuration file', async () => {
      const file = await configFile('no-such-key = 1\n');
      assertRefused(await runToEnd(name, ['--config', file]), file, 'no-such-key');
    });

    test('refuses a configuration file that is none', async () => {
      assertRefused(
        await runToEnd(name, ['--config', path.join(folder, 'missing.toml')]),
        'missing.toml',
      );
      assertRefused(await runToEnd(name, ['--config', folder]), folder);
      const pipe = path.join(folder, `${name}.pipe`); // nobody writes to it
      execFileSync('mkfifo', [pipe]);
      assertRefused(await runToEnd(name, ['--config', pipe]), pipe, 'regular');
      assertRefused(await runToEnd(name, ['--config', '/dev/zero']), '/dev/zero', 'regular');
      assertRefused(await runToEnd(name, ['--config', await configFile('\u0000\u0001\u0002')]));
      assertRefused(await runToEnd(name, ['--config', await configFile('just some words\n')]));
    });

    test('prints its options for --help and exits with 0', async () => {
      const { code, stdout, stderr } = await runToEnd(name, ['--help']);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      for (const option of [
        '--port', '--loops', '--config', '--drain-timeout', '--max-connections', '--origin',
      ])
        assert.ok(stdout.includes(option), option);
    });

    test('says in one line which port is taken', async (t) => {
      const node = await startNode(t, name);
      const { code, stderr } = await runToEnd(name, ['--port', String(node.port)]);
      assert.ok(code > 0);
      assert.match(stderr, /^[^\n]+\n$/);
      assert.ok(stderr.includes(String(node.port)), stderr);
    });

    test('takes its options from a file, the command line wins', async (t) => {
      const file = await configFile(
        'port = 1\nmax-rooms-per-connection = 1\nmax-members = 7\n# a comment\n',
      );
      const node = await startNode(t, name, ['--config', file, '--max-rooms-per-connection', '5']);
      const client = await connect(node);
      assert.equal(client.welcome.limits.maxRooms, 5);
    });
  });

describe('options that belong together', () => {
  for (const given of [
    ['--jwt-issuer', 'us'], ['--jwt-audience', 'chat'], ['--jwt-profile', 'strict'],
    ['--max-connections-per-user', '5'],
  ])
    test(`${given[0]} without a key ends the node, which would be open to all`, async () =>
      assertRefused(
        await runToEnd('relay_node', ['--port', '0', ...given]),
        `${given[0]}: expected with --jwt-secret-file or --jwt-key-file`,
      ));

  test('what a token must be is refused without a key in a file, too, ' +
    'and is good with one', async (t) => {
    const file = await configFile('jwt-issuer = "us"\n');
    assertRefused(await runToEnd('relay_node', ['--port', '0', '--config', file]), '--jwt-issuer');
    await startNode(t, 'relay_node', [
      '--config', file,
      '--jwt-secret-file', secretFile(t, 'a secret that is long enough for hs256!!'),
    ]);
  });

  test('--proxy-protocol without --trusted-proxy is refused', async () =>
    assertRefused(
      await runToEnd('relay_node', ['--port', '0', '--proxy-protocol']),
      '--proxy-protocol: expected with --trusted-proxy',
    ));

  test('--tls-handshakes-per-ip without a certificate is refused', async () =>
    assertRefused(
      await runToEnd('relay_node', ['--port', '0', '--tls-handshakes-per-ip', '5']),
      '--tls-handshakes-per-ip: expected with --tls-cert and --tls-key',
    ));

  for (const given of [
    ['--cors-origin', '*', '--cors-origin', 'https://a.example'],
    ['--admin-bind', '127.0.0.1:8099', '--port', '8099'],
  ])
    test(`${given.join(' ')} is refused by the option's name, not the library's`, async () => {
      const ended = await runToEnd(
        'relay_node',
        ['--port', '0', ...given].slice(given.includes('--port') ? 2 : 0),
      );
      assertRefused(ended, `${given[0]} is `);
      assert.doesNotMatch(ended.stderr, /server_options/);
    });
});

test('a flag takes no value', async () => {
  for (const given of [['--deflate', 'on'], ['--deflate=on']])
    assertRefused(
      await runToEnd('relay_node', ['--port', '0', ...given]),
      '--deflate: takes no value',
    );
});

test('a network with too many bits is refused, by its option or its key', async () => {
  for (const network of ['10.0.0.0/40', '10.0.0.0/33', '::/129', '::ffff:10.0.0.0/104']) {
    assertRefused(
      await runToEnd('relay_node', ['--port', '0', '--trusted-proxy', network]),
      /trusted.prox/,
      network,
    );
    const file = await configFile(`trusted-proxy = "${network}"\n`);
    assertRefused(
      await runToEnd('relay_node', ['--port', '0', '--config', file]),
      /trusted.prox/,
      network,
    );
  }
});

test('a port of the probes that is taken is named, not the main one', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await within(once(taken, 'listening'), 'a port');
  const { port } = taken.address();

  const { code, stderr } = await runToEnd('relay_node', [
    '--port', '0', '--admin-bind', `127.0.0.1:${port}`,
  ]);

  assert.equal(code, 1);
  assert.match(stderr, /^[^\n]+\n$/);
  assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr);
});

for (const name of ['echo_node', 'file_node'])
  test(`${name} prints its options for --help, and refuses one that it does not know`, async () => {
    const { code, stdout, stderr } = await runToEnd(name, ['--help']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.includes(`Usage: ${name}`) && stdout.includes('--port'), stdout);
    assertRefused(await runToEnd(name, ['--no-such-option']), '--no-such-option');
  });

test('hello says for --help how it is called, and ends with 2 for any option', async () => {
  for (const [option, expected] of [['--help', 0], ['--port', 2], ['8080', 2]]) {
    const { code, stdout, stderr } = await runToEnd('hello', [option]);
    assert.deepEqual([code, stderr], [expected, '']);
    assert.match(stdout, /^usage: hello\n.*takes no options/);
  }
});

test('--help says the units, and what 0 means', async () => {
  const { stdout } = await runToEnd('chat_node', ['--help']);
  const told = stdout.replace(/\s+/g, ' ');
  for (const text of [
    'TIME: seconds, or a number with ms, s or m.',
    'SIZE: bytes, or a whole number with KiB, MiB or GiB.',
    'Rooms; 0: no limit (default: 100000)',
    'a client is pinged; 0: never (default: 25s)',
    'Size of a client\'s message; 0: no limit (default: 1MiB)',
    'to all clients; 0: at once (default: 10s)',
    'log, files, probes; 0: none (default: an eighth, 64 at most)',
  ])
    assert.ok(told.includes(text), `${text} in ${told}`);
});

test('--help shows the defaults', async () => {
  const { stdout } = await runToEnd('chat_node', ['--help']);
  for (const [option, value] of [
    ['port', '8080'], ['drain-timeout', '10s'], ['max-message-bytes', '1MiB'],
    ['jwt-profile', 'lenient'],
  ])
    assert.match(stdout, new RegExp(`--${option} [^\n]*\\(default: ${value}\\)`));
});

describe('file_node', () => {
  test('refuses an image that is no file', async () => {
    for (const image of [folder, path.join(folder, 'missing.png')])
      assertRefused(
        await runToEnd('file_node', ['--port', '0', '--image', image]),
        '--image: expected a file',
      );
  });

  test('refuses a folder that is a file, before anybody can connect', async () => {
    const file = await configFile('x');
    for (const place of [file, path.join(file, 'below')])
      assertRefused(
        await runToEnd('file_node', ['--port', '0', '--folder', place]),
        '--folder: expected a folder that can be made or written to',
      );
    assert.ok((await readdir(folder)).includes(path.basename(file)));
  });
});
