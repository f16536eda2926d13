// What files that are under way make the server keep. Measures a process's memory, so nothing else
// runs beside it; what else there is to say of files is in static_files.test.mjs.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nothingSpare } from './support/node.mjs';
import { resident } from './support/resident.mjs';
import { MiB, connection, requestOf, serve, sparse } from './support/site.mjs';

for (const secure of [false, true]) {
  const over = secure ? ' over TLS' : '';

  // Pins §16.50.
  test(`a large file costs a window for each client that does not read it${over}`, async (t) => {
    // The allocator gives back at once what is not used, so that only what is kept counts.
    const env = nothingSpare;
    const site = await serve(t, {}, { secure, env });
    sparse(site.file('large.bin'), 200 * MiB);
    const stall = async () => {
      const socket = await connection(site);
      socket.pause();
      socket.write(requestOf('large.bin'));
      t.after(() => socket.destroy());
      return socket;
    };
    // What the node needs once, and no client again, is not counted.
    for (let i = 0; i < 4; ++i) (await stall()).destroy();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const descriptors = site.node.openDescriptors();
    const grownBy = async (count) => {
      const before = await resident(site.node);
      for (let i = 0; i < count; ++i) await stall();
      // Nothing tells when the node has written what it can.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return (await resident(site.node)) - before;
    };

    const four = await grownBy(4);
    const each = (await grownBy(16)) / 16;

    t.diagnostic(`${four} KiB beside four downloads, ${each.toFixed(1)} KiB for each of 16 more`);
    assert.ok(four <= 4 * 1024, `${four} KiB`);
    assert.ok(each <= 320 + (secure ? 112 : 0), `${each.toFixed(1)} KiB each`);
    // their sockets, and no file
    assert.ok(site.node.openDescriptors() <= descriptors + 20);
  });
}
