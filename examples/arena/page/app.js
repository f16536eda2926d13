/// Puts the page together.

import { Client } from './troupe-client/index.js';
import { msgpack } from './codec.js';
import { Controls } from './controls.js';
import { byId } from './dom.js';
import { Entrance, memory, sentenceOf } from './entrance.js';
import { showBest, showFrag, showQuality, showScores, showState } from './hud.js';
import { Lobby } from './lobby.js';
import { Match } from './match.js';
import { Painter } from './painter.js';
import { watchQuality } from './quality.js';
import { Sender } from './sender.js';
import { View } from './view.js';

const client = new Client('/', {
  codec: msgpack,
  resumeAcrossReload: true,
  profile: () => (memory.name ? { name: memory.name } : undefined),
});
const match = new Match(client);
const lobby = new Lobby(client, match);
const entrance = new Entrance(lobby);
const canvas = byId('arena');
const view = new View();
const controls = new Controls(canvas);
const painter = new Painter(canvas, view);
const sender = new Sender(match);

client.on('state', () => showState(client));
showState(client);
client.on('resumed', () => sender.forget());
match.addEventListener('roster', () => showScores(match.roster, match.own?.n));
match.addEventListener('best', () => showBest(match.best));
match.addEventListener('frag', ({ detail }) => showFrag(detail, match.own?.n));
match.addEventListener('out', ({ detail }) => {
  showScores([], null);
  // Who has lost the seat looks for another one; who was sent away is asked.
  if (detail.reason === 'refused' || detail.reason === 'ended') entrance.enter();
  else if (detail.reason !== 'left') entrance.open(sentenceOf(detail));
});
byId('leave').addEventListener('click', async () => {
  await lobby.leave();
  entrance.open();
});
watchQuality(client, match.snapshots, showQuality);
if (!lobby.goOn()) entrance.open();

// What is not seen does not play.
document.addEventListener('visibilitychange', () => {
  controls.release();
  sender.sendNow(controls.intent());
});

const scores = byId('scores-box');

function frame(now) {
  const intent = controls.intent();
  const scene = match.room && match.scene(now, intent.aim);
  view.covered = view.width < 600 ? scores.getBoundingClientRect().bottom : 0;
  if (scene?.own) controls.center = view.toScreen(scene.own);
  if (!byId('entrance').open) sender.send(intent, now);
  painter.draw({ scene, match, controls, now });
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);

/// For the console, and for tests.
globalThis.arena = { client, match, view, controls };
