// The page "Draw and complete": the reader paints, a gated PixelCNN goes on, six times side by side.

import { calm, control, frames, grid, sharp } from "./canvas.js";
import { SIDE, SIZE, paintDrawing, paintGuides, paintLook, smallOnes,
  strokes, underBrush } from "./complete_paint.js";
import { spoken, tell } from "./complete_words.js";
import { Drawing } from "./drawing.js";
import { GatedPixelCNN, pastOf } from "./gated_model.js";
import { fetchModel } from "./model_file.js";

const N_DRAWINGS = 6;
const SPEEDS = [4, 16, 60, 240, 960, Infinity]; // pixels a second, in each drawing
const BUSY_MS = 25; // of a frame: then the browser gets its turn

const find = (id) => document.getElementById(id);
const say = (text) => (find("status").textContent = text);
const own = new Int16Array(SIZE); // what the reader has painted, in the first `rows` rows
let model = null, rows = 14, pen = 1, speed = 3, heat = 1, costs = false;
let drawings = [], shown = 0; // six once the model has begun, none before; which one is shown large
let place = null, past = null; // the pixel that is looked at, and what it has read
let run = 0, running = false; // a new run ends the one before
let before = []; // levels of a drawing ahead of the last overwriting

const left = () => drawings.reduce((n, each) => n + SIZE - each.at, 0);

// ------------------------------------------------------------------------------- the pictures

const paint = (pen, width, n) =>
  paintDrawing(pen, width, { drawing: drawings[n], own, rows, before: before[n], costs });
const redrawPaper = sharp(find("paper"), 1, (pen, width) => {
  paint(pen, width, shown);
  paintGuides(pen, width, rows, !drawings.length && rows > 0);
  if (past) paintLook(pen, width, place, past);
});
const thumbs = [];

function redraw() {
  redrawPaper();
  for (const each of thumbs) each();
  tell(drawings[shown], place, past, rows * SIDE);
  find("go").textContent = running ? "Pause" : !drawings.length ? "Finish it" : left() ? "Go on" : "Six others";
  find("step").disabled = !model || (drawings.length > 0 && !left());
  find("changed").hidden = !before.length;
}

// ------------------------------------------------------------------------------- drawing

/** Six drawings that share the reader's rows, read once, and differ in their noise. */
function start() {
  const known = new Int16Array(SIZE).fill(-1);
  known.set(own.subarray(0, rows * SIDE));
  const first = new Drawing(model, { height: SIDE, width: SIDE, known, temperature: heat });
  first.finish(rows * SIDE);
  drawings = [first];
  while (drawings.length < N_DRAWINGS) drawings.push(first.fork());
  before = [];
}

function stop() {
  running = false;
  run++;
}
function discard() {
  stop();
  [drawings, before] = [[], []];
  redraw();
}

async function go() {
  if (running) {
    stop();
    redraw();
    return say("Paused. Paint over a pixel of the model, then go on.");
  }
  if (!left()) start();
  const mine = ++run, toDraw = left();
  let busy = 0, last = performance.now(), owed = 0;
  running = true;
  for await (const _ of frames()) {
    if (mine !== run) return;
    const now = performance.now();
    owed = Math.min(owed + (SPEEDS[speed] * (now - last + 1)) / 1000, SPEEDS[speed]);
    for (last = now; owed >= 1 && left() && performance.now() - now < BUSY_MS; owed--)
      for (const each of drawings) each.step();
    busy += performance.now() - now;
    if (!left()) break;
    if (!calm()) redraw();
  }
  running = false;
  redraw();
  const each = (busy / toDraw) * SIZE;
  say(`${toDraw} pixels in ${(busy / 1000).toFixed(2)} s of computing: ${each.toFixed(0)} ms a digit.`);
}

