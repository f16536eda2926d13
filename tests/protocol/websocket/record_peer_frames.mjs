// Records what other peers send, for ws_peers_test.cpp:
// node record_peer_frames.mjs > ws_peer_frames.txt
// One line for each stream: who sent it, whether it keeps its context, the messages as
// kind:count*hex (a piece and how often it repeats), the bytes in hex.
import net from 'node:net';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { once } from 'node:events';

const { WebSocket } = createRequire(
  new URL('../../transport/js/package.json', import.meta.url),
)('ws');
const prose = Array.from(
  { length: 16 },
  (_, i) => `message ${(i * 7919) % 1000} of the room é€😀; `,
).join('');
const noise = Buffer.from(
  Array.from({ length: 16 }, (_, i) =>
    createHash('sha256').update(String(i)).digest('hex'),
  ).join(''),
  'hex',
);
const messages = [
  [1, ''], [1, 'Hello'], [40, 'y'], [3073, 'y'], [3097, '\0'], [20_000, 'ab'], [1, prose],
  [1, noise],
];
const hex = (data) => Buffer.from(data).toString('hex');
const told = (count, piece) =>
  `${typeof piece === 'string' ? 'text' : 'binary'}:${count}*${hex(piece)}`;
const whole = (count, piece) => (typeof piece === 'string' ? piece.repeat(count) : piece);

/// Records what npm's ws sends to a server that answers `extension`; `say(socket)` sends it.
async function recorded(perMessageDeflate, extension, say) {
  const chunks = [];
  const server = net.createServer((socket) => {
    socket.once('data', (request) => {
      const key = /Sec-WebSocket-Key: (.*)\r/i.exec(request)[1];
      const accept = createHash('sha1')
        .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.write(
        'HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\n` +
          (extension ? `Sec-WebSocket-Extensions: ${extension}\r\n` : '') +
          '\r\n',
      );
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}/`, { perMessageDeflate });
  await once(socket, 'open');
  await say(socket);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.terminate();
  server.close();
  return Buffer.concat(chunks);
}

const sent = (socket, data, options) =>
  new Promise((resolve, reject) => socket.send(data, options, (e) => (e ? reject(e) : resolve())));
const afresh = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const line = (name, context, texts, bytes) =>
  console.log([name, context ? 'context' : 'afresh', texts.join(','), hex(bytes)].join(' '));
const few = messages.filter(([count]) => count < 5000);
const all = (some) => async (socket) => {
  for (const [count, piece] of some) await sent(socket, whole(count, piece));
};

for (const [name, options, extension] of [
  ['ws-plain', false, ''],
  ['ws-default', { threshold: 0 }, afresh],
  ['ws-level-1', { threshold: 0, zlibDeflateOptions: { level: 1 } }, afresh],
  ['ws-level-9-memory-1', { threshold: 0, zlibDeflateOptions: { level: 9, memLevel: 1 } }, afresh],
  ['ws-window-9', { threshold: 0, clientMaxWindowBits: 9 }, `${afresh}; client_max_window_bits=9`],
  ['ws-context', { threshold: 0 }, 'permessage-deflate; server_no_context_takeover'],
]) {
  const some = options ? messages : few;
  line(
    name,
    name === 'ws-context',
    some.map((m) => told(...m)),
    await recorded(options, extension, all(some)),
  );
}

line(
  'ws-fragments',
  false,
  [told(1, prose), told(1, 'second')],
  await recorded({ threshold: 0 }, afresh, async (socket) => {
    const bytes = Buffer.from(prose);
    for (let at = 0; at < bytes.length; at += 100)
      await sent(socket, bytes.subarray(at, at + 100), {
        binary: false, compress: true, fin: at + 100 >= bytes.length,
      });
    await sent(socket, 'second');
  }),
);

/// Streams of Python's zlib, framed by hand with a mask of zeros.
const python = `
import json, sys, zlib
def frame(op, p):
    n = len(p)
    head = bytes([0xc0 | op]) + (bytes([0x80 | n]) if n < 126 else b'\\xfe' + n.to_bytes(2, 'big'))
    return head + bytes(4) + p
def stream(messages, level, bits, memory, strategy, ends):
    out = b''
    for kind, count, piece in messages:
        c = zlib.compressobj(level, zlib.DEFLATED, -bits, memory, strategy)
        p = c.compress(bytes.fromhex(piece) * count) + c.flush(zlib.Z_FINISH if ends else zlib.Z_SYNC_FLUSH)
        out += frame(1 if kind == 'text' else 2, p + b'\\0' if ends else p[:-4])
    return out.hex()
messages = json.loads(sys.argv[1])
for name, *args in [('level-0', 0, 15, 8, 0, False), ('level-9', 9, 15, 9, 0, False), ('window-9', 6, 9, 1, 0, False), ('fixed', 6, 15, 8, 4, False), ('huffman', 6, 15, 8, 2, False), ('final', 6, 15, 8, 0, True)]:
    print('python-' + name, stream(messages if name not in ('level-0', 'huffman') else messages[:3] + messages[6:], *args))
`;
const listed = messages.map(([count, piece]) => [
  typeof piece === 'string' ? 'text' : 'binary', count, hex(piece),
]);
for (const made of execFileSync('python3', ['-c', python, JSON.stringify(listed)])
  .toString()
  .trim()
  .split('\n')) {
  const [name, bytes] = made.split(' ');
  const some =
    name === 'python-level-0' || name === 'python-huffman'
      ? [...messages.slice(0, 3), ...messages.slice(6)]
      : messages;
  line(
    name,
    false,
    some.map((m) => told(...m)),
    Buffer.from(bytes, 'hex'),
  );
}
