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

/** A picture in 0 .. 1, grey or in colour. */
export function paintPicture(pen, width, values, nColors) {
  cells(pen, width, Math.sqrt(values.length / nColors), (place) => {
    const part = (n) => Math.round(255 * values[place * nColors + (n % nColors)]);
    return `rgb(${part(0)} ${part(1)} ${part(2)})`;
  });
}

/** Lighter and darker than before, in two colours of the figures; black where nothing changed. */
export function paintChanges(pen, width, now, then, nColors) {
  cells(pen, width, Math.sqrt(now.length / nColors), (place) => {
    let by = 0, most = 0; // a colour that only turns has changed, too
    for (let n = place * nColors; n < (place + 1) * nColors; n++) {
      by += now[n] - then[n];
      most = Math.max(most, Math.abs(now[n] - then[n]));
    }
    return `rgb(${by > 0 ? "240 140 46" : "59 118 175"} / ${Math.min(1, 4 * most)})`;
  });
}

/**
 * The field of codes, with their numbers. `at` of them have been written; own(place): by hand.
 * `colorOf(code)` is what stands for a code, and isLight(code) whether dark letters are read on it.
 */
export function paintCodes(pen, width, side, { codes, at, own, colorOf, isLight, picked }) {
  const cell = width / side;
  cells(pen, width, side, (place) => (place < at ? colorOf(codes[place]) : color("--shade")));
  pen.font = `${Math.round(cell * 0.3)}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let place = 0; place < at; place++) {
    const x = ((place % side) + 0.5) * cell, y = (Math.floor(place / side) + 0.5) * cell;
    pen.fillStyle = isLight(codes[place]) ? "#000b" : "#fffc";
    pen.fillText(codes[place], x, y);
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
