/// What flies about for a moment when somebody falls, or comes back.

const burstMs = 650;
const ringMs = 420;
const many = 20;

export class Sparks {
  #bursts = [];

  burst(x, y, hue, now) {
    const parts = Array.from({ length: many }, () => ({
      angle: Math.random() * Math.PI * 2, far: 40 + Math.random() * 90, size: 2 + Math.random() * 5,
    }));
    this.#bursts.push({ x, y, hue, parts, from: now, until: now + burstMs });
  }

  ring(x, y, hue, now) {
    this.#bursts.push({ x, y, hue, parts: null, from: now, until: now + ringMs });
  }

  draw(pen, now, { fighter }) {
    this.#bursts = this.#bursts.filter(({ until }) => until > now);
    for (const { x, y, hue, parts, from, until } of this.#bursts) {
      const age = (now - from) / (until - from);
      const eased = 1 - (1 - age) ** 3;
      pen.globalAlpha = 1 - age;
      const colour = `hsl(${hue} ${fighter.saturation}% ${fighter.shot}%)`;
      if (parts) drawParts(pen, { x, y, parts, eased, colour });
      else drawRing(pen, { x, y, eased, colour });
    }
    pen.globalAlpha = 1;
  }
}

function drawParts(pen, { x, y, parts, eased, colour }) {
  pen.fillStyle = colour;
  for (const { angle, far, size } of parts) {
    pen.beginPath();
    pen.arc(x + Math.cos(angle) * far * eased, y + Math.sin(angle) * far * eased, size, 0, 7);
    pen.fill();
  }
}

function drawRing(pen, { x, y, eased, colour }) {
  pen.beginPath();
  pen.arc(x, y, 70 - 40 * eased, 0, Math.PI * 2);
  pen.strokeStyle = colour;
  pen.lineWidth = 4;
  pen.stroke();
}
