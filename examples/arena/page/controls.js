/// What the player wants: keys and mouse, or two thumbs.

const moves = {
  KeyW: [0, -1], ArrowUp: [0, -1],
  KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0],
  KeyD: [1, 0], ArrowRight: [1, 0],
};
const stickPixels = 56; // a stick at its end
const fireFrom = 0.35; // of the way: a thumb that aims with care does not shoot

const isTyping = ({ target }) => target instanceof HTMLInputElement;
const degrees = (x, y) => (Math.atan2(y, x) * 180) / Math.PI;

/// A thumb on the glass: `from` where it has come down, `x` and `y` how far it is pushed, -1 to 1.
class Stick {
  constructor({ pointerId, clientX, clientY }) {
    this.pointer = pointerId;
    this.from = { x: clientX, y: clientY };
    this.x = 0;
    this.y = 0;
  }

  get push() {
    return Math.hypot(this.x, this.y);
  }

  move({ clientX, clientY }) {
    const [dx, dy] = [clientX - this.from.x, clientY - this.from.y];
    const pixels = Math.max(stickPixels, Math.hypot(dx, dy));
    this.x = dx / pixels;
    this.y = dy / pixels;
  }
}

export class Controls {
  /// Where the player's own fighter is on the screen: the mouse aims from there.
  center = { x: 0, y: 0 };
  /// The sticks that are held, or null.
  left = null;
  right = null;
  /// Whether it is played with thumbs.
  isTouch = matchMedia('(pointer: coarse)').matches;

  #keys = new Set();
  #mouse = null;
  #isDown = false;
  #aim = 0;

  constructor(canvas) {
    const listen = (target, type, handler) => target.addEventListener(type, handler);
    listen(window, 'keydown', (event) => this.#onKey(event, true));
    listen(window, 'keyup', (event) => this.#onKey(event, false));
    listen(window, 'blur', () => this.release());
    listen(canvas, 'pointerdown', (event) => this.#onDown(event, canvas));
    listen(canvas, 'pointermove', (event) => this.#onMove(event));
    for (const end of ['pointerup', 'pointercancel'])
      listen(canvas, end, (event) => this.#onUp(event));
    listen(canvas, 'contextmenu', (event) => event.preventDefault());
  }

  /// Lets everything go.
  release() {
    this.#keys.clear();
    this.#isDown = false;
    this.left = this.right = null;
  }

  /// {x, y, aim, fire}: the aim in whole degrees, clockwise from the right.
  intent() {
    const { x, y } = this.left ?? this.#keyed();
    if (this.right?.push > 0.1) this.#aim = degrees(this.right.x, this.right.y);
    else if (this.#mouse && !this.isTouch)
      this.#aim = degrees(this.#mouse.x - this.center.x, this.#mouse.y - this.center.y);
    else if (this.isTouch && this.left?.push > 0.3) this.#aim = degrees(x, y);
    const fire = this.#isDown || this.#keys.has('Space') || this.right?.push > fireFrom;
    return { x: short(x), y: short(y), aim: Math.round(this.#aim), fire: fire === true };
  }

  #keyed() {
    let [x, y] = [0, 0];
    for (const key of this.#keys)
      if (moves[key]) [x, y] = [x + moves[key][0], y + moves[key][1]];
    const length = Math.hypot(x, y) || 1;
    return { x: x / length, y: y / length };
  }

  #onKey(event, isDown) {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const { code } = event;
    if (!moves[code] && code !== 'Space') return;
    if (event.target === document.body) event.preventDefault(); // else the page scrolls
    if (isDown) this.#keys.add(code);
    else this.#keys.delete(code);
  }

  #onDown(event, canvas) {
    this.isTouch = event.pointerType !== 'mouse';
    canvas.setPointerCapture(event.pointerId);
    if (!this.isTouch) {
      this.#isDown = event.button === 0;
      this.#mouse = { x: event.clientX, y: event.clientY };
    } else if (event.clientX < innerWidth / 2) this.left ??= new Stick(event);
    else this.right ??= new Stick(event);
  }

  #onMove(event) {
    if (event.pointerType === 'mouse') {
      this.isTouch = false;
      this.#mouse = { x: event.clientX, y: event.clientY };
    }
    for (const stick of [this.left, this.right])
      if (stick?.pointer === event.pointerId) stick.move(event);
  }

  #onUp(event) {
    if (event.pointerType === 'mouse') this.#isDown = false;
    if (this.left?.pointer === event.pointerId) this.left = null;
    if (this.right?.pointer === event.pointerId) this.right = null;
  }
}

const short = (n) => Math.round(n * 100) / 100;
