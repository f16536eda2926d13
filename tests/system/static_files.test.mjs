// Files of a folder, over the wire: windows, deadlines, conditions, codings.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RawSocket } from './support/raw.mjs';
import { MiB, connection, requestOf, serve, sparse } from './support/site.mjs';
import { closed, until, within } from './support/wait.mjs';

test('a folder without its slash sends a client to it, so that relative links work', async (t) => {
  const { node, folder } = await serve(t, {});
  mkdirSync(path.join(folder, 'a folder'));
  writeFileSync(path.join(folder, 'a folder', 'index.html'), '<a href=b.txt>');
  writeFileSync(path.join(folder, 'a folder', 'b.txt'), 'b');
  const asked = `http://127.0.0.1:${node.port}/a%20folder?x=1`;

  const page = await fetch(asked);

  assert.equal(page.url, asked.replace('?', '/?'));
  assert.equal(await page.text(), '<a href=b.txt>');
  assert.equal(await (await fetch(new URL('b.txt', page.url))).text(), 'b');
  const { status, headers } = await node.http('//a%20folder', { method: 'HEAD' });
  assert.deepEqual([status, headers.location], [301, './a%20folder/']);
});

/// Reads an answer to its end, at most `bytesPerSecond`: {head, bytes, sha}.
async function download(socket, { bytesPerSecond = Infinity } = {}) {
  const sha = createHash('sha256');
  const began = Date.now();
  let head = Buffer.alloc(0);
  let headEnds = -1;
  let bytes = 0;
  for await (const part of socket.iterator({ destroyOnReturn: true })) {
    let body = part;
    if (headEnds < 0) {
      head = Buffer.concat([head, part]);
      headEnds = head.indexOf('\r\n\r\n');
      if (headEnds < 0) continue;
      body = head.subarray(headEnds + 4);
    }
    sha.update(body);
    bytes += body.length;
    const early = began + (bytes / bytesPerSecond) * 1000 - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
  }
  return { head: head.subarray(0, headEnds).toString('latin1'), bytes, sha: sha.digest('hex') };
}

const shaOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('a large file', () => {
  for (const secure of [false, true]) {
    const over = secure ? ' over TLS' : '';

    test(`comes whole${over}`, async (t) => {
      const content = randomBytes(20 * MiB + 7);
      const site = await serve(t, { 'large.bin': content }, { secure });
      const socket = await connection(site);
      socket.write(requestOf('large.bin'));

      const got = await download(socket);

      assert.match(got.head, new RegExp(`content-length: ${content.length}`, 'i'));
      assert.equal(got.bytes, content.length);
      assert.equal(got.sha, shaOf(content));
    });

    // Pins §15.8.
    test(`that is under way at SIGTERM comes whole${over}`, async (t) => {
      const content = randomBytes(20 * MiB + 7);
      const site = await serve(t, { 'large.bin': content }, { secure });
      const socket = await connection(site);
      socket.pause();
      socket.write(requestOf('large.bin'));
      await once(socket, 'readable');

      site.node.signal('SIGTERM');
      await until(() => RawSocket.open(site.node).then(() => false, () => true), 'a closed port');
      const got = await download(socket, { bytesPerSecond: 10 * MiB });

      assert.equal(got.bytes, content.length);
      assert.equal(got.sha, shaOf(content));
      assert.deepEqual(await site.node.ended(), { code: 0, signal: null });
    });

    // Pins §16.51.
    test(`comes whole however long it takes, if some is taken all the time${over}`, async (t) => {
      const content = randomBytes(8_000_000);
      const site = await serve(t, { 'large.bin': content }, {
        secure, args: ['--write-deadline', '1s'],
      });
      const socket = await connection(site);
      socket.write(requestOf('large.bin'));

      const got = await download(socket, { bytesPerSecond: 1_000_000 });

      assert.equal(got.bytes, content.length);
      assert.equal(got.sha, shaOf(content));
    });

    // Pins §16.51.
    test(`ends for a client that takes nothing${over}`, async (t) => {
      const site = await serve(t, {}, { secure, args: ['--write-deadline', '1s'] });
      sparse(site.file('large.bin'), 200 * MiB);
      const before = site.node.openDescriptors();
      const socket = await connection(site);
      t.after(() => socket.destroy());
      socket.pause();
      socket.write(requestOf('large.bin'));
      await until(() => site.node.openDescriptors() > before, 'the connection to be there');
      const began = Date.now();

      await until(() => site.node.openDescriptors() <= before, 'the connection to be ended');

      const took = Date.now() - began;
      assert.ok(took > 800 && took < 5000, `took ${took} ms`);
      // The kernel, which had taken some MiB for it, keeps nothing.
      let got = 0;
      socket.on('data', (bytes) => { got += bytes.length; });
      const ended = closed(socket);
      socket.resume();
      await within(ended, 'the end');
      assert.ok(got < MiB, `${got} bytes came`);
    });
  }

  // Pins §16.55.
  test('is 503 while the windows of others fill a quarter of the budget of output', async (t) => {
    const { node, file } = await serve(t, { 'small.txt': 'x' }, {
      args: ['--output-budget', '4MiB'],
    });
    sparse(file('large.bin'), 200 * MiB);
    const stalled = [];
    for (let i = 0; i < 4; ++i) {
      const socket = await connection({ node });
      t.after(() => socket.destroy());
      socket.pause();
      socket.write(requestOf('large.bin'));
      await once(socket, 'readable');
      stalled.push(socket);
    }

    const refused = await node.http('/large.bin');
    const held = await node.metric('troupe_output_bytes');
    const others = [
      await node.http('/page'), await node.http('/small.txt', { method: 'HEAD' }),
      await node.http('/healthz'), await node.http('/readyz'),
    ];
    stalled.pop().destroy();

    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
    assert.ok(held >= MiB && held < 2 * MiB, `${held} bytes`);
    assert.deepEqual(others.map((a) => a.status), [200, 200, 200, 200]);
    await until(async () => (await node.http('/small.txt')).status === 200, 'room for another');
    while (stalled.length > 0) stalled.pop().destroy();
    const output = () => node.metric('troupe_output_bytes');
    await until(async () => (await output()) === 0, 'all to be given back');
  });

  for (const [how, change] of [
    ['shrinks', (file) => truncateSync(file, 100 * MiB)],
    [
      'is replaced',
      (file) => {
        sparse(`${file}.new`, 200 * MiB);
        renameSync(`${file}.new`, file);
      },
    ],
  ])
    test(`that ${how} under way ends short of its length`, async (t) => {
      const site = await serve(t, {});
      sparse(site.file('large.bin'), 200 * MiB);
      const socket = await connection(site);
      socket.pause();
      socket.write(requestOf('large.bin'));
      await once(socket, 'readable');
      change(site.file('large.bin'));

      const got = await download(socket);

      assert.match(got.head, /content-length: 209715200/i);
      assert.ok(got.bytes < 200 * MiB, `${got.bytes} bytes`);
      const other = await connection(site);
      other.write(requestOf('page'));
      assert.match((await download(other)).head, /^HTTP\/1.1 200/);
    });

  test('is not read for HEAD or OPTIONS, nor for a method that is not allowed', async (t) => {
    const { node, file } = await serve(t, {});
    sparse(file('large.bin'), 1024 * MiB);
    const readBytes = () =>
      Number(readFileSync(`/proc/${node.pid}/io`, 'utf8').match(/^rchar: (\d+)/m)[1]);
    await node.http('/page');
    const before = readBytes();

    for (const method of ['HEAD', 'OPTIONS', 'POST', 'DELETE']) {
      const { status, headers } = await node.http('/large.bin', { method });
      if (method === 'HEAD') assert.equal(headers['content-length'], `${1024 * MiB}`);
      else assert.match(headers.allow, /GET, HEAD/);
      assert.ok([200, 204, 405].includes(status), `${method}: ${status}`);
    }

    assert.ok(readBytes() - before < 64 * 1024);
  });
});

