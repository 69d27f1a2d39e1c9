// The front page's picture, live: on request, a gated PixelCNN finishes one upper half six times.
// Until its weights are there, the cached still stands in its place. It is the model of the page
// "Draw and complete", in its own modules.

import { calm, frames } from "../live/js/canvas.js";
import { Drawing } from "../live/js/drawing.js";
import { GatedPixelCNN } from "../live/js/gated_model.js";
import { load } from "../live/js/safetensors.js";

const SIDE = 28, HALF = 14 * SIDE, CELL = 30, COLUMNS = 3, N = 6;
const BUSY_MS = 20; // of a frame: then the browser gets its turn

const figure = document.getElementById("live");
const button = document.getElementById("watch");
const caption = figure.querySelector("figcaption");
const canvas = Object.assign(document.createElement("canvas"), { width: CELL * COLUMNS, height: CELL * 2 });
let model = null;

/** An arch, which may become a 2, 3, 7, 8, 9 or 0. */
function arch() {
  const half = new Int16Array(SIDE * SIDE);
  for (let t = -0.7; t < 3; t += 0.05) {
    const row = Math.round(11 - 5.5 * Math.sin(t)), column = Math.round(14 + 4.5 * Math.cos(t));
    for (const at of [row * SIDE + column, row * SIDE + column - 1, (row - 1) * SIDE + column]) half[at] = 1;
  }
  return half;
}

/** The upper half of a digit that the model begins. */
function another() {
  for (;;) {
    const half = new Drawing(model, { height: SIDE, width: SIDE }).finish(HALF).levels.slice();
    if (half.subarray(0, HALF).reduce((sum, ink) => sum + ink) > 30) return half; // more than a speck
  }
}

/** Six drawings that share an upper half. */
function begin(half) {
  const known = Int16Array.from(half).fill(-1, HALF);
  const first = new Drawing(model, { height: SIDE, width: SIDE, known }).finish(HALF);
  return Array.from({ length: N }, (_, n) => (n ? first.fork() : first));
}

function paint(drawings) {
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--pst-color-text-base");
  const drawn = style.getPropertyValue("--pst-color-primary");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  drawings.forEach((each, n) => {
    const left = CELL * (n % COLUMNS) + 1, top = CELL * Math.floor(n / COLUMNS) + 1;
    for (let place = 0; place < each.at; place++) {
      if (!each.levels[place]) continue;
      pen.fillStyle = place < HALF ? ink : drawn;
      pen.fillRect(left + (place % SIDE), top + Math.floor(place / SIDE), 1, 1);
    }
  });
}

async function draw(half) {
  const drawings = begin(half);
  for await (const _ of frames()) {
    const until = performance.now() + BUSY_MS;
    while (performance.now() < until && !drawings.at(-1).done)
      for (const each of drawings) if (!each.done) each.step();
    if (!calm() || drawings.at(-1).done) paint(drawings);
    if (drawings.at(-1).done) return;
  }
}

button.addEventListener("click", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const fresh = !model;
    if (fresh) {
      const { tensors, header } = await load("live/models/digits.safetensors");
      model = new GatedPixelCNN(tensors, header.model.config);
      canvas.className = "picture";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", "Six digits with the same upper half, each finished in another way");
      figure.querySelector("img").replaceWith(canvas);
      caption.textContent = "The upper half was given. The rest, in colour, was drawn on your machine, six times.";
    }
    await draw(fresh ? arch() : another());
    button.textContent = "Draw six others";
  } catch {
    location.href = button.href; // the page of the model says what is wrong
  }
  button.removeAttribute("aria-disabled");
});
