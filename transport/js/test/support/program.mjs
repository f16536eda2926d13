// node program.mjs <url>
// Says hello to a room, hears it, and ends.

import { Client } from '../../src/index.js';

const client = new Client(process.argv[2]);
const room = client.room('lobby');
room.on('message', ({ text }) => {
  console.log(text);
  client.close();
});
await room.join();
room.send('hello');
