/// Files that go to the node one after the other: the name as text, the bytes as binary;
/// the node answers each with a text.

const pollMs = 50;
const accepted = '파일 수신 완료';

/// What the end of a connection means for the file that was on its way.
function stateAfter({ code, reason }) {
  if (code === 1009) return 'tooBig';
  return reason === 'assembly_timeout' ? 'tooSlow' : 'lost';
}

/// Calls `changed(upload)` whenever `state` (waiting, sending, saving, done, refused, tooBig,
/// tooSlow, lost) or `sent` of one changes.
export class Uploads {
  #socket;
  #changed;
  #waiting = [];
  #current = null;
  #timer = 0;

  /// `socket`: a ReconnectingWebSocket.
  constructor(socket, changed) {
    this.#socket = socket;
    this.#changed = changed;
    socket.on('open', () => this.#next());
    socket.on('close', (event) => this.#current && this.#end(stateAfter(event)));
    socket.on(
      'message',
      ({ data }) =>
        typeof data === 'string' &&
        this.#current &&
        this.#end(data === accepted ? 'done' : 'refused'),
    );
  }

  /// Returns the upload: {file, state, sent}, `sent` in bytes.
  add(file) {
    const upload = { file, sent: 0 };
    this.again(upload);
    return upload;
  }

  again(upload) {
    this.#set(upload, 'waiting', 0);
    this.#waiting.push(upload);
    this.#next();
  }

  async #next() {
    if (
      this.#current ||
      this.#waiting.length === 0 ||
      this.#socket.ws?.readyState !== WebSocket.OPEN
    )
      return;
    const upload = (this.#current = this.#waiting.shift());
    this.#set(upload, 'sending', 0);
    try {
      const bytes = await upload.file.arrayBuffer();
      if (this.#current !== upload) return; // the connection was lost meanwhile
      this.#socket.send(upload.file.name);
      this.#socket.send(bytes);
      this.#watch(upload, bytes.byteLength);
    } catch {
      this.#end('refused'); // the file cannot be read (any more)
    }
  }

  /// Bytes that the browser still buffers have not been sent.
  #watch(upload, size) {
    const held = this.#socket.ws.bufferedAmount;
    this.#set(upload, held > 0 ? 'sending' : 'saving', Math.max(0, size - held));
    if (held > 0) this.#timer = setTimeout(() => this.#watch(upload, size), pollMs);
  }

  #end(state) {
    clearTimeout(this.#timer);
    const upload = this.#current;
    this.#current = null;
    this.#set(upload, state, state === 'done' ? upload.file.size : upload.sent);
    this.#next();
  }

  #set(upload, state, sent) {
    Object.assign(upload, { state, sent });
    this.#changed(upload);
  }
}
