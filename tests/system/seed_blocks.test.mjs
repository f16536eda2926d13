// The `ws` tutorial, section by section: its client code runs as printed against the nodes, and the
// nodes send what its servers would send. Each row names the tests:
//
// section           node                            its client code       what its server sends
// ----------------  ------------------------------  --------------------  ------------------------
// 2.1 first server  echo_node                       -                     here, endpoints
// 2.2 clients       echo_node; in Node all others   here                  -
// 3 HTTP            file_node, chat_node            -                     http, file_page, browser
// 4.1 broadcast     echo_node --mode broadcast      2.2's, here           here, endpoints
// 4.2 to others     echo_node --mode others         2.2's, here           here, endpoints
// 5 chat            chat_node                       2.2's and 10's, here  here (bytes), seed_chat
// 6 rooms           relay_node                      2.2's and 10's, here  here (bytes), seed_rooms
// 7 tokens          relay_node --jwt-secret-file    2.2's and 10's, here  here, jwt
// 8 ping and pong   any node with --ping-interval   10's, here            here, slow_readers
// 9 binary data     file_node --image               2.2's and 10's, here  here, files
// 10 reconnecting   any node                        here                  -
//
// Section 1 and the conclusion print no code. The nodes send one thing more than the printed
// servers: `error`, if they do not understand a message (PROTOCOL.md, Plain clients). The printed
// rooms of section 6 never set `ws.id`; here `userId` is there.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import WebSocket from 'ws';
import { skip as noChromium } from './support/browser.mjs';
import { connect, refused } from './support/client.mjs';
import { startLastingNode, startNode } from './support/node.mjs';
import { chromiumAt, openPage, printed, runInNode } from './support/seed.mjs';
import { inSeconds, secretFile, sign, temporaryFolder } from './support/tokens.mjs';
import { Inbox, until, within } from './support/wait.mjs';

const nodeClient = '2.2_node_client.cjs';
const browserClient = printed('2.2_browser_client.html');
const reconnectingClient = `<script>\n${printed('10_reconnecting_client.js')}</script>`;
const secret = 'your-secret-key';
const image = Buffer.from('89504e470d1a00ff', 'hex');

test('the client code is as printed', () => {
  const digests = {
    '2.2_node_client.cjs': 'f813f6d23a5d8984ad796c97749a415ff5fb12d93f445a35c17de0b3cbb2b753',
    '2.2_browser_client.html': 'e2e7807e0a0b2853a1a38d8b549e1ddfbec51588acc2701eb9fe5a0aef56a7fc',
    '10_reconnecting_client.js': 'b3d4d94d0818599c165d8732e72de62fdc79127ac8a20b01baf3d2daa5814b50',
  };
  for (const [block, digest] of Object.entries(digests))
    assert.equal(createHash('sha256').update(printed(block)).digest('hex'), digest, block);
});

/// A client of npm's `ws` that takes frames as they come: text as a string, binary as a Buffer.
class Peer {
  constructor(node, { path = '/', ...options } = {}) {
    this.inbox = new Inbox();
    this.socket = new WebSocket(node.url(path), { perMessageDeflate: false, ...options });
    this.socket.on('message', (data, isBinary) =>
      this.inbox.push(isBinary ? data : data.toString()),
    );
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
  }
  static async open(node, options) {
    const peer = new Peer(node, options);
    await within(once(peer.socket, 'open'), 'a connection');
    return peer;
  }
  /// Checks that the next frames are exactly these.
  async gets(...frames) {
    for (const frame of frames) assert.deepEqual(await this.inbox.take(String(frame)), frame);
  }
  /// Closes the connection and checks that no other frame has come.
  async endsWithNothingMore() {
    this.socket.close(1000);
    assert.equal(await within(this.closed, 'the end'), 1000);
    assert.deepEqual(this.inbox.pending, []);
  }
}

const imageFile = (folder) => {
  const file = path.join(folder, 'image.png');
  writeFileSync(file, image);
  return file;
};

async function stop(node) {
  node.signal('SIGTERM');
  await node.ended();
}

