// What the live pages share: sharp canvases, colours of the style sheet, pictures of levels, and a
// grid that mouse, finger and keyboard can drive. Nothing here knows a model.

/** The colours of the style sheet by name: color("--read"). They differ between light and dark. */
export function color(name, element = document.documentElement) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

/** Calls `redraw` when the reader, the system or the page around changes between light and dark. */
export function onTheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const watched = { attributes: true, attributeFilter: ["data-theme"] };
  new MutationObserver(redraw).observe(document.documentElement, watched);
}

/** True for readers who have asked for less motion: show the end instead of the way. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** One turn for each frame of the screen; a hidden tab waits. */
export async function* frames() {
  for (;;) yield await new Promise(requestAnimationFrame);
}

/**
 * A canvas that is sharp on every screen. `paint(pen, width, height)` draws in CSS pixels; the
 * height follows from the width by `ratio`, height / width. Returns a function that paints anew, at
 * most once a frame. Size and theme are watched.
 */
export function sharp(canvas, ratio, paint) {
  let asked = false;
  const now = () => {
    asked = false;
    const width = canvas.clientWidth;
    if (!width) return;
    const height = Math.round(width * (typeof ratio === "function" ? ratio(width) : ratio));
    const dots = Math.min(devicePixelRatio || 1, 3);
    const size = [Math.round(width * dots), Math.round(height * dots)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      [canvas.width, canvas.height] = size;
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, height);
    paint(pen, width, height);
  };
  const redraw = () => {
    if (!asked) requestAnimationFrame(now);
    asked = true;
  };
  new ResizeObserver(redraw).observe(canvas);
  onTheme(redraw);
  redraw();
  return redraw;
}

/** A new canvas that says nothing by itself, for a button that has a name. */
export function hiddenCanvas() {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const hex = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

/** A colour between two of the form #rrggbb, at `t` from 0 to 1. */
export function between(from, to, t) {
  const [a, b] = [hex(from), hex(to)];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * clamp(t, 0, 1))).join(" ")})`;
}

/** Colour maps: a number from 0 to 1 -> [red, green, blue], each 0 to 255. */
export const grey = (value) => Array(3).fill(Math.round(255 * clamp(value, 0, 1)));
const VIRIDIS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"].map(hex);
export function viridis(value) {
  const at = clamp(value, 0, 1) * (VIRIDIS.length - 1), low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((part, i) => Math.round(part + (VIRIDIS[low + 1][i] - part) * (at - low)));
}
/** A colour for code k of K. The golden angle keeps neighbours apart: codes have no order. */
export const codeColor = (k, light = 58, strong = 55) =>
  `hsl(${(k * 137.508 + 205) % 360} ${strong}% ${light}%)`;

/**
 * Shows numbers as a picture, one canvas pixel each; CSS makes them large (class "pixels").
 * `map(value, place)` -> [red, green, blue], and with a fourth number how opaque the pixel is.
 */
export function showPixels(canvas, values, width, height, map = grey) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const picture = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const [red, green, blue, opaque = 255] = map(values[place], place);
    picture.data.set([red, green, blue, opaque], 4 * place);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * A canvas as a grid of cells. `size()` -> [rows, columns]. Mouse and finger call `point(row, column)`
 * over a cell, and `choose(row, column)` on a click or tap; arrow keys and Home and End point, Enter
 * and the space bar choose. `leave()` is called when mouse or focus go. `say(row, column)` is what a
 * screen reader hears of a cell. Returns { at(row, column) }, which puts the keyboard's cell there.
 */
export function grid(canvas, { size, point = () => {}, choose = () => {}, leave = () => {}, say }) {
  let here = [0, 0];
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const voice = document.createElement("span");
  voice.className = "unseen";
  voice.setAttribute("aria-live", "polite");
  canvas.after(voice);
  const cell = (event) => {
    const box = canvas.getBoundingClientRect(), [rows, columns] = size();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    return [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
  };
  const go = (place, act, aloud = true) => {
    here = place;
    act(...here);
    if (say && aloud) voice.textContent = say(...here);
  };
  canvas.addEventListener("pointermove", (event) => go(cell(event), point, false));
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("click", (event) => go(cell(event), choose));
  canvas.addEventListener("blur", leave);
  canvas.addEventListener("keydown", (event) => {
    const [rows, columns] = size(), step = ARROWS[event.key];
    if (event.key === "Enter" || event.key === " ") go(here, choose);
    else if (event.key === "Home") go([here[0], 0], point);
    else if (event.key === "End") go([here[0], columns - 1], point);
    else if (step) go([clamp(here[0] + step[0], 0, rows - 1), clamp(here[1] + step[1], 0, columns - 1)], point);
    else return;
    event.preventDefault();
  });
  return { at: (row, column) => (here = [row, column]) };
}

/** A slider or another input that shows its value beside it; calls `act(value)` now and on change. */
export function control(input, act, words = (value) => value) {
  const shown = input.closest("label")?.querySelector("output");
  const tell = () => {
    const value = input.type === "checkbox" ? input.checked
      : input.type === "range" ? Number(input.value) : input.value;
    if (shown) shown.textContent = words(value);
    if (input.type === "range") input.setAttribute("aria-valuetext", words(value));
    act(value);
  };
  input.addEventListener("input", tell);
  tell();
}
