// What RFC 9110 and RFC 9112 ask of an origin server for HTTP/1.x, requirement by requirement: the
// names of these tests are the list. (Of clients, proxies, caches and other versions they ask more.)
//
// A row: the section, what it asks, the bytes that are sent, and the statuses that must come. Behind
// them a probe is sent at once, whose 200 must come too unless the connection has to end (`ends`).
// So each row shows, besides, that server and client agree on where the requests end. `look` checks
// the answers.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { startNode } from './support/node.mjs';
import { RawSocket, upgradeRequest } from './support/raw.mjs';
import { secretFile } from './support/tokens.mjs';

const probe = 'GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/// A request. `more`: header lines; a `Host` is there unless `host` is another, or null.
const request = (line, more = [], { host = 'x', body = '' } = {}) =>
  [line, ...(host === null ? [] : [`Host: ${host}`]), ...more].join('\r\n') + '\r\n\r\n' + body;
const get = (more, options) => request('GET /healthz HTTP/1.1', more, options);
const post = (more, body = '') => request('POST /healthz HTTP/1.1', more, { body });
const old = (more) => request('GET /healthz HTTP/1.0', more, { host: null });
const inChunks = (body, more = []) => post(['Transfer-Encoding: chunked', ...more], body);

/// Splits all that came into answers; nothing may be left. `methods`: of the requests.
function answersIn(bytes, methods) {
  const answers = [];
  for (let rest = bytes.toString('latin1'), at = 0; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    assert.ok(end > 0, `no answer: ${JSON.stringify(rest)}`);
    const [first, ...lines] = rest.slice(0, end).split('\r\n');
    assert.match(first, /^HTTP\/1\.1 [1-5]\d\d [ -~]*$/);
    const headers = {};
    for (const line of lines) {
      const [, name, value] = line.match(/^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/);
      headers[name.toLowerCase()] =
        name.toLowerCase() in headers ? `${headers[name.toLowerCase()]}, ${value}` : value;
    }
    const status = Number(first.slice(9, 12));
    const bodiless = status < 200 || status === 204 || status === 304 || methods[at] === 'HEAD';
    const length = bodiless ? 0 : Number(headers['content-length']);
    assert.ok(Number.isInteger(length), 'a body has a length');
    answers.push({ status, headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
    at += status >= 200;
  }
  return answers;
}

/// Sends the parts, each of the later ones once something has come, and reads to the end.
async function exchange(node, parts, methods) {
  const socket = await RawSocket.open(node);
  for (const [i, part] of parts.entries()) {
    if (i > 0) await socket.read((bytes) => (bytes.length > 0 ? true : undefined), 'an answer');
    socket.write(Buffer.from(part, 'latin1'));
  }
  await socket.untilEnded();
  return answersIn(socket.received, methods);
}

const nodes = {};
let site; // the folder of the files
const changed = new Date('2026-01-31T09:30:00Z'); // when a.txt did
before(async () => {
  nodes.relay = await startNode(null, 'relay_node');
  nodes.chat = await startNode(null, 'chat_node');
  site = mkdtempSync(path.join(tmpdir(), 'troupe-'));
  writeFileSync(path.join(site, 'a.txt'), '0123456789');
  utimesSync(path.join(site, 'a.txt'), changed, changed);
  writeFileSync(path.join(site, 'empty.txt'), '');
  writeFileSync(path.join(site, 'index.html'), 'the page');
  writeFileSync(path.join(site, 'b.txt'), 'b'.repeat(100));
  writeFileSync(path.join(site, 'b.txt.gz'), gzipSync('b'.repeat(100)));
  nodes.files = await startNode(null, 'site_node', ['--folder', site]);
});
after(async () => {
  for (const node of Object.values(nodes)) await node.end();
  rmSync(site, { recursive: true });
});

/// One row as a test.
function rule(section, what, send, statuses, { ends = false, on = 'relay', look, methods } = {}) {
  test(`${section}: ${what}`, async () => {
    const parts = [send].flat();
    const answers = await exchange(
      nodes[on],
      [...parts.slice(0, -1), parts.at(-1) + probe],
      methods ?? parts.join('').match(/^[A-Z]+(?= )/) ?? [],
    );
    assert.deepEqual(
      answers.map((a) => a.status),
      ends ? [statuses].flat() : [statuses, 200].flat(),
    );
    look?.(answers[0], answers);
  });
}

/// Each of the variants must be answered alike.
function rules(section, what, variants, statuses, options) {
  for (const [variant, send] of Object.entries(variants))
    rule(section, `${what} (${variant})`, send, statuses, options);
}

const closes = { ends: true };
const saysClose = { ends: true, look: (a) => assert.match(a.headers.connection, /\bclose\b/i) };
const staysOpen = {
  look: (a) => assert.doesNotMatch(a.headers.connection ?? '', /\bclose\b/i),
};

describe('messages and lines (RFC 9112, 2; RFC 9110, 2.5)', () => {
  rule('9112 2.2', 'an empty line before a request is ignored', `\r\n${get()}`, 200);
  rules('9112 2.2', 'a bare CR is invalid', {
    'in a value': get(['X: a\rb']),
    'in a target': request('GET /healthz\r HTTP/1.1'),
    'as the end of a line': get(['X: a\rY: b']),
  }, 400, closes);
  rule('9112 2.2', 'a line that ends with a bare LF may be refused', 
    'GET /healthz HTTP/1.1\nHost: x\n\n', 400, closes);
  rules('9112 2.2', 'white space between start line and first field is refused', {
    space: 'GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n',
    'a line of it': 'GET /healthz HTTP/1.1\r\n \r\nHost: x\r\n\r\n',
    tab: 'GET /healthz HTTP/1.1\r\n\tX: y\r\nHost: x\r\n\r\n',
  }, 400, closes);
  rules('9112 2.2', 'what is no HTTP is answered by 400, and the connection ends', {
    text: 'nonsense\r\n\r\n',
    TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'an answer': 'HTTP/1.1 200 OK\r\n\r\n',
  }, 400, closes);
  rules('9112 2.3', 'the name of the version is HTTP, in capitals, with one digit each', {
    'small letters': request('GET /healthz http/1.1'),
    'two digits': request('GET /healthz HTTP/1.10'),
    'no minor version': request('GET /healthz HTTP/1'),
    'something behind it': request('GET /healthz HTTP/1.1 x'),
    'HTTP/0.9, which has none': 'GET /healthz\r\n',
  }, 400, closes);
  rules('9110 2.5', 'a later minor version is read as the latest that is known', {
    'HTTP/1.2': request('GET /healthz HTTP/1.2'),
    'HTTP/1.9': request('GET /healthz HTTP/1.9'),
  }, 200, staysOpen);
  rules('9110 15.6.6', 'another major version is 505', {
    'HTTP/2.0': request('GET /healthz HTTP/2.0'),
    'HTTP/3.0': request('GET /healthz HTTP/3.0'),
    'HTTP/0.9': request('GET /healthz HTTP/0.9'),
    "HTTP/2's preface": 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  }, 505, closes);
});

describe('the request line (RFC 9112, 3)', () => {
  rules('9112 3', 'a malformed line is 400', {
    'two spaces': request('GET  /healthz HTTP/1.1'),
    'a space in the target': request('GET /health z HTTP/1.1'),
    'no target': request('GET HTTP/1.1'),
    'a space in front': request(' GET /healthz HTTP/1.1'),
    'a tab': request('GET\t/healthz HTTP/1.1'),
    'a method that is no token': request('G@T /healthz HTTP/1.1'),
    'a control character': request('GET /health\x01z HTTP/1.1'),
    NUL: request('GET /health\0z HTTP/1.1'),
  }, 400, closes);
  rule('9112 3', 'a line of 8,000 bytes is taken',
    request(`GET /healthz?${'x'.repeat(8000 - 'GET /healthz? HTTP/1.1'.length)} HTTP/1.1`), 200);
  rules('9110 15.5.15', 'a target that is too long is 414', {
    'whole': request(`GET /${'x'.repeat(9000)} HTTP/1.1`),
    'without end': `GET /${'x'.repeat(20_000)}`,
  }, 414, saysClose);
  rules('9112 3.2.1', 'a path is a target, with a query or without', {
    path: get(), query: request('GET /healthz?a=b&c HTTP/1.1'),
  }, 200);
  rules('9112 3.2.2', 'an address is a target, whatever Host says', {
    http: request('GET http://x/healthz HTTP/1.1'),
    'another host in Host': request('GET http://a.example:8080/healthz HTTP/1.1'),
    'a scheme in capitals': request('GET HTTP://x/healthz HTTP/1.1'),
    'HTTP/1.0': request('GET http://x/healthz HTTP/1.0', ['Connection: keep-alive'], { host: null }),
  }, 200);
  // Pins §1.58.
  rules('9110 4.2.3', 'an address without a path names the path /, with a query or without', {
    query: request('GET http://x?a=1 HTTP/1.1'),
    'a slash in the query': request('GET http://x:80?/a.txt HTTP/1.1'),
    neither: request('GET http://x HTTP/1.1'),
  }, 200, { on: 'files', look: (a) => assert.equal(a.body, 'the page') });
  // Pins §1.59.
  rules('9110 7.4', 'what https names is refused without TLS', {
    https: request('GET https://x/healthz HTTP/1.1'),
    'a scheme in capitals': request('GET HTTPS://x/healthz HTTP/1.1'),
  }, 421, closes);
  rule('9112 3.2.2', 'an address without Host is no request of HTTP/1.1',
    request('GET http://x/healthz HTTP/1.1', [], { host: null }), 400, closes);
  rules('9110 4.2.1', 'an address without a host is invalid', {
    'no host': request('GET http:///healthz HTTP/1.1'),
    'a port alone': request('GET http://:80/healthz HTTP/1.1'),
  }, 400, closes);
  rules('9110 4.2.4', 'an address with a user is an error', {
    user: request('GET http://user@x/healthz HTTP/1.1'),
    password: request('GET http://user:password@x/healthz HTTP/1.1'),
  }, 400, closes);
  rules('9112 3.2.3', 'only CONNECT names an authority', {
    host: request('GET x HTTP/1.1'), 'host and port': request('GET x:80 HTTP/1.1'),
    'another scheme': request('GET ftp://x/healthz HTTP/1.1'),
  }, 400, closes);
  rules('9112 3.2.4', 'only OPTIONS is about the whole server', {
    GET: request('GET * HTTP/1.1'), POST: request('POST * HTTP/1.1'),
    'more than *': request('OPTIONS *x HTTP/1.1'),
  }, 400, closes);
  rule('9112 3.2', 'a target has no fragment', request('GET /healthz#a HTTP/1.1'), 400, closes);
});

describe('Host (RFC 9112, 3.2)', () => {
  rule('9112 3.2', 'HTTP/1.1 without Host is 400', get([], { host: null }), 400, closes);
  rules('9112 3.2', 'more than one Host is 400', {
    'two': get(['Host: y']), 'the same twice': get(['Host: x']),
  }, 400, closes);
  rules('9112 3.2', 'a Host that names no host is 400', {
    path: get([], { host: 'x/y' }), 'two of them': get([], { host: 'x, y' }),
    user: get([], { host: 'user@x' }), space: get([], { host: 'x y' }),
    'a port that is no number': get([], { host: 'x:80a' }),
    'an open bracket': get([], { host: '[::1' }), quotes: get([], { host: '"x"' }),
  }, 400, closes);
  rules('9112 3.2', 'a Host that names one is taken', {
    port: get([], { host: 'x:8080' }), IPv6: get([], { host: '[::1]:80' }),
    'nothing, of who has none': get([], { host: '' }), 'in capitals': get([], { host: 'EXAMPLE' }),
  }, 200);
  rule('9112 3.2', 'HTTP/1.0 needs no Host', old(['Connection: keep-alive']), 200);
});

describe('fields (RFC 9112, 5; RFC 9110, 5)', () => {
  rules('9112 5.1', 'white space between name and colon is 400', {
    space: get(['X : y']), tab: get(['X\t: y']),
    'of Content-Length': post(['Content-Length : 5'], 'hello'),
  }, 400, closes);
  rules('9110 5.1', 'a name is a token', {
    'empty': get([': y']), 'with a bracket': get(['X(y): z']), 'with a space': get(['X Y: z']),
    'no colon': get(['X']), 'not ASCII': get(['X\xe4: z']), NUL: get(['X\0: z']),
  }, 400, closes);
  rules('9110 5.5', 'CR, LF and NUL are no part of a value', {
    NUL: get(['X: a\0b']), CR: get(['X: a\rb']), 'a control character': get(['X: a\x01b']),
  }, 400, closes);
  rules('9110 5.5', 'other bytes are', {
    tab: get(['X: a\tb']), 'not ASCII': get(['X: \xe4\xff']), nothing: get(['X:']),
    'white space around it': get(['X:  \t a \t ']),
  }, 200);
  rules('9112 5.2', 'a folded line is a space', {
    space: get(['X: a\r\n b']), 'of Connection': get(['Connection: keep-alive,\r\n\tx']),
  }, 200);
  rule('9112 5.2', 'also where it hides a coding', 
    post(['Transfer-Encoding:\r\n chunked'], '5\r\nhello\r\n0\r\n\r\n'), 405);
  rules('6585 5', 'headers that are too large are 431', {
    'a field': get([`X: ${'x'.repeat(9000)}`]),
    'all of them': get(Array.from({ length: 20 }, (_, i) => `X-${i}: ${'x'.repeat(500)}`)),
    'the start line counts':
      request(`GET /healthz?${'x'.repeat(4500)} HTTP/1.1`, [`X: ${'x'.repeat(4500)}`]),
    'many': get(Array.from({ length: 150 }, (_, i) => `X-${i}: 1`)),
    'without end': `${get().slice(0, -2)}X: ${'x'.repeat(20_000)}`,
  }, 431, saysClose);
});

describe('where a body ends (RFC 9112, 6 and 7)', () => {
  rules('9112 6.1', 'both Transfer-Encoding and Content-Length are an error', {
    'chunked first': post(['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
    'length first': post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    'another coding': post(['Transfer-Encoding: identity', 'Content-Length: 5'], 'hello'),
  }, 400, closes);
  rule('9112 6.1', 'HTTP/1.0 knows no Transfer-Encoding',
    request('POST /healthz HTTP/1.0', ['Transfer-Encoding: chunked'], { body: '0\r\n\r\n' }),
    400, closes);
  rules('9112 6.1', 'a coding that is not known is 501', {
    gzip: post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
    'in two fields': post(['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    'chunked twice': post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'),
  }, 501, saysClose);
  rules('9112 6.3', 'chunked comes last, or nobody knows where the body ends', {
    'not at all': post(['Transfer-Encoding: gzip']),
    'not last': post(['Transfer-Encoding: chunked, gzip'], '0\r\n\r\n'),
    'nearly': post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
    'in quotes': post(['Transfer-Encoding: "chunked"'], '0\r\n\r\n'),
    'with a parameter': post(['Transfer-Encoding: chunked;q=1'], '0\r\n\r\n'),
    'empty': post(['Transfer-Encoding:'], '0\r\n\r\n'),
    'twice': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  }, 400, closes);
  rules('9112 6.3', 'a Content-Length that is no number is 400', {
    sign: post(['Content-Length: +5'], 'hello'), minus: post(['Content-Length: -5'], 'hello'),
    hex: post(['Content-Length: 0x5'], 'hello'), nothing: post(['Content-Length:'], 'hello'),
    space: post(['Content-Length: 5 5'], 'hello'), fraction: post(['Content-Length: 5.0'], 'hello'),
    'in quotes': post(['Content-Length: "5"'], 'hello'),
  }, 400, closes);
  rules('9112 6.3', 'lengths that differ are 400', {
    list: post(['Content-Length: 5, 6'], 'hello!'),
    'two fields': post(['Content-Length: 5', 'Content-Length: 6'], 'hello!'),
    'of GET': get(['Content-Length: 0', 'Content-Length: 5'], { body: 'hello' }),
  }, 400, closes);
  rules('9112 6.3', 'lengths that are the same count once', {
    list: post(['Content-Length: 5, 5'], 'hello'),
    'two fields': post(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
  }, 405);
  rules('9110 8.6', 'a length beyond all numbers is no small one', {
    '2^64': post(['Content-Length: 18446744073709551616'], 'hello'),
    '2^64 + 5': post(['Content-Length: 18446744073709551621'], 'hello'),
    '30 digits': post([`Content-Length: ${'9'.repeat(30)}`], 'hello'),
  }, 400, closes);
  rules('9110 15.5.14', 'a body that is too large is 413', {
    'announced': post(['Content-Length: 1000000']),
    'of HEAD': request('HEAD /healthz HTTP/1.1', ['Content-Length: 1000000']),
    'in one chunk': inChunks('F0000\r\n'),
    'largest length': post([`Content-Length: ${2n ** 64n - 1n}`]),
  }, 413, saysClose);
  rules('9112 6.3', 'a body is read, whatever the method', {
    GET: get(['Content-Length: 5'], { body: 'hello' }),
    'GET in chunks': get(['Transfer-Encoding: chunked'], { body: '5\r\nhello\r\n0\r\n\r\n' }),
  }, 200);
  rule('9112 9.3', 'a body that nobody wants is read, too', post(['Content-Length: 5'], 'GET /'), 405);
  rule('9112 6.3', 'without a length there is no body', post([]), 405);

  rules('9112 7.1', 'chunks are decoded', {
    one: inChunks('5\r\nhello\r\n0\r\n\r\n'), 'more': inChunks('2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'),
    none: inChunks('0\r\n\r\n'), 'digits in any case': inChunks('a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n'),
    'zeros in front': inChunks('0000005\r\nhello\r\n000\r\n\r\n'),
    'that look like requests': inChunks(`${probe.length.toString(16)}\r\n${probe}\r\n0\r\n\r\n`),
    'Chunked': post(['Transfer-Encoding: Chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  }, 405);
  rules('9112 7.1', 'a size that is none is 400', {
    minus: inChunks('-1\r\n'), 'no hex': inChunks('g\r\n'), nothing: inChunks('\r\n'),
    prefix: inChunks('0x5\r\nhello\r\n'), 'a bare LF': inChunks('5\nhello\n0\n\n'),
    'beyond 64 bits': inChunks('10000000000000005\r\nhello\r\n0\r\n\r\n'),
  }, 400, closes);
  rule('9112 7.1', 'the largest size is large', inChunks('FFFFFFFFFFFFFFFF\r\nhello'), 413, closes);
  rules('9112 7.1', 'a chunk ends with its line', {
    longer: inChunks('5\r\nhello!\r\n0\r\n\r\n'), shorter: inChunks('5\r\nhell\r\n0\r\n\r\n'),
    'a bare LF': inChunks('5\r\nhello\n0\r\n\r\n'),
  }, 400, closes);
  rules('9112 7.1.1', 'extensions that are not known are ignored', {
    name: inChunks('5;a\r\nhello\r\n0;b\r\n\r\n'), value: inChunks('5;a=b;c=d\r\nhello\r\n0\r\n\r\n'),
    quoted: inChunks('5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n'),
  }, 405);
  rules('9112 7.1.1', 'extensions without bound are not', {
    'one': inChunks(`5;${'a'.repeat(9000)}\r\nhello\r\n0\r\n\r\n`),
    'many': inChunks(`1;${'a'.repeat(100)}\r\nx\r\n`.repeat(200) + '0\r\n\r\n'),
  }, 413, closes);
  rules('9112 7.1.2', 'a trailer is no header', {
    field: inChunks('0\r\nX: y\r\n\r\n'), Host: inChunks('0\r\nHost: y\r\n\r\n'),
    'Connection: close': inChunks('0\r\nConnection: close\r\n\r\n'),
    Expect: inChunks('0\r\nExpect: nothing\r\n\r\n'),
  }, 405, staysOpen);
  rules('9110 6.5.1', 'a trailer says nothing of the body', {
    'Content-Length': inChunks('0\r\nContent-Length: 5\r\n\r\n'),
    'Transfer-Encoding': inChunks('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  }, 400, closes);
});

describe('connections (RFC 9112, 9)', () => {
  rule('9112 9.3', 'HTTP/1.1 stays open by itself', get(), 200, staysOpen);
  rules('9112 9.3', 'HTTP/1.0 ends by itself', {
    'nothing said': old(), 'something else said': old(['Connection: x']),
  }, 200, saysClose);
  rules('9112 9.3', 'HTTP/1.0 stays open if asked, and is told so', {
    'keep-alive': old(['Connection: keep-alive']), 'Keep-Alive': old(['Connection: Keep-Alive']),
    'in a list': old(['Connection: x, keep-alive']),
    'in the second field': old(['Connection: x', 'Connection: keep-alive']),
  }, 200, { look: (a) => assert.match(a.headers.connection, /keep-alive/i) });
  rules('9112 9.6', 'close ends it behind the answer, which says so', {
    close: get(['Connection: close']), 'in capitals': get(['Connection: CLOSE']),
    'in a list': get(['Connection: x, close']), 'before another': get(['Connection: close, x']),
    'beside keep-alive': get(['Connection: keep-alive, close']),
    'in the second field': get(['Connection: keep-alive', 'Connection: close']),
    'of HTTP/1.0': old(['Connection: keep-alive', 'Connection: close']),
  }, 200, saysClose);
  rules('9112 9.6', 'what is nearly close is not', {
    longer: get(['Connection: closed']), 'another field': get(['Close: close']),
  }, 200, staysOpen);
  rule('9112 9.3.2', 'requests that come together are answered in order',
    get() + request('GET /nothing HTTP/1.1') + post(['Content-Length: 5'], 'hello') + get(),
    [200, 404, 405, 200]);
  rule('9112 9.3.2', 'also behind bodies and empty lines',
    inChunks('5\r\nhello\r\n0\r\n\r\n') + '\r\n' + request('HEAD /healthz HTTP/1.1') + get(),
    [405, 200, 200], { methods: ['POST', 'HEAD'] });
  rule('9112 9.3', 'nothing is read behind a request that is refused',
    post(['Transfer-Encoding: xchunked']) + get() + get(), 400, closes);
});

describe('methods (RFC 9110, 9)', () => {
  rules('9110 9.1', 'a method that is not known is 501', {
    BREW: request('BREW /healthz HTTP/1.1'), 'small letters': request('get /healthz HTTP/1.1'),
    'at no path': request('BREW /nothing HTTP/1.1'), long: request(`${'A'.repeat(500)} / HTTP/1.1`),
    TRACE: request('TRACE /healthz HTTP/1.1'),
  }, 501);
  rule('9110 9.3.6', 'CONNECT is 501: this is no proxy', request('CONNECT x:80 HTTP/1.1'), 501, closes);
  rules('9110 15.5.6', 'a method that is known, and not allowed, is 405 with Allow', {
    POST: post(['Content-Length: 0']), PUT: request('PUT /healthz HTTP/1.1'),
    DELETE: request('DELETE /healthz HTTP/1.1'), PATCH: request('PATCH /healthz HTTP/1.1'),
  }, 405, { look: (a) => assert.equal(a.headers.allow, 'GET, HEAD, OPTIONS') });
  rules('9110 9.3.7', 'OPTIONS tells what is allowed', {
    'of a path': request('OPTIONS /healthz HTTP/1.1'),
    'of the server': request('OPTIONS * HTTP/1.1'),
    'with a body': request('OPTIONS /healthz HTTP/1.1', ['Content-Length: 5'], { body: 'hello' }),
  }, 204, { look: (a) => assert.match(a.headers.allow, /\bGET, HEAD\b.*\bOPTIONS\b/) });
  rule('9110 9.3.7', 'OPTIONS of what is not there is 404', request('OPTIONS /nothing HTTP/1.1'), 404);
  rule('haproxy', '`option httpchk` without more finds the server alive',
    'OPTIONS / HTTP/1.0\r\n\r\n', 204, closes);
  rule('haproxy', 'also where / is a page', 'OPTIONS / HTTP/1.0\r\n\r\n', 204, { ends: true, on: 'chat' });
  for (const [on, path, status] of [
    ['relay', '/healthz', 200], ['relay', '/nothing', 404], ['chat', '/', 200],
  ])
    rule('9110 9.3.2', `HEAD is GET without its body (${on}, ${path})`,
      request(`GET ${path} HTTP/1.1`) + request(`HEAD ${path} HTTP/1.1`), [status, status], {
        on, methods: ['GET', 'HEAD'],
        look: (_, [whole, head]) => {
          assert.deepEqual({ ...head.headers, date: 0 }, { ...whole.headers, date: 0 });
          assert.ok(whole.body.length > 0);
          assert.equal(Number(head.headers['content-length']), whole.body.length);
        },
      });
  rule('9110 9.3.2', 'HEAD may leave out a length that only the body tells (/metrics)',
    request('GET /metrics HTTP/1.1') + request('HEAD /metrics HTTP/1.1'), [200, 200], {
      methods: ['GET', 'HEAD'],
      look: (_, [whole, { headers }]) => {
        assert.ok(whole.body.length > 0);
        const { 'content-length': length, ...others } = whole.headers;
        assert.deepEqual({ ...headers, date: 0 }, { ...others, date: 0 });
      },
    });
});

describe('expectations and upgrades (RFC 9110, 7.8 and 10.1.1)', () => {
  const waits = post(['Expect: 100-continue', 'Content-Length: 5']);
  rule('9110 10.1.1', 'who expects 100 gets it, then the answer', [waits, 'hello'], [100, 405]);
  rule('9110 10.1.1', 'in any case of letters',
    [post(['Expect: 100-Continue', 'Content-Length: 5']), 'hello'], [100, 405]);
  rules('9110 10.1.1', 'as a list, whose empty elements count for nothing (5.6.1)', {
    'with a comma': [post(['Expect: 100-continue,', 'Content-Length: 5']), 'hello'],
    'twice': [post(['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 5']), 'hello'],
  }, [100, 405]);
  rule('9110 5.6.1', 'an empty list expects nothing', post(['Expect: ,', 'Content-Length: 5'], 'hello'),
    405);
  rule('9110 10.1.1', 'who has sent the body already needs none', waits + 'hello', 405);
  rule('9110 10.1.1', 'HTTP/1.0 expects nothing',
    request('POST /healthz HTTP/1.0', ['Expect: 100-continue', 'Content-Length: 5'], { body: 'hello' }),
    405, closes);
  rule('9110 10.1.1', 'a final answer may come instead, and ends the connection',
    post(['Expect: 100-continue', 'Content-Length: 1000000']), 413, saysClose);
  rules('9110 10.1.1', 'another expectation is 417', {
    one: get(['Expect: 200-ok']), 'beside 100-continue': get(['Expect: 100-continue, x']),
  }, 417, closes);

  rules('9110 7.8', 'an upgrade to what is not known is ignored', {
    h2c: get(['Connection: Upgrade', 'Upgrade: h2c']), TLS: get(['Connection: Upgrade', 'Upgrade: TLS/1.0']),
  }, 200);
  rule('9110 7.8', 'an upgrade of HTTP/1.0 is ignored',
    old(['Connection: keep-alive, Upgrade', 'Upgrade: websocket']), 200);
  test('9110 7.8: a switch of protocols names the new one', async () => {
    const socket = await RawSocket.open(nodes.relay);
    socket.write(upgradeRequest());
    const { status, headers } = await socket.response();
    assert.equal(status, 101);
    assert.match(headers.connection, /^upgrade$/i);
    assert.equal(headers.upgrade, 'websocket');
    assert.equal(headers['content-length'], undefined);
    socket.destroy();
  });
  rule('9110 15.5.22', '426 names what to upgrade to',
    upgradeRequest({ headers: { 'Sec-WebSocket-Version': '8' } }), 426, {
      ends: true,
      look: ({ headers }) => {
        assert.equal(headers.upgrade, 'websocket');
        assert.match(headers.connection, /\bupgrade\b/i);
      },
    });
});

describe('answers (RFC 9110, 6, 8, 13 to 15)', () => {
  const dated = {
    look: ({ headers }) => {
      assert.match(headers.date, /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 5000, headers.date);
    },
  };
  rule('9110 6.6.1', 'an answer has the date', get(), 200, dated);
  rule('9110 6.6.1', 'so has one to what is not there', request('GET /nothing HTTP/1.1'), 404, dated);
  rule('9110 6.6.1', 'so has a refusal', request('GET * HTTP/1.1'), 400, { ends: true, ...dated });
  rule('9110 8.6', '204 has no length', request('OPTIONS /healthz HTTP/1.1'), 204, {
    look: ({ headers }) => {
      assert.equal(headers['content-length'], undefined);
      assert.equal(headers['transfer-encoding'], undefined);
    },
  });
  test('9110 15.5.2: 401 names the scheme', async (t) => {
    const node = await startNode(t, 'relay_node', [
      '--jwt-secret-file', secretFile(t, 'a secret of thirty-two bytes, or more'),
    ]);
    const [answer] = await exchange(node, [upgradeRequest()], ['GET']);
    assert.equal(answer.status, 401);
    assert.match(answer.headers['www-authenticate'], /^Bearer/);
  });
});

describe('files: conditions, ranges, codings (RFC 9110, 8.8, 12 to 15)', () => {
  const on = 'files';
  const file = (more, method = 'GET') => request(`${method} /a.txt HTTP/1.1`, more);
  const earlier = 'Sat, 31 Jan 2026 09:29:59 GMT';
  const then = 'Sat, 31 Jan 2026 09:30:00 GMT';
  const has = (fields, body) => ({ on, look: (answer) => {
    for (const [name, value] of Object.entries(fields)) assert.equal(answer.headers[name], value);
    if (body !== undefined) assert.equal(answer.body, body);
  } });

  rule('9110 8.8.2.1', 'a file tells when it changed, which is not in the future', file(), 200,
    has({ 'last-modified': then }, '0123456789'));
  rules('9110 5.6.7', 'a date has three forms', {
    fixed: file([`If-Modified-Since: ${then}`]),
    'RFC 850': file(['If-Modified-Since: Saturday, 31-Jan-26 09:30:00 GMT']),
    asctime: file(['If-Modified-Since: Sat Jan 31 09:30:00 2026']),
  }, 304, { on });
  rules('9110 13.1.3', 'If-Modified-Since selects by date', {
    earlier: file([`If-Modified-Since: ${earlier}`]),
    'no date': file(['If-Modified-Since: yesterday']),
    'beside If-None-Match': file([`If-Modified-Since: ${then}`, 'If-None-Match: "x"']),
  }, 200, { on });
  rules('9110 13.1.1', 'If-Match that names no current tag is 412', {
    another: file(['If-Match: "x"']), 'weak, of HEAD': file(['If-Match: W/"x"'], 'HEAD'),
  }, 412, { on });
  rule('9110 13.1.1', 'If-Match: * is any', file(['If-Match: *']), 200, { on });
  rule('9110 13.1.2', 'If-None-Match: * is any', file(['If-None-Match: *']), 304, { on });
  rule('9110 13.1.2', 'If-None-Match of another is none', file(['If-None-Match: "x"']), 200, { on });
  rule('9110 13.1.4', 'If-Unmodified-Since before a change is 412',
    file([`If-Unmodified-Since: ${earlier}`]), 412, { on });
  rules('9110 13.2.2', 'conditions are judged in order', {
    'If-Match goes before If-Unmodified-Since':
      file(['If-Match: *', `If-Unmodified-Since: ${earlier}`]),
    'and a failed one before If-None-Match, which would be 304':
      file(['If-Match: *', 'If-None-Match: "x"', `If-Modified-Since: ${then}`]),
  }, 200, { on });
  rule('9110 13.2.1', 'conditions do not concern what selects no file',
    file(['If-Match: "x"', 'If-None-Match: *'], 'OPTIONS'), 204, { on });
  test('9110 15.4.5: 304 has what 200 would, and no body', async () => {
    const [whole] = await exchange(nodes.files, [file() + probe], ['GET']);
    const [known] = await exchange(
      nodes.files, [file([`If-None-Match: ${whole.headers.etag}`]) + probe], ['GET'],
    );
    assert.equal(known.status, 304);
    for (const name of ['etag', 'cache-control', 'vary', 'last-modified'])
      assert.equal(known.headers[name], whole.headers[name], name);
    assert.ok(known.headers.date);
  });
  rules('9110 14.2', 'a Range that is not understood is ignored', {
    'of another unit': file(['Range: lines=1-2']), malformed: file(['Range: bytes=x']),
    'of another method': file(['Range: bytes=0-0'], 'HEAD'),
    'the wrong way round': file(['Range: bytes=5-2']),
    'on two lines': file(['Range: bytes=0-1', 'Range: bytes=3-4']),
  }, 200, { on });
  rule('9110 14.1.2', 'the last bytes of what is empty are all of it',
    request('GET /empty.txt HTTP/1.1', ['Range: bytes=-5']), 200,
    has({ 'content-range': undefined, 'content-length': '0' }, ''));
  rules('9110 14.1.2', 'a position may be larger than any integer', {
    last: file(['Range: bytes=2-99999999999999999999999']),
    'the last bytes': file(['Range: bytes=-99999999999999999999999']),
  }, 206, { on });
  rule('9110 14.1.2', 'also the first, which is behind the end then',
    file(['Range: bytes=99999999999999999999999-']), 416, has({ 'content-range': 'bytes */10' }));
  rule('9110 15.3.7', '206 has the part, and says which', file(['Range: bytes=2-4']), 206,
    has({ 'content-range': 'bytes 2-4/10', 'content-length': '3' }, '234'));
  rule('9110 14.1.2', 'the last bytes, and more than there are', file(['Range: bytes=-20']), 206,
    has({ 'content-range': 'bytes 0-9/10' }, '0123456789'));
  rule('9110 15.5.17', 'a range behind the end is 416, and says the length',
    file(['Range: bytes=10-']), 416, has({ 'content-range': 'bytes */10' }));
  rules('9110 13.1.5', 'If-Range that is not surely the current version gives the whole', {
    another: file(['Range: bytes=2-4', 'If-Range: "x"']),
    'a date': file(['Range: bytes=2-4', `If-Range: ${then}`]),
  }, 200, { on });
  rules('9110 12.5.3', 'a coding is used that the client takes', {
    gzip: request('GET /b.txt HTTP/1.1', ['Accept-Encoding: gzip']),
    'with a weight, a list, in capitals':
      request('GET /b.txt HTTP/1.1', ['Accept-Encoding: br;q=0, , GZIP;q=0.5']),
  }, 200, { on, look: ({ headers, body }) => {
    assert.equal(headers['content-encoding'], 'gzip');
    assert.match(headers.vary, /accept-encoding/i);
    assert.equal(gunzipSync(Buffer.from(body, 'latin1')).toString(), 'b'.repeat(100));
  } });
  rules('9110 12.5.3', 'and no other', {
    none: request('GET /b.txt HTTP/1.1'),
    refused: request('GET /b.txt HTTP/1.1', ['Accept-Encoding: gzip;q=0']),
    another: request('GET /b.txt HTTP/1.1', ['Accept-Encoding: br']),
  }, 200, { on, look: ({ headers }) => assert.equal(headers['content-encoding'], undefined) });
  test('9110 8.8.3.3: each coding has a tag of its own', async () => {
    const tags = [];
    for (const more of [[], ['Accept-Encoding: gzip']]) {
      const [{ headers }] =
        await exchange(nodes.files, [request('GET /b.txt HTTP/1.1', more) + probe], ['GET']);
      tags.push(headers.etag);
    }
    assert.notEqual(...tags);
  });
});
