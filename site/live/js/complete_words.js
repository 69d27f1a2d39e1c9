// What the page "Draw and complete" says of a pixel, in numbers and words.

import { SIDE } from "./complete_paint.js";

const LEVELS = ["paper", "ink"];
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const find = (id) => document.getElementById(id);

/** A place as row and column, counted from 1. */
export const spoken = (place) => `row ${Math.floor(place / SIDE) + 1}, column ${(place % SIDE) + 1}`;

/** `drawing` or null, the `place` that is looked at or null, and the pixels that it has read. */
export function tell(drawing, place, past, firstPlace) {
  const told = drawing && place !== null && place < drawing.at;
  const any = drawing && drawing.at > firstPlace;
  find("drawing-bits").textContent = any ? drawing.totalBits(firstPlace).toFixed(1) : "–";
  find("pixel-bits").textContent = told ? drawing.bits(place).toFixed(2) : "–";
  find("bars").hidden = !told;
  if (place === null) return;
  const why = told ? reason(drawing, place)
    : drawing ? "not drawn yet." : "nothing is known of it before the model has read the picture.";
  find("which").textContent = `Pixel at ${spoken(place)}: ${why}`;
  if (past) {
    const n = past.reduce((sum, each) => sum + each, 0);
    find("past").textContent = `It has read ${n} of the ${place} pixels that come before it.`;
  }
  if (!told) return;
  const shares = [...drawing.sharesAt(place)];
  find("bars").setAttribute("aria-label", shares.map((share, n) => `${LEVELS[n]} ${percent(share)}`).join(", "));
  find("bars").innerHTML = shares.map((share, n) =>
    `<span>${LEVELS[n]}</span><i style="--share: ${share}"></i><b>${percent(share)}</b>`).join("");
}

function reason(drawing, place) {
  const level = LEVELS[drawing.levels[place]];
  if (drawing.known[place] >= 0) return `you set ${level}. What the model expected:`;
  return `its random number, ${drawing.uniforms[place].toFixed(3)}, made it ${level}.`;
}
