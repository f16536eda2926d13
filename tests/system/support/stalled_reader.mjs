// A client in a process of its own, so that a test can stop it with SIGSTOP: it joins a room, says
// READY, and tells how its connection ended.
// Arguments: URL, room, subprotocol (may be empty).

import WebSocket from 'ws';

const [url, room, protocol] = process.argv.slice(2);
const socket = new WebSocket(url, protocol ? [protocol] : [], { perMessageDeflate: false });
let bytes = 0;

socket.on('open', () => socket.send(JSON.stringify({ type: 'join', roomId: room })));
socket.on('message', (data) => {
  bytes += data.length;
  if (JSON.parse(data).type === 'joined') console.log('READY');
});
socket.on('error', () => {});
socket.on('close', (code, reason) => console.log(`CLOSED ${code} ${reason} after ${bytes}`));
