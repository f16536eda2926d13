/// Whether the page is connected, and what it does about it.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';

export function showStatus(client) {
  const status = byId('status');
  const banner = byId('banner');
  const retry = byId('retry');
  let timer = 0;

  const goodbye = () => client.goodbye && !client.goodbye.reconnectAfterMs;
  const reason = () => (!navigator.onLine ? t().offline : goodbye() ? t().stopped : t().lost);

  function showWait() {
    const seconds = Math.ceil((client.retryAt - Date.now()) / 1000);
    const next = client.state === 'stopped' ? '' : seconds > 0 ? t().tryingIn(seconds) : t().trying;
    byId('banner-text').textContent = `${reason()} ${next}`;
    retry.hidden = client.state === 'reconnecting' && client.retryAt === 0;
  }

  function show() {
    const { state } = client;
    status.dataset.state = state;
    status.textContent = t().states[state];
    banner.hidden = state !== 'reconnecting' && state !== 'stopped';
    clearInterval(timer);
    if (banner.hidden) return;
    showWait();
    timer = setInterval(showWait, 1000);
  }

  retry.addEventListener('click', () => client.connect());
  client.on('state', show);
  inEachLanguage(show);
}
