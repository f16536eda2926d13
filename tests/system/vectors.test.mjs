// The shared test vectors against a running node: what is faulty reaches nobody, what is valid
// arrives equal in both codecs.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { encode } from '@msgpack/msgpack';
import WebSocket from 'ws';
import { connect, freshRoom, roomOf } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { fromBase64, vectors } from './support/vectors.mjs';

let node;
before(async () => (node = await startNode(null, 'relay_node', ['--message-rate', '0'])));
after(() => node.end());

/// Calls `send(client, item)` for each item and checks that the witness gets nothing of it: only
/// the fence that follows each answer. The client is a member of the witness's room; a new one
/// replaces it before its tenth error.
async function reachesNobody(as, witness, room, items, send, check) {
  let client;
  let errors = 0;
  for (const [i, item] of items.entries()) {
    if (!client || errors === 9 || client.socket.readyState !== WebSocket.OPEN) {
      if (client) {
        client.socket.terminate();
        await witness.expect('userLeft', { userId: client.userId });
      }
      client = await connect(node, as);
      await client.join(room);
      await witness.expect('userJoined');
      errors = 0;
    }
    send(client, item);
    const answer = await client.take(`an answer to ${JSON.stringify(item)}`).catch(() => undefined);
    if (answer) {
      assert.equal(
        answer.type,
        'error',
        `${JSON.stringify(item)} was answered by ${JSON.stringify(answer)}`,
      );
      ++errors;
      check(item, answer);
      client.send({ type: 'message', text: `fence ${i}` });
      await witness.expect('message', { text: `fence ${i}` });
      await client.expect('message');
    } else {
      check(item, await client.end());
    }
  }
  client.socket.terminate();
  await witness.expect('userLeft');
}

/// Runs `work` while a pair in another room talks; each of its messages must arrive once, in order.
async function besideWitnesses(work) {
  const [speaker, listener] = await roomOf(node, freshRoom('witness'), 'json', 'msgpack');
  let talking = true;
  const spoken = (async () => {
    let n = 0;
    for (; talking; ++n) {
      speaker.send({ type: 'message', data: n });
      await speaker.expect('message', { data: n });
      await listener.expect('message', { data: n });
    }
    return n;
  })();
  try {
    await work();
  } finally {
    talking = false;
  }
  assert.ok((await spoken) > 0);
}

describe('faulty messages reach nobody', () => {
  test('texts that are no JSON', async () => {
    const room = freshRoom();
    const [witness] = await roomOf(node, room, 'json');
    const { texts } = vectors('invalid_json');
    assert.ok(texts.length > 500);
    await besideWitnesses(() =>
      reachesNobody(
        'json',
        witness,
        room,
        texts,
        (client, text) => client.sendRaw(text),
        (text, { code }) =>
          assert.ok(
            ['malformed', 'undecodable', 'bad_request', 1007].includes(code),
            `${JSON.stringify(text)}: ${code}`,
          ),
      ),
    );
  });

  test('text frames that are no text', async () => {
    const room = freshRoom();
    const [witness] = await roomOf(node, room, 'json');
    const { base64 } = vectors('invalid_json');
    await besideWitnesses(() =>
      reachesNobody(
        'json',
        witness,
        room,
        base64,
        (client, bytes) => client.socket.send(fromBase64(bytes), { binary: false }),
        (bytes, { code }) => assert.ok([1007, 'malformed'].includes(code), `${bytes}: ${code}`),
      ),
    );
  });

  for (const as of ['json', 'msgpack'])
    test(`refused messages in ${as}`, async () => {
      const room = freshRoom();
      const [witness] = await roomOf(node, room, as);
      const messages = vectors('rejected').messages.filter((m) => m[as] !== undefined);
      await besideWitnesses(() =>
        reachesNobody(
          as,
          witness,
          room,
          messages,
          (client, m) => client.sendRaw(as === 'json' ? m.json : fromBase64(m.msgpack)),
          (m, answer) => {
            if (answer.type !== 'error')
              return assert.equal(answer.code, 1007, `${m.name}: closed with ${answer.code}`);
            assert.equal(answer.code, m.code, m.name);
            assert.deepEqual(answer.ref, m.ref, m.name);
            if (m.path)
              assert.ok(answer.message.startsWith(m.path), `${m.name}: ${answer.message}`);
          },
        ),
      );
    });
});

describe('payloads arrive equal', () => {
  const { payloads } = vectors('payloads');
  const texts = new Inspector();

  // Pins §4.41, §8.17, §8.18.
  test('from JSON in both codecs', async () => {
    const { json, msgpack } = await texts.pair();
    for (const p of payloads)
      for (const source of [p.json, ...(p.jsonAlso ?? [])]) {
        json.client.sendRaw(`{"type":"message","data":${source}}`);
        assert.equal(
          texts.data(await json.next()),
          source,
          `${p.name}: JSON goes through verbatim`,
        );
        assert.deepEqual(
          texts.packed(await msgpack.next()),
          fromBase64(p.msgpack),
          `${p.name}: ${source} in MessagePack`,
        );
      }
  });

  // Pins §4.41, §8.17, §8.18.
  test('from MessagePack in both codecs', async () => {
    const { json, msgpack } = await texts.pair();
    for (const p of payloads)
      for (const source of [p.msgpack, ...(p.msgpackAlso ?? [])]) {
        const bytes = fromBase64(source);
        msgpack.client.sendRaw(
          Buffer.concat([
            Buffer.from([0x82]), encode('type'), encode('message'), encode('data'), bytes,
          ]),
        );
        assert.equal(texts.data(await json.next()), p.json, `${p.name}: ${source} in JSON`);
        assert.deepEqual(
          texts.packed(await msgpack.next()),
          bytes,
          `${p.name}: MessagePack goes through verbatim`,
        );
      }
  });
});

/// Cuts the payload out of a message's bytes, without decoding it.
function Inspector() {
  this.pair = async () => {
    const [json, msgpack] = await roomOf(node, freshRoom(), 'json', 'msgpack');
    return { json: tap(json), msgpack: tap(msgpack) };
  };
  // The payload is the last field of a message.
  this.data = (text) => text.toString().match(/"data":(.*)\}$/s)[1];
  this.packed = (bytes) => {
    const key = Buffer.from(encode('data'));
    return bytes.subarray(bytes.indexOf(key) + key.length);
  };

  function tap(client) {
    const queue = [];
    let wake;
    client.socket.on('message', (bytes) => {
      queue.push(bytes);
      wake?.();
    });
    return {
      client,
      next: async () => {
        while (queue.length === 0)
          await Promise.race([
            new Promise((resolve) => (wake = resolve)),
            client.end().then((end) => Promise.reject(new Error(`closed with ${end.code}`))),
          ]);
        return queue.shift();
      },
    };
  }
}

describe('valid messages', () => {
  for (const as of ['json', 'msgpack'])
    test(`are never answered by malformed, bad_request or bad_payload in ${as}`, async () => {
      for (const m of vectors('valid_messages').messages) {
        if (m[as] === undefined) continue;
        const client = await connect(node, as);
        client.sendRaw(as === 'json' ? m.json : fromBase64(m.msgpack));
        client.send({ type: 'ping', ref: 'fence after it' });
        for (;;) {
          const frame = await client.take();
          if (frame.type === 'pong' && frame.ref === 'fence after it') break;
          assert.ok(
            !['malformed', 'bad_request', 'bad_payload'].includes(frame.code),
            `${m.name}: ${JSON.stringify(frame)}`,
          );
        }
        client.socket.terminate();
      }
    });
});
