/// The field to write in, and a picture to go with it.
/// Enter sends, unless an input method is composing; Shift and Enter begins a line.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { shrunk, urlOf } from '../picture.js';
import { isComposing } from '../text.js';

export function showComposer(chat, client) {
  const form = byId('composer');
  const input = byId('message');
  const send = byId('send');
  const chooser = byId('picture');
  const attached = byId('attached');
  const preview = byId('preview');
  let composing = false;

  function update() {
    const room = chat.current;
    input.disabled = byId('attach').disabled = !room;
    send.disabled = !room || client.state !== 'connected' || !(input.value.trim() || room.picture);
    input.placeholder = chat.current ? t().messageTo(chat.current.id) : '';
    fit();
  }

  /// As high as its text, up to the bound in the style.
  function fit() {
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
  }

  function showDraft() {
    const room = chat.current;
    input.value = room?.draft ?? '';
    if (preview.src) URL.revokeObjectURL(preview.src);
    attached.hidden = !room?.picture;
    if (room?.picture) preview.src = urlOf(room.picture).url;
    else preview.removeAttribute('src');
    update();
  }

  function submit() {
    if (composing) input.blur(); // ends the composition, so that its last syllable is in the value
    const room = chat.current;
    if (room?.picture && chat.show(room.picture)) chat.attach(room, null);
    if (!room?.picture && chat.say(input.value)) room.draft = input.value = '';
    update();
    input.focus();
  }

  async function attach(files) {
    const room = chat.current;
    const file = [...files].find((f) => f.type.startsWith('image/'));
    if (!room || !file) return;
    const picture = chat.pictureBytes ? await shrunk(file, chat.pictureBytes) : null;
    if (picture) chat.attach(room, picture);
    else chat.tell('notice', { key: client.limits ? 'noPicture' : 'notConnected' });
    input.focus();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    submit();
  });
  input.addEventListener('input', () => {
    chat.current.draft = input.value;
    if (input.value.trim()) chat.typing();
    update();
  });
  input.addEventListener('paste', (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    attach(event.clipboardData.files);
  });
  byId('attach').addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    attach(chooser.files);
    chooser.value = '';
  });
  byId('detach').addEventListener('click', () => {
    chat.attach(chat.current, null);
    input.focus();
  });
  const main = byId('main');
  main.addEventListener(
    'dragover',
    (event) => event.dataTransfer.types.includes('Files') && event.preventDefault(),
  );
  main.addEventListener('drop', (event) => {
    if (!event.dataTransfer.files.length) return; // text goes where it is dropped
    event.preventDefault();
    attach(event.dataTransfer.files);
  });
  input.addEventListener('compositionstart', () => (composing = true));
  input.addEventListener('compositionend', () => (composing = false));

  const canHover = matchMedia('(hover: hover)');
  chat.addEventListener('current', () => {
    showDraft();
    const busy = document.activeElement === byId('name');
    if (canHover.matches && !busy) input.focus(); // on a phone it would raise the keyboard
  });
  chat.addEventListener('draft', ({ detail }) => detail.room === chat.current && showDraft());
  client.on('state', update);
  addEventListener('resize', fit);
  inEachLanguage(update);
  showDraft();
}
