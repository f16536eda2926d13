/// The field to write in. Enter sends, unless an input method is composing; Shift and Enter begins a line.

import { byId } from '../dom.js';
import { inEachLanguage, t } from '../i18n.js';
import { isComposing } from '../text.js';

export function showComposer(chat, connection) {
  const form = byId('composer');
  const input = byId('message');
  const send = byId('send');
  let composing = false;

  function update() {
    input.disabled = !chat.current;
    send.disabled = !chat.current || connection.state !== 'connected' || !input.value.trim();
    input.placeholder = chat.current ? t().messageTo(chat.current.id) : '';
    fit();
  }

  /// As high as its text, up to the bound in the style.
  function fit() {
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
  }

  function showDraft() {
    input.value = chat.current?.draft ?? '';
    update();
  }

  function submit() {
    if (composing) input.blur(); // ends the composition, so that its last syllable is in the value
    if (chat.say(input.value)) {
      chat.current.draft = input.value = '';
      update();
    }
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
  input.addEventListener('compositionstart', () => (composing = true));
  input.addEventListener('compositionend', () => (composing = false));

  const canHover = matchMedia('(hover: hover)');
  chat.addEventListener('current', () => {
    showDraft();
    const busy = document.activeElement === byId('name');
    if (canHover.matches && !busy) input.focus(); // on a phone it would raise the keyboard
  });
  chat.addEventListener('draft', ({ detail }) => detail.room === chat.current && showDraft());
  connection.addEventListener('state', update);
  addEventListener('resize', fit);
  inEachLanguage(update);
  showDraft();
}
