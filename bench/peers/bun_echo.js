// bun_echo.js [PORT]: sends each message back, or with BROADCAST=1 to all. Prints its port.
const { BROADCAST } = process.env;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("no", { status: 400 }),
  websocket: {
    perMessageDeflate: false,
    open: (ws) => void (BROADCAST && ws.subscribe("all")),
    message: (ws, text) => void (BROADCAST ? server.publish("all", text) : ws.send(text)),
  },
});
console.log(`bun_echo is listening on http://127.0.0.1:${server.port}`);
