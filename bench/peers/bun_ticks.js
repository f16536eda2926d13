// bun_ticks.js [PORT]: rooms of four players that tick, on Bun's native publish, as JSON. Each tick
// tells all members where the players are; `input` says where one goes. tick_node.cpp is the same
// game on Troupe. Prints its port.
// Environment: RATE (ticks a second, 30).
const RATE = Number(process.env.RATE ?? 30);
const WIDTH = 100;
const STEP = 0.25;

function moved(at, go) {
  at += go * STEP;
  return at >= WIDTH ? at - WIDTH : at < 0 ? at + WIDTH : at;
}

class Arena {
  players = new Map(); // by socket
  lastId = 0;

  constructor(name) {
    this.name = name;
    this.timer = setInterval(() => this.tick(), 1000 / RATE);
  }

  tick() {
    const players = [];
    for (const player of this.players.values()) {
      player.x = moved(player.x, player.go);
      player.y = moved(player.y, -player.go);
      players.push({ id: player.id, x: player.x, y: player.y });
    }
    server.publish(this.name, JSON.stringify({ type: "tick", roomId: this.name, players }));
  }
}

const arenas = new Map(); // by name

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  fetch(request, server) {
    return server.upgrade(request, { data: {} }) ? undefined : new Response("no", { status: 400 });
  },
  websocket: {
    message(ws, text) {
      const m = JSON.parse(text);
      if (m.type === "join") {
        if (!arenas.has(m.roomId)) arenas.set(m.roomId, new Arena(m.roomId));
        const arena = arenas.get(m.roomId);
        arena.players.set(ws, { id: ++arena.lastId, x: 0.1, y: 0.7, go: 1 });
        ws.data.arena = arena;
        ws.subscribe(m.roomId);
        ws.send(JSON.stringify({ type: "joined", roomId: m.roomId }));
      } else if (m.type === "input" && (m.go === -1 || m.go === 0 || m.go === 1)) {
        ws.data.arena.players.get(ws).go = m.go;
      }
    },
    close(ws) {
      const { arena } = ws.data;
      arena?.players.delete(ws);
      if (arena?.players.size === 0) {
        clearInterval(arena.timer);
        arenas.delete(arena.name);
      }
    },
  },
});
console.log(`bun_ticks is listening on http://127.0.0.1:${server.port}`);
