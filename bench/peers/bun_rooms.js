// bun_rooms.js [PORT]: rooms on Bun's native publish,
// as short and as fast as its documentation has it. Prints its port.
// Environment: DEFLATE=1, TLS_CERT and TLS_KEY (files), NOTICES=1 (members hear who joins and
// leaves), IDLE=SECONDS (then Bun pings).
let nextId = 1;
const { DEFLATE, TLS_CERT, TLS_KEY, NOTICES, IDLE } = process.env;
const members = new Map(); // by room, for messages to each single member
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  ...(TLS_CERT && { tls: { cert: Bun.file(TLS_CERT), key: Bun.file(TLS_KEY) } }),
  fetch(request, server) {
    const offer = request.headers.get("sec-websocket-protocol");
    const headers = offer ? { "Sec-WebSocket-Protocol": offer } : {};
    return server.upgrade(request, { data: { id: String(nextId++) }, headers })
      ? undefined
      : new Response("no", { status: 400 });
  },
  websocket: {
    perMessageDeflate: Boolean(DEFLATE),
    ...(IDLE && { idleTimeout: Number(IDLE), sendPings: true }),
    message(ws, text) {
      const m = JSON.parse(text);
      if (m.type === "join") {
        if (NOTICES)
          server.publish(
            m.roomId,
            JSON.stringify({ type: "userJoined", roomId: m.roomId, userId: ws.data.id }),
          );
        ws.subscribe(m.roomId);
        if (!members.has(m.roomId)) members.set(m.roomId, new Set());
        members.get(m.roomId).add(ws);
        ws.send(JSON.stringify({ type: "joined", roomId: m.roomId, userId: ws.data.id }));
      } else if (m.type === "leave") {
        ws.unsubscribe(m.roomId);
        members.get(m.roomId)?.delete(ws);
        if (NOTICES)
          server.publish(
            m.roomId,
            JSON.stringify({ type: "userLeft", roomId: m.roomId, userId: ws.data.id }),
          );
        // As Troupe does: an answer costs a send, and wakes the client.
        ws.send(JSON.stringify({ type: "left", roomId: m.roomId }));
      } else if (m.type === "deal") {
        for (const to of members.get(m.roomId))
          to.send(
            JSON.stringify({ type: "dealt", roomId: m.roomId, to: to.data.id, text: m.text }),
          );
      } else if (m.type === "message") {
        const frame = JSON.stringify({
          type: "message", roomId: m.roomId, userId: ws.data.id, text: m.text,
        });
        if (m.echo === false) ws.publish(m.roomId, frame, Boolean(DEFLATE));
        else server.publish(m.roomId, frame, Boolean(DEFLATE));
      }
    },
  },
});
console.log(`bun_rooms is listening on http://127.0.0.1:${server.port}`);
