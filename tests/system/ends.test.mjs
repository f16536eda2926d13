// Ends of connections that nobody announces.

import { test } from 'node:test';
import { connect, freshRoom } from './support/client.mjs';
import { startNode } from './support/node.mjs';
import { frame, rawWebSocket, text } from './support/raw.mjs';

// While a node stands still the kernel gathers both, and tells of both at once.
for (const [how, end] of [
  ['a reset', (client) => client.reset()],
  ['the end of the stream', (client) => client.socket.end()],
])
  for (const pongs of [1, 2, 40])
    test(`${how} right behind ${pongs} pongs is noticed at once`, async (t) => {
      const node = await startNode(t, 'relay_node', ['--ping-interval', '0', '--announce', 'on', '--max-connections-per-ip', '0']);
      const room = freshRoom();
      const witness = await connect(node);
      await witness.join(room);
      const members = [];
      for (let i = 0; i < 10; ++i) {
        const member = await rawWebSocket(node, { headers: { 'Sec-WebSocket-Protocol': 'troupe.v1.json' } });
        await member.message(); // `welcome`
        member.write(text(`{"type":"join","roomId":"${room}"}`));
        await member.message();
        members.push(member);
      }
      for (let i = 0; i < 10; ++i) await witness.expect('userJoined');

      node.child.kill('SIGSTOP');
      for (const member of members) {
        member.write(Buffer.concat(Array.from({ length: pongs }, () => frame({ opcode: 10, payload: Buffer.alloc(100) }))));
        end(member);
      }
      await new Promise((resolve) => setImmediate(resolve));
      node.child.kill('SIGCONT');

      for (let i = 0; i < members.length; ++i) await witness.expect('userLeft', {}, 2000);
    });
