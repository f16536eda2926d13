// socketio_rooms.mjs [PORT]: rooms on Socket.IO 4. Prints its port.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });

io.on('connection', (socket) => {
  socket.on('join', (room) => {
    socket.join(room);
    socket.emit('joined', room);
  });
  socket.on('leave', (room) => {
    socket.leave(room);
    socket.emit('left', room);
  });
  socket.on('message', (m) => io.to(m.roomId).emit('message', { userId: socket.id, text: m.text }));
});
http.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  console.log(`socketio_rooms is listening on http://127.0.0.1:${http.address().port}`),
);
