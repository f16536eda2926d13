/// The dialog that asks for a token, where the node does.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';

const policyViolation = 1008; // includes an expired token

export function showLogin(session, client) {
  const dialog = byId('login');
  const form = byId('login-form');
  const input = byId('token');
  const problem = byId('login-problem');
  let refused = false;
  let wasConnected = false;

  function show() {
    problem.textContent = refused ? t().tokenRefused : '';
    input.setAttribute('aria-invalid', refused);
  }

  function ask(wasRefused) {
    if (dialog.open) return;
    refused = wasRefused;
    show();
    dialog.showModal();
    input.focus();
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const token = input.value.trim();
    if (!token) return input.focus();
    refused = !(await session.offer(token));
    show();
    if (refused) return input.select();
    input.value = '';
    dialog.close();
    client.connect();
  });
  // Without a token there is nothing to see.
  dialog.addEventListener('cancel', (event) => event.preventDefault());

  session.addEventListener('needed', ({ detail }) => ask(detail));
  client.on('state', () => {
    const { state, error } = client;
    if (state === 'connected') {
      wasConnected = true;
      input.value = '';
      dialog.close();
    }
    if (state !== 'reconnecting' && state !== 'stopped') return;
    if (!wasConnected || error?.closeCode === policyViolation) session.doubt();
    wasConnected = false;
  });
  inEachLanguage(show);
}
