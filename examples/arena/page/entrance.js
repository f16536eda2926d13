/// The dialog before the game: a name, and the way in.

import { byId } from './dom.js';

const key = 'troupe-arena/name';

export const memory = {
  get name() {
    try {
      return localStorage.getItem(key) ?? '';
    } catch {
      return ''; // the page may not use it
    }
  },
  set name(name) {
    try {
      localStorage.setItem(key, name);
    } catch {
      // then it is asked for again
    }
  },
};

const sentences = {
  bad_request: 'That is no name: 1 to 32 characters.',
  room_full: 'All places are taken just now.',
  overloaded: 'The server is busy just now.',
  timeout: 'The server does not answer.',
  kicked: 'You were taken out of the arena.',
  closed: 'The arena has ended.',
};

export class Entrance {
  #lobby;

  constructor(lobby) {
    this.#lobby = lobby;
    byId('name').value = memory.name;
    byId('entrance').addEventListener('cancel', (event) => event.preventDefault());
    byId('enter').addEventListener('submit', (event) => {
      event.preventDefault();
      memory.name = byId('name').value.trim();
      this.enter();
    });
  }

  open(problem = '') {
    byId('problem').textContent = problem;
    byId('play').disabled = false;
    if (!byId('entrance').open) byId('entrance').showModal();
    byId('name').select();
  }

  async enter() {
    byId('play').disabled = true;
    byId('problem').textContent = '';
    try {
      await this.#lobby.enter();
      byId('entrance').close();
      byId('arena').focus();
    } catch (error) {
      this.open(sentenceOf(error));
    }
  }
}

/// Why there is no place, for a person.
export const sentenceOf = ({ code, reason, message }) =>
  (reason === 'kicked' && message) || sentences[code ?? reason] ||
  (message ?? 'There is no place just now.');
