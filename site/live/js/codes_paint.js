// What the page "Speak in codes" paints: the field of codes, pictures, and what differs in two.

import { color } from "./canvas.js";

/** Fill a square canvas with side x side cells; `fillOf(place)` is a colour, or null. */
export function cells(pen, width, side, fillOf) {
  const edge = (n) => Math.round((n * width) / side);
  for (let place = 0; place < side * side; place++) {
    const fill = fillOf(place), x = place % side, y = Math.floor(place / side);
    if (!fill) continue;
    pen.fillStyle = fill;
    pen.fillRect(edge(x), edge(y), edge(x + 1) - edge(x), edge(y + 1) - edge(y));
  }
}

export const greys = (values) => (place) => {
  const level = Math.round(255 * values[place]);
  return `rgb(${level} ${level} ${level})`;
};

/** Brighter and darker than before, in the two colours of the figures; black where nothing changed. */
export const changes = (now, then) => (place) => {
  const by = now[place] - then[place], strength = Math.min(1, 4 * Math.abs(by));
  return by > 0 ? `rgb(240 140 46 / ${strength})` : `rgb(59 118 175 / ${strength})`;
};

/**
 * The field of codes, with their numbers. `at` of them have been written; own(place): by hand.
 * `colors` holds lightness, chroma and hue of each code (OKLCH).
 */
export function paintCodes(pen, width, side, { codes, at, own, colors, picked }) {
  const cell = width / side;
  cells(pen, width, side, (place) =>
    place < at ? `oklch(${colors.subarray(3 * codes[place], 3 * codes[place] + 3).join(" ")})` : color("--shade"));
  pen.font = `${Math.round(cell * 0.3)}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let place = 0; place < at; place++) {
    const x = (place % side) * cell, y = Math.floor(place / side) * cell;
    pen.fillStyle = colors[3 * codes[place]] > 0.6 ? "#000c" : "#fffc";
    pen.fillText(codes[place], x + cell / 2, y + cell / 2);
    if (own(place)) outline(pen, width, side, place, color("--ink"), 2);
  }
  if (picked !== null) outline(pen, width, side, picked, color("--target"), 3);
}

/** A frame around one cell, inside it. */
export function outline(pen, width, side, place, style, thick) {
  const cell = width / side, x = (place % side) * cell, y = Math.floor(place / side) * cell;
  pen.strokeStyle = style;
  pen.lineWidth = thick;
  pen.strokeRect(x + thick / 2, y + thick / 2, cell - thick, cell - thick);
}
