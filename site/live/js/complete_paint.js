// What the page "Draw and complete" paints, and the strokes of the reader. Pictures are SIDE x SIDE.

import { color, hiddenCanvas, sharp, viridis } from "./canvas.js";

export const SIDE = 28, SIZE = SIDE * SIDE;
const FRAME = 4; // MNIST's digits were centred in 20 x 20: so many pixels stay free on each side
const BRUSH = 1.25; // the radius of a stroke, in pixels
const MOST_BITS = 3; // where the colour map of the bits ends

/**
 * A picture in the making.
 *
 * drawing   null before the first; then the reader's own rows are shown
 * own, rows what the reader painted, in the first `rows` rows
 * before    levels ahead of the last overwriting, or null: what differs from them gets a colour
 * costs     colour each pixel by its bits
 */
export function paintDrawing(pen, width, { drawing, own, rows, before, costs }) {
  const at = drawing ? drawing.at : rows * SIDE, edge = (n) => Math.round((n * width) / SIDE);
  const [card, shade, ink, accent, read] =
    ["--card", "--shade", "--ink", "--accent", "--read"].map((name) => color(name));
  const colorOf = (place) => {
    const known = drawing ? drawing.known[place] : place < at ? own[place] : -1;
    if (place >= at && known < 0) return shade;
    if (costs && drawing && place < at) return byBits(drawing.bits(place));
    const level = drawing && place < at ? drawing.levels[place] : known;
    if (before && place < at && known < 0 && before[place] !== level) return level ? read : `${read}55`;
    return level ? (known < 0 ? accent : ink) : card;
  };
  pen.fillStyle = card;
  pen.fillRect(0, 0, width, width);
  for (let place = 0; place < SIZE; place++) {
    const fill = colorOf(place), x = place % SIDE, y = Math.floor(place / SIDE);
    if (fill === card) continue;
    pen.fillStyle = fill;
    pen.fillRect(edge(x), edge(y), edge(x + 1) - edge(x), edge(y + 1) - edge(y));
  }
}

const byBits = (bits) => `rgb(${viridis(bits / MOST_BITS).join(" ")})`;

/** n small drawings as buttons, in place of a still; the functions that redraw them. */
export function smallOnes(place, n, paint, show) {
  const redraws = [], buttons = Array.from({ length: n }, (_, k) => {
    const button = document.createElement("button"), canvas = hiddenCanvas();
    Object.assign(button, { type: "button", onclick: () => choose(k) });
    button.setAttribute("aria-label", `Drawing ${k + 1}`);
    canvas.className = "picture";
    button.append(canvas);
    redraws.push(sharp(canvas, 1, (pen, width) => paint(pen, width, k)));
    return button;
  });
  const choose = (k) => {
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", other === k));
    show(k);
  };
  place.replaceChildren(...buttons);
  choose(0);
  return redraws;
}

/** The line above which the reader paints and, if asked, the frame in which MNIST's digits lie. */
export function paintGuides(pen, width, rows, withFrame) {
  const cell = width / SIDE, inside = (SIDE - 2 * FRAME) * cell;
  pen.strokeStyle = color("--soft");
  pen.lineWidth = 1;
  pen.setLineDash([4, 4]);
  if (withFrame) pen.strokeRect(FRAME * cell, FRAME * cell, inside, inside);
  pen.beginPath();
  pen.moveTo(0, rows * cell);
  pen.lineTo(width, rows * cell);
  pen.stroke();
  pen.setLineDash([]);
}

/** The pixel that is looked at, and around it the border of what it has read. */
export function paintLook(pen, width, place, past) {
  const cell = width / SIDE, x = place % SIDE, y = Math.floor(place / SIDE);
  const has = (row, column) => column >= 0 && column < SIDE && row >= 0 && past[row * SIDE + column] === 1;
  pen.strokeStyle = color("--read");
  pen.lineWidth = 2;
  pen.beginPath();
  for (let row = 0; row <= SIDE; row++)
    for (let column = 0; column <= SIDE; column++) {
      if (has(row, column) !== has(row - 1, column)) line(column, row, column + 1, row);
      if (has(row, column) !== has(row, column - 1)) line(column, row, column, row + 1);
    }
  pen.stroke();
  for (const [style, thick] of [["--card", 2.4], ["--target", 1]]) { // a rim: it lies on ink, too
    pen.strokeStyle = color(style);
    pen.lineWidth = Math.max(2, cell / 7) * thick;
    pen.strokeRect(x * cell, y * cell, cell, cell);
  }

  function line(fromX, fromY, toX, toY) {
    pen.moveTo(fromX * cell, fromY * cell);
    pen.lineTo(toX * cell, toY * cell);
  }
}

/** The places that a brush at (x, y) covers in the first `rows` rows; below them a single one. */
export function underBrush(x, y, rows) {
  if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) return [];
  if (y >= rows) return [Math.floor(y) * SIDE + Math.floor(x)];
  const far = (place) => Math.hypot((place % SIDE) + 0.5 - x, Math.floor(place / SIDE) + 0.5 - y);
  return [...Array(rows * SIDE).keys()].filter((place) => far(place) < BRUSH);
}

/** Calls dab(x, y), in pixels of the picture, along every stroke of mouse, finger or pen. */
export function strokes(canvas, mayPaint, dab) {
  let last = null;
  const at = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * SIDE, ((clientY - box.top) / box.height) * SIDE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!mayPaint()) return;
    canvas.setPointerCapture(event.pointerId);
    dab(...(last = at(event)));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const [x, y] = at(event), n = Math.ceil(2 * Math.hypot(x - last[0], y - last[1]));
    for (let k = 1; k <= n; k++)
      dab(last[0] + ((x - last[0]) * k) / n, last[1] + ((y - last[1]) * k) / n);
    last = [x, y];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
}
