/// Draws the arena.

import { hueOf } from './dom.js';
import { Sparks } from './sparks.js';

const gridUnits = 100;
const barrelUnits = 42;
const labelPixels = 12;
const labelLetters = 16;
const edgePixels = 26; // from the screen's edge to an arrow
const stickPixels = 56;

export class Painter {
  #canvas;
  #pen;
  #view;
  #palette;
  #sparks = new Sparks();
  #health = new Map(); // number -> health, as it was shown last
  #flash = new Map(); // number -> until when it is lit, since it was hit

  constructor(canvas, view) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d', { alpha: false });
    this.#view = view;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const choose = () => (this.#palette = paletteOf(canvas));
    dark.addEventListener('change', choose);
    choose();
  }

  /// `scene`: {fighters, shots, own} or null; `match`: field and roster; `controls`: the sticks.
  draw({ scene, match, controls, now }) {
    const { width, height } = this.#view;
    this.#pen.fillStyle = this.#palette.outside;
    this.#pen.fillRect(0, 0, width, height);
    if (!match.field) return;
    this.#view.follow(scene?.own ?? middle(match.field), match.field);
    this.#pen.save();
    this.#pen.scale(this.#view.scale, this.#view.scale);
    this.#pen.translate(-this.#view.left, -this.#view.top);
    this.#ground(match.field);
    if (scene) this.#bodies(scene, match, now);
    this.#sparks.draw(this.#pen, now, this.#palette);
    this.#pen.restore();
    if (scene?.own) this.#arrows(scene);
    if (controls.isTouch) this.#sticks(controls);
  }

  // -- the field ----------------------------------------------------------------------------------

  #ground({ width, height, pillars }) {
    const { ground, grid, edge, pillar, rim } = this.#palette;
    this.#pen.fillStyle = ground;
    this.#pen.fillRect(0, 0, width, height);
    this.#pen.beginPath();
    for (let x = gridUnits; x < width; x += gridUnits) this.#line(x, 0, x, height);
    for (let y = gridUnits; y < height; y += gridUnits) this.#line(0, y, width, y);
    this.#stroke(grid, 1);
    this.#pen.beginPath();
    this.#pen.rect(-3, -3, width + 6, height + 6);
    this.#stroke(edge, 6);
    for (const { x, y, r } of pillars) {
      this.#circle(x, y, r - 3);
      this.#pen.fillStyle = pillar;
      this.#pen.fill();
      this.#stroke(rim, 6);
    }
  }

  // -- bodies -------------------------------------------------------------------------------------

  #bodies({ fighters, shots, own }, match, now) {
    for (const shot of shots) this.#shot(shot);
    for (const one of fighters) {
      this.#noteHealth(one, now);
      if (one.h > 0) this.#fighter(one, one === own, match, now);
    }
    const here = new Set(fighters.map(({ n }) => n));
    for (const n of this.#health.keys()) if (!here.has(n)) this.#health.delete(n);
  }

  #noteHealth({ n, h, x, y }, now) {
    const before = this.#health.get(n) ?? h;
    if (h < before) this.#flash.set(n, now + 140);
    if (h === 0 && before > 0) this.#sparks.burst(x, y, hueOf(n), now);
    if (h > 0 && before === 0) this.#sparks.ring(x, y, hueOf(n), now);
    this.#health.set(n, h);
  }

  #shot({ x, y, dx, dy, by }) {
    this.#pen.beginPath();
    this.#line(x, y, x - dx * 0.8, y - dy * 0.8);
    this.#pen.lineCap = 'round';
    this.#stroke(this.#colour(by, 'shot'), 6);
    this.#pen.lineCap = 'butt';
  }

  #fighter(one, isOwn, { field, roster }, now) {
    const { x, y, a, n } = one;
    const entry = roster.find((other) => other.n === n);
    const radius = field.body;
    this.#pen.save();
    this.#pen.translate(x, y);
    this.#pen.globalAlpha = entry?.away ? 0.35 : 1;
    this.#barrel(a, radius, n);
    this.#circle(0, 0, radius - 2);
    this.#pen.fillStyle = this.#flash.get(n) > now ? this.#palette.ink : this.#colour(n, 'body');
    this.#pen.fill();
    this.#stroke(this.#colour(n, 'rim'), 4);
    if (isOwn) {
      this.#circle(0, 0, 6);
      this.#pen.fillStyle = this.#palette.ink;
      this.#pen.fill();
    }
    this.#healthRing(one, radius, field.health);
    if (one.s) this.#shield(radius, now);
    this.#label(isOwn ? '' : (entry?.name ?? ''), radius);
    this.#pen.restore();
  }

  #barrel(degrees, radius, number) {
    this.#pen.save();
    this.#pen.rotate((degrees * Math.PI) / 180);
    this.#pen.fillStyle = this.#colour(number, 'rim');
    this.#pen.beginPath();
    this.#pen.roundRect(0, -7, barrelUnits, 14, 5);
    this.#pen.fill();
    this.#pen.restore();
    this.#pen.beginPath();
  }

  #healthRing({ h }, radius, most) {
    const [part, gap, begin] = [(Math.PI * 2) / most, 0.18, -Math.PI / 2];
    for (let i = 0; i < most; i += 1) {
      this.#pen.beginPath();
      this.#pen.arc(0, 0, radius + 6, begin + i * part + gap / 2, begin + (i + 1) * part - gap / 2);
      this.#stroke(i < h ? this.#palette.ink : this.#palette.faint, 3);
    }
  }

  #shield(radius, now) {
    this.#pen.setLineDash([10, 8]);
    this.#pen.lineDashOffset = -now / 40;
    this.#circle(0, 0, radius + 13);
    this.#stroke(this.#palette.ink, 2);
    this.#pen.setLineDash([]);
  }

  #label(text, radius) {
    const size = labelPixels / this.#view.scale;
    this.#pen.font = `600 ${size}px ${this.#palette.font}`;
    this.#pen.textAlign = 'center';
    this.#pen.textBaseline = 'top';
    this.#pen.fillStyle = this.#palette.soft;
    this.#pen.fillText(shortened(text), 0, radius + 14);
  }

  // -- over the field -----------------------------------------------------------------------------

  /// Points at who is not on the screen.
  #arrows({ fighters, own }) {
    const { width, height, covered } = this.#view;
    const from = this.#view.toScreen(own);
    for (const one of fighters) {
      const to = this.#view.toScreen(one);
      const isSeen = to.x > 0 && to.x < width && to.y > covered && to.y < height;
      if (one === own || one.h === 0 || isSeen) continue;
      const x = Math.min(Math.max(to.x, edgePixels), width - edgePixels);
      const y = Math.min(Math.max(to.y, covered + edgePixels), height - edgePixels);
      this.#arrow(x, y, Math.atan2(to.y - from.y, to.x - from.x), this.#colour(one.n, 'rim'));
    }
  }

  #arrow(x, y, angle, colour) {
    this.#pen.save();
    this.#pen.translate(x, y);
    this.#pen.rotate(angle);
    this.#pen.beginPath();
    this.#pen.moveTo(11, 0);
    this.#pen.lineTo(-7, -8);
    this.#pen.lineTo(-7, 8);
    this.#pen.closePath();
    this.#pen.fillStyle = colour;
    this.#pen.fill();
    this.#pen.restore();
  }

  /// Where thumbs are, or belong.
  #sticks({ left, right }) {
    const { width, height } = this.#view;
    const y = height - 40 - stickPixels;
    const idle = [{ x: 32 + stickPixels, y }, { x: width - 32 - stickPixels, y }];
    [left, right].forEach((stick, i) => {
      const { x: cx, y: cy } = stick?.from ?? idle[i];
      this.#pen.globalAlpha = stick ? 0.9 : 0.45;
      this.#circle(cx, cy, stickPixels);
      this.#stroke(this.#palette.soft, 2);
      const [dx, dy] = [(stick?.x ?? 0) * stickPixels, (stick?.y ?? 0) * stickPixels];
      this.#circle(cx + dx, cy + dy, 22);
      this.#pen.fillStyle = this.#palette.soft;
      this.#pen.fill();
    });
    this.#pen.globalAlpha = 1;
  }

  // -- inside -------------------------------------------------------------------------------------

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const dots = Math.min(devicePixelRatio || 1, 2);
    this.#canvas.width = Math.round(clientWidth * dots);
    this.#canvas.height = Math.round(clientHeight * dots);
    this.#pen.setTransform(dots, 0, 0, dots, 0, 0);
    this.#view.resize(clientWidth, clientHeight);
  }

  #colour(number, part) {
    const { saturation, ...light } = this.#palette.fighter;
    return `hsl(${hueOf(number)} ${saturation}% ${light[part]}%)`;
  }

  #circle(x, y, radius) {
    this.#pen.beginPath();
    this.#pen.arc(x, y, radius, 0, Math.PI * 2);
  }

  #line(x1, y1, x2, y2) {
    this.#pen.moveTo(x1, y1);
    this.#pen.lineTo(x2, y2);
  }

  #stroke(colour, width) {
    this.#pen.strokeStyle = colour;
    this.#pen.lineWidth = width;
    this.#pen.stroke();
  }
}

const middle = ({ width, height }) => ({ x: width / 2, y: height / 2 });

function shortened(text) {
  const letters = [...text];
  return letters.length > labelLetters ? `${letters.slice(0, labelLetters - 1).join('')}…` : text;
}

/// The colours of the style sheet, for the canvas.
function paletteOf(canvas) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const number = (name) => Number(colour(name));
  return {
    outside: colour('outside'), ground: colour('ground'), grid: colour('grid'),
    edge: colour('edge'), pillar: colour('pillar'), rim: colour('rim'), ink: colour('ink'),
    soft: colour('soft'), faint: colour('faint'), font: style.fontFamily,
    fighter: {
      saturation: number('fighter-saturation'), body: number('fighter-body'),
      rim: number('fighter-rim'), shot: number('fighter-shot'),
    },
  };
}
