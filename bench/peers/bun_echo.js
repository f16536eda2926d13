// bun_echo.js [PORT]: sends back what comes. Prints its port.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 400 })),
  websocket: { perMessageDeflate: false, message: (ws, text) => void ws.send(text) },
});
console.log(`bun_echo is listening on http://127.0.0.1:${server.port}`);
