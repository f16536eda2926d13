/// One line of the log.

import { element } from '../dom.js';
import { clockTime, day, t } from '../i18n.js';
import { fileSize, hueOf, initial, withLinks } from '../text.js';

const groupMs = 5 * 60_000;

/// A round mark with a person's initial, in the person's colour.
export function avatar(name) {
  const node = element('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(name));
  node.style.setProperty('--hue', hueOf(name));
  return node;
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export const startsDay = (entry, previous) =>
  previous !== undefined && !sameDay(entry.at, previous.at);

/// Whether this entry follows a recent one of the same person.
export function continues(entry, previous) {
  return (
    previous?.kind === 'chat' &&
    entry.kind === 'chat' &&
    previous.userId === entry.userId &&
    previous.name === entry.name &&
    entry.at - previous.at < groupMs &&
    sameDay(entry.at, previous.at)
  );
}

export const dayRow = (entry) => element('li', { class: 'line' }, day(entry.at));

export const newRow = () => element('li', { class: 'mark' }, element('span', {}, t().newMark));

const lines = {
  joined: ({ people }) => t().joined(people.map((p) => p.name)),
  left: ({ people }) => t().left(people.map((p) => p.name)),
  renamed: ({ oldName, name }) => t().renamed(oldName, name),
  note: ({ text }) => text,
  gap: () => t().gap,
  closed: () => t().closed,
};

function body(entry) {
  if (entry.isPicture) return picture(entry);
  if (entry.url)
    return element(
      'p',
      { class: 'text' },
      element('a', { href: entry.url, download: '' }, t().file(fileSize(entry.bytes))),
    );
  return words(entry.text);
}

function picture({ url, name }) {
  const image = element('img', { src: url, alt: t().pictureOf(name), 'data-testid': 'picture' });
  return element('a', { class: 'picture', href: url, target: '_blank', rel: 'noopener' }, image);
}

function words(text) {
  const parts = withLinks(text).map((part) =>
    part.href
      ? element(
          'a',
          { href: part.href, target: '_blank', rel: 'noopener noreferrer nofollow' },
          part.text,
        )
      : part.text,
  );
  return element('p', { class: 'text', dir: 'auto' }, ...parts);
}

function messageRow(entry, goesOn) {
  const author = element(
    'p',
    { class: goesOn || entry.mine ? 'author unseen' : 'author', dir: 'auto' },
    entry.name,
  );
  author.style.setProperty('--hue', hueOf(entry.name));
  const at = new Date(entry.at);
  const row = element(
    'li',
    { class: 'message', 'data-testid': 'message', 'data-user': entry.name },
    element('div', { class: 'bubble' }, author, body(entry)),
    element('time', { datetime: at.toISOString(), title: at.toLocaleString() }, clockTime(at)),
  );
  if (!entry.mine) row.prepend(avatar(entry.name));
  row.classList.toggle('mine', entry.mine);
  row.classList.toggle('goes-on', goesOn);
  return row;
}

/// `goesOn`: the row is shown as part of the message above it.
export function entryRow(entry, goesOn) {
  if (entry.kind === 'chat') return messageRow(entry, goesOn);
  return element('li', { class: `line ${entry.kind}`, dir: 'auto' }, lines[entry.kind](entry));
}
