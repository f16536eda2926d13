// Ends of connections that nobody announces.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { close, frame, rawWebSocket, text } from './support/raw.mjs';

// While the node is stopped, the kernel collects the pongs and the end, and reports both at once.
for (const [how, end] of [
  ['a reset', (client) => client.reset()],
  ['the end of the stream', (client) => client.socket.end()],
])
  for (const pongs of [1, 2, 40])
    test(`${how} right behind ${pongs} pongs is noticed at once`, async (t) => {
      const node = await startNode(t, 'relay_node', [
        '--ping-interval', '0', '--announce', 'on', '--max-connections-per-ip', '0',
      ]);
      const room = freshRoom();
      const witness = await connect(node);
      await witness.join(room);
      const members = [];
      for (let i = 0; i < 10; ++i) {
        const member = await rawWebSocket(node, {
          headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' },
        });
        await member.message(); // `welcome`
        member.write(text(`{"type":"join","roomId":"${room}"}`));
        await member.message();
        members.push(member);
      }
      for (let i = 0; i < 10; ++i) await witness.expect('userJoined');

      node.child.kill('SIGSTOP');
      for (const member of members) {
        member.write(
          Buffer.concat(
            Array.from({ length: pongs }, () => frame({ opcode: 10, payload: Buffer.alloc(100) })),
          ),
        );
        end(member);
      }
      await new Promise((resolve) => setImmediate(resolve));
      node.child.kill('SIGCONT');

      for (let i = 0; i < members.length; ++i) await witness.expect('userLeft', {}, 2000);
    });

// Some counts exceed what one handler passes on at once.
for (const [how, last, code] of [
  ['a close', close(1000), 1000],
  ['a frame that breaks a rule', frame({ opcode: 3, payload: 'x' }), 1002],
  ['text that is no UTF-8', frame({ payload: Buffer.from([0xff]) }), 1007],
])
  for (const count of [1, 47, 48, 49, 60, 200])
    test(`${count} messages in one segment are answered before ${how}`, async (t) => {
      const node = await startNode(t, 'echo_node', ['--mode', 'plain', '--message-rate', '0']);
      const client = await rawWebSocket(node);
      client.write(
        Buffer.concat([
          ...Array.from({ length: count }, (_, i) => frame({ payload: `${i}` })),
          last,
        ]),
      );

      for (let i = 0; i < count; ++i)
        assert.equal((await client.frame()).payload.toString(), `${i}`);
      const end = await client.frame();
      assert.equal(end.opcode, 8);
      assert.equal(end.payload.readUInt16BE(0), code);
    });