function oneStep() {
  stop();
  if (!drawings.length) start();
  // After an overwriting one drawing is behind the others: it catches up.
  const least = Math.min(...drawings.map((each) => each.at));
  for (const each of drawings) if (each.at === least) each.step();
  say(`Pixel ${least + 1} of ${SIZE}.`);
  point(Math.floor(least / SIDE), least % SIDE);
  redraw();
}

/** The reader sets a pixel: in the own rows, or in the drawing that is shown. */
function set(at) {
  if (pen === null) return;
  if (at < rows * SIDE) {
    if (own[at] === pen) return;
    own[at] = pen;
    return discard();
  }
  const drawing = drawings[shown];
  if (!drawing) return say("Below the line the model draws. You may paint over that afterwards.");
  if ((at < drawing.at ? drawing.levels[at] : drawing.known[at]) === pen) return;
  stop();
  before[shown] ??= drawing.levels.slice();
  drawing.overwrite(at, pen);
  redraw();
  say(`You set the pixel at ${spoken(at)}. Go on: only what comes after it can change.`);
}

/** A part of a stroke: a brush in the own rows, single pixels in a drawing. */
const dab = (x, y) => underBrush(x, y, rows).forEach(set);

/** The model draws the reader's rows. */
function beginOne() {
  own.set(new Drawing(model, { height: SIDE, width: SIDE, temperature: heat }).finish().levels);
  discard();
  say("The model drew this half, and has forgotten the other.");
}

function point(row, column) {
  if (place === row * SIDE + column && past) return;
  place = row * SIDE + column;
  past = model && pastOf(model, SIDE, SIDE, row, column);
  redrawPaper();
  tell(drawings[shown], place, past, rows * SIDE);
}

function sayCell(row, column) {
  const at = row * SIDE + column, drawing = drawings[shown];
  const level = at < rows * SIDE ? own[at] : at < drawing?.at ? drawing.levels[at] : -1;
  return `${spoken(at)}: ${level < 0 ? "not drawn" : level ? "ink" : "paper"}`;
}

// ------------------------------------------------------------------------------- the page

function setUp() {
  const paper = find("paper");
  strokes(paper, () => pen !== null, dab);
  const choose = (row, column) => {
    point(row, column);
    set(row * SIDE + column);
  };
  grid(paper, { size: () => [SIDE, SIDE], point, choose, say: sayCell });
  for (const input of document.querySelectorAll("[name=pen]"))
    control(input, () => {
      if (!input.checked) return;
      pen = input.value === "look" ? null : Number(input.value);
      paper.style.touchAction = pen === null ? "pan-y" : "none"; // a finger paints, or scrolls
    });
  const speedWords = (n) => (SPEEDS[n] === Infinity ? "at once" : `${SPEEDS[n]} pixels a second`);
  control(find("speed"), (value) => (speed = value), speedWords);
  control(find("heat"), (value) => {
    heat = value;
    for (const each of drawings) each.temperature = value;
  }, (value) => value.toFixed(2));
  control(find("rows"), (value) => [(rows = value), discard()]);
  control(find("costs"), (value) => [(costs = value), redraw()]);
  find("clear").onclick = () => {
    own.fill(0);
    discard();
    say("Paint above the line.");
  };
  // An arch to begin with: it may become a 2, 3, 7, 8, 9 or 0.
  for (let t = -0.7; t < 3; t += 0.05) dab(14 + 4.5 * Math.cos(t), 11 - 5.5 * Math.sin(t));
}

function begin({ tensors, header }) {
  model = new GatedPixelCNN(tensors, header.model.config);
  thumbs.push(...smallOnes(find("drawings"), N_DRAWINGS, paint, (n) => {
    shown = n;
    redraw();
  }));
  Object.assign(find("go"), { onclick: go, disabled: false });
  Object.assign(find("begin"), { onclick: beginOne, disabled: false });
  find("step").onclick = oneStep;
  redraw();
  if (calm()) say("Ready. Paint inside the frame, as the digits lay from which the model learned.");
  else go();
}

setUp();
fetchModel("models/digits.safetensors", begin, say);
