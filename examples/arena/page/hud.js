/// What stands around the field: scores, news, the connection.

import { byId, element, hueOf } from './dom.js';

const newsMs = 4_500;
const newsLines = 4;
const downMs = 2_000;

const states = {
  connecting: 'Connecting…',
  connected: '',
  reconnecting: 'The connection is lost. Your seat is kept for a moment…',
  stopped: 'Disconnected.',
  closed: 'Disconnected.',
};

/// The scores, the best first; `own` is the player's number.
export function showScores(roster, own) {
  const ranked = [...roster].sort((a, b) => b.frags - a.frags || a.falls - b.falls || a.n - b.n);
  byId('scores').replaceChildren(...ranked.map((entry) => scoreLine(entry, entry.n === own)));
}

function scoreLine({ n, name, frags, falls, away, bot }, isOwn) {
  const dot = element('span', { class: 'dot' });
  dot.style.setProperty('--hue', hueOf(n));
  const note = away ? 'away' : bot ? 'bot' : '';
  return element(
    'li',
    {
      class: isOwn ? 'own' : null, 'data-testid': 'score', 'data-number': n, 'data-frags': frags,
      'data-away': String(away === true), 'data-bot': String(bot === true),
    },
    dot,
    element('span', { class: 'name' }, name),
    element('span', { class: 'note' }, note),
    element('span', { class: 'frags', title: `${frags} hits, ${falls} falls` }, String(frags)),
  );
}

/// The best of all arenas.
export function showBest(players) {
  byId('best-box').hidden = players.length === 0;
  byId('best').replaceChildren(
    ...players.map(({ name, frags }) =>
      element('li', {}, element('span', { class: 'name' }, name), element('span', {}, String(frags))),
    ),
  );
}

/// Tells that `by` has brought `of` down.
export function showFrag({ by, of }, own) {
  const name = (entry) => element('b', {}, entry?.name ?? 'Somebody');
  addNews(name(by), ' brought down ', name(of));
  if (of && of.n === own) announce(`${by?.name ?? 'Somebody'} got you`, 'Back in a moment…');
  else if (by && by.n === own) announce(`You got ${of?.name ?? 'somebody'}`, '', 1_200);
}

function addNews(...parts) {
  const news = byId('news');
  const line = element('li', {}, ...parts);
  news.append(line);
  while (news.children.length > newsLines) news.firstElementChild.remove();
  setTimeout(() => line.remove(), newsMs);
}

let announcing = 0;

function announce(text, more, ms = downMs) {
  byId('shout-text').textContent = text;
  byId('shout-more').textContent = more;
  byId('shout').hidden = false;
  clearTimeout(announcing);
  announcing = setTimeout(() => (byId('shout').hidden = true), ms);
}

export function showQuality({ ms, lost, bars }) {
  const box = byId('quality');
  box.dataset.bars = bars;
  byId('ping').textContent = ms === null ? '–' : `${Math.max(1, Math.round(ms))} ms`;
  box.title = ms === null ? 'no connection'
    : `Round trip ${ms.toFixed(1)} ms, ${(lost * 100).toFixed(0)} % of the states late or lost`;
}

export function showState(client) {
  const status = byId('status');
  status.dataset.state = client.state;
  status.textContent = client.state === 'stopped' && client.error?.code === 'replaced'
    ? 'You play in another window.' : states[client.state];
  status.hidden = client.state === 'connected';
}
