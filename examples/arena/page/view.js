/// Which part of the field is shown, and where on the screen.

const shownUnits = 760; // of the shorter side of the screen
const shownOnPhones = 720; // so thumbs have room below the field
const phoneWidth = 600; // CSS pixels
const marginUnits = 40; // that may be seen of what lies outside

export class View {
  width = 1; // CSS pixels
  height = 1;
  scale = 1; // CSS pixels per unit
  left = 0; // of the screen, in units
  top = 0;
  /// What covers the upper edge, in CSS pixels.
  covered = 0;

  resize(width, height) {
    this.width = width;
    this.height = height;
    const units = width < phoneWidth ? shownOnPhones : shownUnits;
    this.scale = Math.min(width, height) / units;
  }

  /// Looks at a place of the field, but not far over its edge. A field that is smaller than the
  /// screen lies at the upper end, so that thumbs have room below it.
  follow({ x, y }, field) {
    const covered = this.covered / this.scale;
    this.left = along(x, this.width / this.scale, field.width, 0, (spare) => spare / 2);
    this.top = along(y, this.height / this.scale, field.height, covered, (spare) =>
      Math.min(spare, marginUnits),
    );
  }

  toScreen({ x, y }) {
    return { x: (x - this.left) * this.scale, y: (y - this.top) * this.scale };
  }

  toField({ x, y }) {
    return { x: x / this.scale + this.left, y: y / this.scale + this.top };
  }
}

/// Where the screen begins along one axis. `before(spare)`: how much of what is to spare lies before
/// a field that is smaller than the screen.
function along(at, seen, field, covered, before) {
  const spare = seen - covered - field;
  if (spare >= 0) return -covered - before(spare);
  const least = -marginUnits - covered;
  const most = field + marginUnits - seen;
  return Math.min(Math.max(at - (seen + covered) / 2, least), most);
}
