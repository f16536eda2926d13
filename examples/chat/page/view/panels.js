/// The two panels beside the log, which lie over it where the screen is narrow;
/// and the height that a phone's keyboard leaves.

import { byId } from '../dom.js';

const panels = { rooms: 'rooms-panel', people: 'people-panel' };

export function showPanels(chat) {
  let open = null;
  let opener = null;

  const isDrawer = (name) => getComputedStyle(byId(panels[name])).position === 'fixed';

  function set(name) {
    if (open) byId(panels[open]).classList.remove('open');
    open = name;
    document.body.classList.toggle('covered', Boolean(name));
    for (const part of [byId('main'), ...Object.values(panels).map(byId)])
      part.inert = Boolean(name) && part.id !== panels[name];
    for (const key of Object.keys(panels))
      byId(`open-${key}`).setAttribute('aria-expanded', key === name);
    if (name) byId(panels[name]).classList.add('open');
  }

  function openPanel(name) {
    if (!isDrawer(name)) return;
    opener = document.activeElement;
    set(name);
    byId(panels[name]).querySelector('.close').focus({ preventScroll: true });
  }

  function close() {
    if (!open) return;
    set(null);
    opener?.focus({ preventScroll: true });
  }

  for (const name of Object.keys(panels))
    byId(`open-${name}`).addEventListener('click', () => openPanel(name));
  for (const button of document.querySelectorAll('.panel .close'))
    button.addEventListener('click', close);
  byId('scrim').addEventListener('click', close);
  addEventListener('keydown', (event) => event.key === 'Escape' && close());
  addEventListener('resize', () => open && !isDrawer(open) && close());
  chat.addEventListener('current', close);

  const { visualViewport } = globalThis;
  const fit = () =>
    document.documentElement.style.setProperty('--height', `${visualViewport.height}px`);
  if (visualViewport) {
    visualViewport.addEventListener('resize', fit);
    fit();
  }
  return openPanel;
}
