// colyseus_ticks.mjs [PORT]: rooms `arena` of up to four players that tick, on Colyseus and its
// default transport. Each tick tells all members where the players are; `input` says where one
// goes. tick_node.cpp is the same game on Troupe. Prints its port.
// Environment: RATE (ticks a second, 30).
import { Room, Server } from '@colyseus/core';
import { WebSocketTransport } from '@colyseus/ws-transport';

const RATE = Number(process.env.RATE ?? 30);
const WIDTH = 100;
const STEP = 0.25;

function moved(at, go) {
  at += go * STEP;
  return at >= WIDTH ? at - WIDTH : at < 0 ? at + WIDTH : at;
}

// It has no state to be synchronised: Colyseus then compares nothing, and a tick is one broadcast.
class Arena extends Room {
  maxClients = 4;
  players = [];
  lastId = 0;

  onCreate() {
    this.setSimulationInterval(() => this.tick(), 1000 / RATE);
    // Without state nothing is patched. Set here and not as a field: the room would keep a timer
    // for its clock, which the simulation drives already.
    this.patchRate = null;
    this.onMessage('input', (client, { go }) => {
      if (go === -1 || go === 0 || go === 1) client.userData.go = go;
    });
  }

  onJoin(client) {
    // never whole, so that all positions have the same size
    const player = { id: ++this.lastId, x: 0.1, y: 0.7 };
    client.userData = { player, go: 1 };
    this.players.push(player);
  }

  onLeave(client) {
    this.players.splice(this.players.indexOf(client.userData.player), 1);
  }

  tick() {
    for (const { userData } of this.clients) {
      const { player, go } = userData;
      player.x = moved(player.x, go);
      player.y = moved(player.y, -go);
    }
    this.broadcast('tick', { players: this.players });
  }
}

// Pings as rarely as Troupe does, where Colyseus would ping every 3 s: that is no tick.
const transport = new WebSocketTransport({ pingInterval: 25_000 });
const server = new Server({ transport, greet: false });
server.define('arena', Arena);
await server.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
console.log(`colyseus_ticks is listening on http://127.0.0.1:${transport.server.address().port}`);
