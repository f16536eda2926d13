/// Whether the page is connected, and what it does about it.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';

export function showStatus(connection) {
  const status = byId('status');
  const banner = byId('banner');
  const retry = byId('retry');
  let timer = 0;

  const reason = () => (!navigator.onLine ? t().offline : connection.stopped ? t().stopped : t().lost);

  function showWait() {
    const seconds = Math.ceil((connection.retryAt - Date.now()) / 1000);
    byId('banner-text').textContent = `${reason()} ${seconds > 0 ? t().tryingIn(seconds) : t().trying}`;
    retry.hidden = connection.retryAt === 0;
  }

  function show() {
    const { state } = connection;
    status.dataset.state = state;
    status.textContent = t()[state];
    banner.hidden = state !== 'reconnecting';
    clearInterval(timer);
    if (banner.hidden) return;
    showWait();
    timer = setInterval(showWait, 1000);
  }

  retry.addEventListener('click', () => connection.retryNow());
  connection.addEventListener('state', show);
  inEachLanguage(show);
}
