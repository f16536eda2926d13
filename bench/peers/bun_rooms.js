// bun_rooms.js: rooms on Bun's native publish, as short and as fast as its documentation has it. Prints its port.
let nextId = 1;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  fetch(request, server) {
    const offer = request.headers.get("sec-websocket-protocol");
    const headers = offer ? { "Sec-WebSocket-Protocol": offer } : {};
    return server.upgrade(request, { data: { id: String(nextId++) }, headers }) ? undefined : new Response("no", { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    message(ws, text) {
      const m = JSON.parse(text);
      if (m.type === "join") {
        ws.subscribe(m.roomId);
        ws.send(JSON.stringify({ type: "joined", roomId: m.roomId, userId: ws.data.id }));
      } else if (m.type === "message") {
        server.publish(m.roomId, JSON.stringify({ type: "message", roomId: m.roomId, userId: ws.data.id, text: m.text }));
      }
    },
  },
});
console.log(`bun_rooms is listening on http://127.0.0.1:${server.port}`);
