/// Puts the page together.

import { ReconnectingWebSocket } from './troupe-client/index.js';
import { showLogin } from './login.js';
import { Session } from './session.js';
import { language, texts } from './texts.js';
import { Uploads } from './upload.js';

const byId = (id) => document.getElementById(id);
const units = ['B', 'KiB', 'MiB', 'GiB'];
const rows = new Map(); // upload -> its row
const hopeless = ['tooBig', 'tooSlow']; // sending it again would fail in the same way
const failed = ['refused', 'lost', ...hopeless];

document.documentElement.lang = language;
for (const node of document.querySelectorAll('[data-text]'))
  node.textContent = texts[node.dataset.text];

function sizeText(bytes) {
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return (
    (bytes / 1024 ** unit).toFixed(unit && bytes / 1024 ** unit < 10 ? 1 : 0) + ` ${units[unit]}`
  );
}

function part(tag, className, text = '') {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function makeRow(upload) {
  const row = part('li', 'upload');
  const bar = part('progress', '');
  bar.setAttribute('aria-label', upload.file.name);
  bar.max = Math.max(1, upload.file.size);
  row.append(
    part('span', 'name', upload.file.name),
    part('span', 'size', sizeText(upload.file.size)),
    bar,
    part('span', 'state'),
  );
  byId('uploads').prepend(row);
  rows.set(upload, row);
  return row;
}

function show(upload) {
  const row = rows.get(upload) ?? makeRow(upload);
  const { state, sent, file } = upload;
  const [, , bar, label] = row.children;
  const hasFailed = failed.includes(state);
  row.className = `upload ${state === 'done' ? 'done' : hasFailed ? 'failed' : ''}`;
  bar.value = file.size ? sent : Number(state === 'done');
  label.textContent =
    state === 'sending' ? texts.sending(Math.floor((100 * sent) / bar.max)) : texts[state];
  row.querySelector('button')?.remove();
  if (hasFailed || state === 'done') byId('result').textContent = `${file.name}: ${texts[state]}`;
  if (!hasFailed || hopeless.includes(state)) return;
  const again = part('button', '', texts.again);
  again.type = 'button';
  again.addEventListener('click', () => uploads.again(upload));
  row.append(again);
}

const session = new Session();
const socket = new ReconnectingWebSocket(
  `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`,
  {
    reconnectInterval: 1000,
    maxReconnectAttempts: Infinity,
    get protocols() {
      return session.protocols; // asked for at each attempt
    },
  },
);
const uploads = new Uploads(socket, show);
const login = showLogin(session, () => socket.connect());

function showState(state) {
  byId('status').dataset.state = state;
  byId('status').textContent = texts[state];
}

function showImage(blob) {
  const image = byId('image');
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.alt = texts.imageName;
  byId('welcome').hidden = false;
}

showState('connecting');
socket.on('open', () => showState('open'));
socket.on('close', async () => {
  showState('closed');
  if (!(await session.isSignedOut())) return;
  socket.close(); // no attempt can succeed before there is another token
  showState('signedOut');
  login.ask();
});
socket.on('message', ({ data }) => data instanceof Blob && showImage(data));

const drop = byId('drop');
const add = (files) => [...files].forEach((file) => uploads.add(file));
byId('files').addEventListener('change', ({ target }) => {
  add(target.files);
  target.value = '';
});
drop.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' && event.key !== ' ') return;
  event.preventDefault();
  byId('files').click();
});
addEventListener('dragover', (event) => event.preventDefault());
drop.addEventListener('dragenter', () => drop.classList.add('over'));
for (const type of ['dragleave', 'drop'])
  drop.addEventListener(type, () => drop.classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  add(event.dataTransfer.files);
});
