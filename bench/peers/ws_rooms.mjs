// ws_rooms.mjs [PORT]: rooms on npm's `ws`, as its tutorials have them:
// a set of sockets for each room. Prints its port.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const rooms = new Map();
let nextId = 1;
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

function leave(ws) {
  const room = rooms.get(ws.room);
  room?.delete(ws);
  if (room?.size === 0) rooms.delete(ws.room);
}

server.on('connection', (ws) => {
  ws.id = String(nextId++);
  ws.on('message', (bytes) => {
    const m = JSON.parse(bytes);
    if (m.type === 'join') {
      leave(ws);
      ws.room = m.roomId;
      if (!rooms.has(ws.room)) rooms.set(ws.room, new Set());
      rooms.get(ws.room).add(ws);
      ws.send(JSON.stringify({ type: 'joined', roomId: ws.room }));
    } else if (m.type === 'leave') {
      leave(ws);
      ws.send(JSON.stringify({ type: 'left', roomId: ws.room }));
    } else if (m.type === 'message') {
      const frame = JSON.stringify({ type: 'message', userId: ws.id, text: m.text });
      for (const member of rooms.get(ws.room) ?? [])
        if (m.echo !== false || member !== ws) member.send(frame);
    }
  });
  ws.on('close', () => leave(ws));
});
http.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  console.log(`ws_rooms is listening on http://127.0.0.1:${http.address().port}`),
);
