// A TCP proxy in front of a node whose connections a test can break.

import { once } from 'node:events';
import net from 'node:net';

/// Resolves with {url, cut, end, stall, mute}; all but `url` break the connections of the moment.
export async function badLine(t, node) {
  const pairs = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(node.port, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => pair.swallows?.includes(from) || to.write(bytes));
      from.on('end', () => to.end());
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const each = (break_) => () => [...pairs].forEach(break_);
  const line = {
    url: `ws://127.0.0.1:${server.address().port}/`,
    /// A reset.
    cut: each(([near, far]) => (near.resetAndDestroy(), far.resetAndDestroy())),
    /// An end of the stream to the client, without a close frame.
    end: each(([near]) => near.end()),
    /// What is sent is lost, and nobody is told.
    stall: each((pair) => (pair.swallows = [...pair])),
    /// The same with what the server says only.
    mute: each((pair) => (pair.swallows = [pair[1]])),
  };
  t.after(() => {
    line.cut();
    server.close();
  });
  return line;
}