describe('the Node client (2.2)', () => {
  /// Runs the block until it shows `lines`, then stops the node.
  /// Checks that the block shows nothing else and ends well.
  async function shows(t, name, args, lines) {
    const node = await startNode(t, name, args);
    const { screen, errors, ended } = runInNode(t, node, nodeClient);
    await screen.shows(['서버에 연결됨', ...lines]);
    await stop(node);
    assert.equal(await ended(), 0);
    await screen.shows(['서버에 연결됨', ...lines, '연결 종료']);
    await errors.shows([]);
  }

  test('is greeted and answered by the first server (2.1)', (t) =>
    shows(t, 'echo_node', [], ['서버 메시지: WebSocket 서버에 연결되었습니다!', '서버 메시지: 서버 응답: 안녕하세요!']));

  test('hears itself from the broadcast to all (4.1)', (t) =>
    shows(t, 'echo_node', ['--mode', 'broadcast'], ['서버 메시지: 안녕하세요!']));

  test('hears another one, but not itself, from the broadcast to all others (4.2)', async (t) => {
    const node = await startNode(t, 'echo_node', ['--mode', 'others']);
    const witness = await Peer.open(node);
    const first = runInNode(t, node, nodeClient);
    await witness.gets('안녕하세요!');
    const second = runInNode(t, node, nodeClient);
    await witness.gets('안녕하세요!');
    await first.screen.shows(['서버에 연결됨', '서버 메시지: 안녕하세요!']);

    await stop(node);

    for (const { ended } of [first, second]) assert.equal(await ended(), 0);
    await first.screen.shows(['서버에 연결됨', '서버 메시지: 안녕하세요!', '연결 종료']);
    await second.screen.shows(['서버에 연결됨', '연결 종료']);
  });

  test('is announced by the chat (5), which does not understand it', async (t) => {
    const node = await startNode(t, 'chat_node');
    const { screen, ended } = runInNode(t, node, nodeClient);
    await until(() => screen.lines.length >= 4, 'four lines');
    const [name] = screen.lines[1].match(/User.{4}/);

    await stop(node);

    assert.equal(await ended(), 0);
    const [error] = screen.lines.splice(3, 1);
    assert.match(error, /^서버 메시지: \{"type":"error","code":"malformed",/);
    await screen.shows([
      '서버에 연결됨',
      `서버 메시지: {"type":"system","message":"${name}님이 입장했습니다."}`,
      '서버 메시지: {"type":"info","userCount":1}',
      '연결 종료',
    ]);
  });

  test('is not understood by the rooms (6), and stays', async (t) => {
    const node = await startNode(t, 'relay_node');
    const { screen } = runInNode(t, node, nodeClient);
    await until(() => screen.lines.length >= 2, 'two lines');
    assert.match(screen.lines[1], /^서버 메시지: \{"type":"error","code":"malformed",/);
    assert.equal(await node.metric('troupe_connections'), 1);
  });

  test('is refused for want of a token (7)', async (t) => {
    const node = await startNode(t, 'relay_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const { screen, errors, ended } = runInNode(t, node, nodeClient);
    assert.equal(await ended(), 0);
    await screen.shows(['연결 종료']);
    assert.equal(errors.lines[0], '에러: Error: Unexpected server response: 401');
  });

  test('is sent the image, and no answer to a text (9)', (t) => {
    const folder = temporaryFolder(t);
    const picture = path.join(folder, 'image.png');
    writeFileSync(picture, 'GIF89a\u0001');
    return shows(
      t,
      'file_node',
      ['--folder', path.join(folder, 'received'), '--image', picture],
      ['서버 메시지: GIF89a\u0001'],
    );
  });
});

describe('the browser client (2.2) in Chromium', { skip: noChromium }, () => {
  test('is greeted and answered by the first server (2.1)', async (t) => {
    const node = await startNode(t, 'echo_node');
    const { screen } = await openPage(t, await chromiumAt(t, node), browserClient);
    const lines = ['연결됨', '메시지: WebSocket 서버에 연결되었습니다!', '메시지: 서버 응답: 안녕하세요!'];
    await screen.shows(lines);

    await stop(node);

    await screen.shows([...lines, '연결 종료']);
  });

  for (const [section, mode, heardByFirst, heardBySecond] of [
    ['4.1', 'broadcast', 2, 1], ['4.2', 'others', 1, 0],
  ])
    test(`hears the broadcasts of ${section}`, async (t) => {
      const node = await startNode(t, 'echo_node', ['--mode', mode]);
      const witness = await Peer.open(node);
      const browser = await chromiumAt(t, node);
      const first = await openPage(t, browser, browserClient);
      await witness.gets('안녕하세요!');
      const second = await openPage(t, browser, browserClient);
      await witness.gets('안녕하세요!');
      const lines = (heard) => ['연결됨', ...Array(heard).fill('메시지: 안녕하세요!')];
      await first.screen.shows(lines(heardByFirst));
      await second.screen.shows(lines(heardBySecond));

      await stop(node);

      await first.screen.shows([...lines(heardByFirst), '연결 종료']);
      await second.screen.shows([...lines(heardBySecond), '연결 종료']);
    });
});

describe('the reconnecting client (10) in Chromium', { skip: noChromium }, () => {
  const open = async (t, node, options) =>
    openPage(t, await chromiumAt(t, node), reconnectingClient, options);

  const connected = ['연결됨', '메시지: WebSocket 서버에 연결되었습니다!'];

  /// Lets 3 s pass and checks that the next attempt does not start earlier.
  async function waitInterval(page) {
    await page.clock.runFor(2999);
    assert.equal(await page.evaluate(() => ws.ws.readyState), WebSocket.CLOSED);
    await page.clock.runFor(1);
  }

  test('is connected again 3 s after the node has ended, ' +
    'and counts its attempts anew', async (t) => {
    const first = await startLastingNode(t, 'echo_node');
    const { page, screen } = await open(t, first, { clock: true });
    await screen.shows(connected);

    await stop(first);
    const lost = [...connected, '연결 종료', '재연결 시도 1...'];
    await screen.shows(lost);
    const second = await startNode(t, 'echo_node', [], { port: first.port });
    await waitInterval(page);
    await screen.shows([...lost, ...connected]);
    second.expectedEnd = true;
    second.signal('SIGKILL');

    await screen.shows([...lost, ...lost]);
  });

  test('gives up after ten attempts, 3 s apart', async (t) => {
    const node = await startNode(t, 'echo_node');
    const { page, screen } = await open(t, node, { clock: true });
    await screen.shows(connected);

    await stop(node);

    const lines = [...connected, '연결 종료'];
    for (let attempt = 1; attempt <= 10; ++attempt) {
      await screen.shows([...lines, `재연결 시도 ${attempt}...`]);
      await waitInterval(page);
      lines.push(`재연결 시도 ${attempt}...`, '에러', '연결 종료');
    }
    lines.push('최대 재연결 시도 횟수 초과');
    await screen.shows(lines);
    await page.clock.runFor(60_000);
    assert.equal(await page.evaluate(() => ws.ws.readyState), WebSocket.CLOSED);
    await screen.shows(lines);
  });

  test('chats (5)', async (t) => {
    const node = await startNode(t, 'chat_node');
    const { page, screen } = await open(t, node);
    await until(() => screen.lines.length >= 3, 'three lines');
    const [name] = screen.lines[1].match(/User.{4}/);
    const other = await connect(node, 'plain');
    const { message } = await other.expect('system');
    await other.expect('info', { userCount: 2 });

    await page.evaluate(() => {
      const commands = [
        { type: 'setUsername', username: '철수' }, { type: 'typing' },
        { type: 'chat', text: '안녕하세요!' },
      ];
      for (const command of commands) ws.send(JSON.stringify(command));
    });

    await other.expectExactly({ type: 'system', message: `${name}님이 철수(으)로 이름을 변경했습니다.` });
    await other.expectExactly({ type: 'typing', username: '철수' });
    const { timestamp } = await other.expect('chat', { username: '철수', message: '안녕하세요!' });
    other.send({ type: 'typing' });
    await screen.shows([
      '연결됨',
      `메시지: {"type":"system","message":"${name}님이 입장했습니다."}`,
      '메시지: {"type":"info","userCount":1}',
      `메시지: {"type":"system","message":"${message}"}`,
      `메시지: {"type":"system","message":"${name}님이 철수(으)로 이름을 변경했습니다."}`,
      `메시지: {"type":"chat","username":"철수","message":"안녕하세요!","timestamp":"${timestamp}"}`,
      `메시지: {"type":"typing","username":"${message.slice(0, 8)}"}`,
    ]);
    await page.evaluate(() => ws.close());
    await other.find('system', { message: '철수님이 퇴장했습니다.' });
  });

  test('is in rooms (6)', async (t) => {
    const node = await startNode(t, 'relay_node');
    const { page, screen } = await open(t, node);
    const other = await connect(node, 'plain');
    await other.join('room1');
    await screen.shows(['연결됨']);

    const say = (command) => page.evaluate((text) => ws.send(text), JSON.stringify(command));
    await say({ type: 'join', roomId: 'room1' });
    const { userId } = await other.expect('userJoined');
    await say({ type: 'message', text: '안녕하세요!' });
    await other.expectExactly({ type: 'message', text: '안녕하세요!', userId });
    await say({ type: 'leave' });
    await other.expectExactly({ type: 'userLeft', userId });

    await screen.shows([
      '연결됨',
      '메시지: {"type":"joined","roomId":"room1"}',
      `메시지: {"type":"message","text":"안녕하세요!","userId":"${userId}"}`,
    ]);
  });

  test('comes in with a token, and not without (7)', async (t) => {
    const node = await startNode(t, 'relay_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const { page, screen } = await open(t, node, { clock: true });
    const refusal = ['에러', '연결 종료', '재연결 시도 1...'];
    await screen.shows(refusal);
    const other = await connect(node, 'plain', {
      path: `/?token=${sign({ username: '영희' }, secret)}`,
    });
    await other.join('room1');

    await page.evaluate((token) => {
      const socket = new ReconnectingWebSocket(`ws://localhost:8080/?token=${token}`);
      socket.on('open', () => socket.send('{"type":"join","roomId":"room1"}'));
    }, sign({ username: '철수' }, secret));

    await other.expectExactly({ type: 'userJoined', userId: '철수' });
    await screen.shows([...refusal, '연결됨']);
    await page.evaluate(() => new ReconnectingWebSocket('ws://localhost:8080/?token=x'));
    await screen.shows([...refusal, '연결됨', ...refusal]);
  });

  test('outlives a client that does not answer the heartbeat (8)', async (t) => {
    const node = await startNode(t, 'relay_node', [
      '--ping-interval', '200ms', '--ping-timeout', '2s',
    ]);
    const { page, screen } = await open(t, node);
    await screen.shows(['연결됨']);
    const deaf = await Peer.open(node, { autoPong: false });
    assert.equal(await within(deaf.closed, 'the end'), 1006);

    await page.evaluate(() => ws.send('{"type":"join","roomId":"room1"}'));

    await screen.shows(['연결됨', '메시지: {"type":"joined","roomId":"room1"}']);
  });

  test('gets an image and sends a file, both whole (9)', async (t) => {
    const folder = temporaryFolder(t);
    const received = path.join(folder, 'received');
    const node = await startNode(t, 'file_node', [
      '--folder', received, '--image', imageFile(folder),
    ]);
    const { page, screen } = await open(t, node);
    await screen.shows(['연결됨', '메시지: Blob']);

    const got = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const socket = new ReconnectingWebSocket('ws://localhost:8080');
          socket.on('message', async ({ data }) =>
            resolve([...new Uint8Array(await data.arrayBuffer())]),
          );
        }),
    );
    assert.deepEqual(Buffer.from(got), image);
    await page.evaluate(() => ws.send(Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)));

    await screen.shows(['연결됨', '메시지: Blob', '연결됨', '메시지: 파일 수신 완료']);
    assert.ok(
      readFileSync(path.join(received, 'received-file.bin')).equals(
        Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251)),
      ),
    );
  });
});

