/// Which language the page speaks.

import { memory } from './memory.js';
import { texts } from './texts.js';

const listeners = [];
const isKnown = (language) => language !== null && Object.hasOwn(texts, language);

function preferred() {
  const wishes = [memory.language, ...navigator.languages.map((l) => l.split('-')[0])];
  return wishes.find(isKnown) ?? 'en';
}

let language = preferred();

/// The texts of the language in use.
export const t = () => texts[language];

/// Calls `listener` now, and again whenever the language changes.
export function inEachLanguage(listener) {
  listeners.push(listener);
  listener();
}

export function changeLanguage(to) {
  language = memory.language = to;
  for (const listener of listeners) listener();
}

export const otherLanguage = () => (language === 'ko' ? 'en' : 'ko');

/// The language as the person's region writes it.
const locale = () => navigator.languages.find((l) => l.split('-')[0] === language) ?? language;

const clock = {};
export const clockTime = (at) =>
  (clock[language] ??= new Intl.DateTimeFormat(locale(), {
    hour: 'numeric', minute: '2-digit',
  })).format(at);

const calendar = {};
export const day = (at) =>
  (calendar[language] ??= new Intl.DateTimeFormat(locale(), {
    weekday: 'long', month: 'long', day: 'numeric',
  })).format(at);

/// Puts the texts into what the document itself holds:
/// `data-text`, `data-label` and `data-hint` name them.
export function translateDocument() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-text]'))
    node.textContent = t()[node.dataset.text];
  for (const node of document.querySelectorAll('[data-label]'))
    node.setAttribute('aria-label', t()[node.dataset.label]);
  for (const node of document.querySelectorAll('[data-hint]'))
    node.placeholder = t()[node.dataset.hint];
}