describe('a file', () => {
  const get = async (node, name, headers = {}, method = 'GET') =>
    node.http(`/${name}`, { headers, method });

  test('is 304 for who has it, 412 for who wants another, 206 or 416 in part', async (t) => {
    const { node } = await serve(t, { 'a.TXT': '0123456789' });
    const whole = await get(node, 'a.TXT');
    const { etag, 'last-modified': date } = whole.headers;

    assert.equal(whole.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(whole.body, '0123456789');
    const statusOf = async (headers, method) => (await get(node, 'a.TXT', headers, method)).status;
    assert.equal(await statusOf({ 'If-None-Match': etag }), 304);
    assert.equal(await statusOf({ 'If-None-Match': etag }, 'HEAD'), 304);
    assert.equal(await statusOf({ 'If-Modified-Since': date }), 304);
    assert.equal(await statusOf({ 'If-None-Match': '"x"', 'If-Modified-Since': date }), 200);
    assert.equal(await statusOf({ 'If-Match': '"x"' }), 412);
    assert.equal(await statusOf({ 'If-Unmodified-Since': new Date(0).toUTCString() }), 412);
    assert.equal(await statusOf({ Range: 'bytes=2-3', 'If-Range': etag }), 206);
    assert.equal(await statusOf({ Range: 'bytes=2-3', 'If-Range': date }), 200);
    assert.equal(await statusOf({ Range: 'bytes=2-3', 'If-Range': '"x"' }), 200);
    assert.equal(await statusOf({ Range: 'bytes=10-' }), 416);
    assert.equal(await statusOf({ Range: 'bytes=2-3' }, 'HEAD'), 200);
    const part = await get(node, 'a.TXT', { Range: 'bytes=-3' });
    assert.equal(part.body, '789');
    assert.equal(part.headers['content-range'], 'bytes 7-9/10');
    assert.equal(part.headers['content-length'], '3');
  });

  test('comes compressed to who takes that, if it lies there compressed', async (t) => {
    const script = 'export const x = 1;\n'.repeat(1000);
    const { node } = await serve(t, { 'x.js': script, 'x.js.gz': gzipSync(script) });
    const fetched = (accepted) =>
      new Promise((resolve, reject) =>
        http
          .get(node.url('/x.js').replace('ws:', 'http:'), {
            headers: { 'Accept-Encoding': accepted },
          }, (r) => {
            const parts = [];
            r.on('data', (part) => parts.push(part));
            r.on('end', () => resolve({ headers: r.headers, body: Buffer.concat(parts) }));
          })
          .on('error', reject),
      );

    const plain = await fetched('br');
    const zipped = await fetched('gzip, br');

    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(plain.body.toString(), script);
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.equal(zipped.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(gunzipSync(zipped.body).toString(), script);
    assert.notEqual(zipped.headers.etag, plain.headers.etag);
    for (const { headers } of [plain, zipped]) assert.equal(headers.vary, 'Accept-Encoding');
  });

  test('is one of many that are asked for on one connection, in order', async (t) => {
    const { node } = await serve(t, {
      a: 'first', b: 'x'.repeat(600_000), c: 'last', 'a.html': '<p>',
    });
    const socket = await RawSocket.open(node);
    const get = (name) => `GET /${name} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(get('a') + get('b') + get('none') + get('page') + get('c'));

    assert.equal((await socket.response()).body, 'first');
    assert.equal((await socket.response()).body, 'x'.repeat(600_000));
    assert.equal((await socket.response()).status, 404);
    assert.equal((await socket.response()).body, '<p>a page');
    assert.equal((await socket.response()).body, 'last');
    socket.destroy();
  });
});

test('each answer tells browsers not to guess, and of pages who may show them', async (t) => {
  const { node } = await serve(t, { 'a.html': '<p>', 'a.txt': 'x' });
  for (const [at, isPage] of [
    ['/a.html', true], ['/page', true], ['/a.txt', false], ['/none', false], ['/healthz', false],
    ['/metrics', false],
  ]) {
    const { headers } = await node.http(at);
    assert.equal(headers['x-content-type-options'], 'nosniff', at);
    assert.equal(
      headers['content-security-policy'], isPage ? "frame-ancestors 'self'" : undefined, at,
    );
  }
  const refused = await node.http('/', { headers: { Upgrade: 'websocket' } });
  assert.ok(refused.status >= 400);
  assert.equal(refused.headers['x-content-type-options'], 'nosniff');
});