describe('what a client is sent by', () => {
  test('the first server (2.1): a greeting, then answers in order, ' +
    'and nothing that is another one\'s', async (t) => {
    const node = await startNode(t, 'echo_node');
    const [asker, other] = [await Peer.open(node), await Peer.open(node)];

    for (const text of ['하나', '', '"둘"\n\0']) asker.socket.send(text);

    await asker.gets('WebSocket 서버에 연결되었습니다!', '서버 응답: 하나', '서버 응답: ', '서버 응답: "둘"\n\0');
    await other.gets('WebSocket 서버에 연결되었습니다!');
    for (const peer of [asker, other]) await peer.endsWithNothingMore();
  });

  for (const [section, mode] of [['4.1', 'broadcast'], ['4.2', 'others']])
    test(`the broadcast (${section}): ` +
      'no greeting, texts as they are, nothing of before', async (t) => {
      const node = await startNode(t, 'echo_node', ['--mode', mode]);
      const [sender, other] = [await Peer.open(node), await Peer.open(node)];
      const texts = ['안녕하세요!', '', '{"type":"join","roomId":"a"}'];

      for (const text of texts) sender.socket.send(text);

      if (mode === 'broadcast') await sender.gets(...texts);
      await other.gets(...texts);
      const late = await Peer.open(node);
      for (const peer of [sender, other, late]) await peer.endsWithNothingMore();
    });

  test('the chat (5): byte for byte what JSON.stringify writes', async (t) => {
    const node = await startNode(t, 'chat_node');
    const first = await Peer.open(node);
    const [, name] = (await first.inbox.take('system')).match(/"message":"(User.{4})님이/);
    await first.gets(JSON.stringify({ type: 'info', userCount: 1 }));
    const second = await Peer.open(node);
    const hello = await second.inbox.take('system');
    const [, other] = hello.match(/"message":"(User.{4})님이/);
    assert.equal(hello, JSON.stringify({ type: 'system', message: `${other}님이 입장했습니다.` }));
    await first.gets(hello);
    await second.gets(JSON.stringify({ type: 'info', userCount: 2 }));

    const text = '안녕 <b>"hi"</b> \\ / 😀\n\u0001';
    const commands = [
      { type: 'setUsername', username: '김철수' }, { type: 'typing' }, { type: 'chat', text },
    ];
    for (const command of commands) first.socket.send(JSON.stringify(command));

    const renamed = JSON.stringify({ type: 'system', message: `${name}님이 김철수(으)로 이름을 변경했습니다.` });
    await first.gets(renamed);
    await second.gets(renamed, JSON.stringify({ type: 'typing', username: '김철수' }));
    const said = await first.inbox.take('chat');
    const timestamp = new Date(JSON.parse(said).timestamp).toISOString();
    assert.equal(said, JSON.stringify({ type: 'chat', username: '김철수', message: text, timestamp }));
    await second.gets(said);
    await first.endsWithNothingMore();
    await second.gets(JSON.stringify({ type: 'system', message: '김철수님이 퇴장했습니다.' }));
    await second.endsWithNothingMore();
  });

  test('the rooms (6): byte for byte what JSON.stringify writes', async (t) => {
    const node = await startNode(t, 'relay_node');
    const [first, second] = [await Peer.open(node), await Peer.open(node)];
    const joined = JSON.stringify({ type: 'joined', roomId: '방 1' });
    const join = (peer) => peer.socket.send(JSON.stringify({ type: 'join', roomId: '방 1' }));
    join(first);
    await first.gets(joined);
    join(second);
    await second.gets(joined);
    const userJoined = await first.inbox.take('userJoined');
    const { userId } = JSON.parse(userJoined);
    assert.equal(userJoined, JSON.stringify({ type: 'userJoined', userId }));

    const text = '안녕 <b>"hi"</b> \\ / 😀\n\u0001';
    second.socket.send(JSON.stringify({ type: 'message', text }));
    for (const peer of [first, second])
      await peer.gets(JSON.stringify({ type: 'message', text, userId }));

    await second.endsWithNothingMore();
    await first.gets(JSON.stringify({ type: 'userLeft', userId }));
    await first.endsWithNothingMore();
  });

  test('the server that asks for tokens (7): 401 and why, or nothing', async (t) => {
    const node = await startNode(t, 'relay_node', ['--jwt-secret-file', secretFile(t, secret)]);
    const tokens = [
      sign({ username: '철수', iat: inSeconds(0) }, secret),
      sign({ username: '철수', exp: inSeconds(60) }, secret),
    ];
    for (const token of tokens)
      await (await Peer.open(node, { path: `/?token=${token}` })).endsWithNothingMore();

    const expired = sign({ username: '철수', exp: inSeconds(-60) }, secret);
    const forged = sign({ username: '철수' }, 'another-secret-key');
    for (const [query, body] of [
      ['', 'Unauthorized'], ['?token=', 'Unauthorized'], ['?user=x', 'Unauthorized'],
      ['?token=x', 'Invalid token'], [`?token=${expired}`, 'Invalid token'],
      [`?token=${forged}`, 'Invalid token'],
    ]) {
      const answer = await refused(node, 'plain', { path: `/${query}` });
      assert.deepEqual([answer.status, answer.body.trim()], [401, body], query);
    }
  });

  test('the heartbeat (8): pings without payload and nothing else; ' +
    'who does not answer is cut off without a close frame', async (t) => {
    const node = await startNode(t, 'echo_node', [
      '--mode', 'others', '--ping-interval', '500ms', '--ping-timeout', '500ms',
    ]);
    const [answering, deaf] = [await Peer.open(node), await Peer.open(node, { autoPong: false })];
    const pings = new Inbox();
    answering.socket.on('ping', (payload) => pings.push(payload.length));

    assert.equal(await within(deaf.closed, 'the end'), 1006);
    assert.deepEqual(deaf.inbox.pending, []);
    for (let i = 0; i < 3; ++i) assert.equal(await pings.take('a ping'), 0);
    await answering.endsWithNothingMore();
  });

  test('the server of files (9): ' +
    'the image, nothing for a text, one line for each file', async (t) => {
    const folder = temporaryFolder(t);
    const node = await startNode(t, 'file_node', [
      '--folder', path.join(folder, 'received'), '--image', imageFile(folder),
    ]);
    const peer = await Peer.open(node);

    peer.socket.send('텍스트');
    peer.socket.send(Buffer.from([0, 255]));
    await peer.gets(image, '파일 수신 완료');
    for (const size of [0, 100_000]) {
      peer.socket.send(Buffer.alloc(size, 7));
      await peer.gets('파일 수신 완료');
    }

    await peer.endsWithNothingMore();
  });
});
