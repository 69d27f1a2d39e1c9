// The page of the quantizer: a codebook in two dimensions that trains while one watches.
// The arithmetic is in vq.js, the drawing in quantizer_picture.js.

import { calm, control, sharp } from "./canvas.js";
import { plane } from "./plane.js";
import { BOX, deadCodes, paintHistory, paintPlane, paintUsage } from "./quantizer_picture.js";
import { normal, points, random } from "./random.js";
import { measure, nearestCode, trainStep } from "./vq.js";

const N_POINTS = 300, BATCH = 64, TRAIL = 80;
const ENCODER_RATE = 0.1; // of the walk in chapter 10
const STEPS_A_SECOND = 12;

/** Points; codes beside them, in a corner, as in chapter 10: some will be too far off for every point. */
export function fresh(data, n, seed) {
  const draw = random(seed), targets = points(data, N_POINTS, draw);
  const codes = Array.from({ length: n }, () => [-3.1 + 0.3 * normal(draw), -2.2 + 0.3 * normal(draw)]);
  return { targets, points: targets, codes, counts: Array(n).fill(1), restarted: [], draw };
}

/** One step on a random batch; the points outside the batch stay as they are. */
export function advance(state, how) {
  const chosen = Array.from({ length: BATCH }, () => Math.floor(state.draw() * N_POINTS));
  const pick = (list) => chosen.map((i) => list[i]);
  const candidates = how.restart
    ? state.codes.map(() => state.points[chosen[Math.floor(state.draw() * BATCH)]]) : null;
  const batch = { vectors: pick(state.points), targets: pick(state.targets), candidates };
  const { codes, counts, vectors, restarted } = trainStep(state, batch, how);
  const moved = [...state.points];
  if (how.encoderRate) chosen.forEach((i, n) => (moved[i] = vectors[n]));
  return { ...state, codes, counts, restarted, points: moved };
}

function start() {
  const find = (name) => document.getElementById(name);
  const how = { update: "ema", decay: 0.9, rate: 1, beta: 0.25, encoderRate: 0, restart: false };
  const focus = { z: [-3.3, 0.3], t: [1.7, -0.2], trail: [] };
  let data = "clouds", n = 8, draw = "cells", seed = 2, state = fresh(data, n, seed), history = [];
  let training = false, steps = 0;
  const now = () => measure(state, state.points, state.targets, how.beta);

  const tenths = (value) => (Math.round(10 * value) / 10 + 0).toFixed(1); // + 0: no -0.0
  const say = ([x, y]) => `${tenths(x)} right, ${tenths(y)} up`;
  const handles = () => [
    { name: "z e, an encoder output", at: focus.z, say: () => say(focus.z), move: (x, y) => pull("z", [x, y]) },
    { name: "The star, what the decoder would like", at: focus.t, say: () => say(focus.t), move: (x, y) => pull("t", [x, y]) },
    ...state.codes.map((code, k) => ({ name: `Code ${k}`, at: code, say: () => say(code), move: (x, y) => setCode(k, [x, y]) })),
  ];
  const paint = (pen, scales) => paintPlane(pen, scales, state, { draw, beta: how.beta, focus });
  const redrawPlane = plane(find("plane"), { box: BOX, ratio: 0.75, paint, handles });
  const chart = (width) => Math.min(0.8, 130 / width);
  const redrawUsage = sharp(find("usage"), chart, (pen, width, height) => paintUsage(pen, width, height, now().usage));
  const redrawHistory = sharp(find("history"), chart, (pen, width, height) => paintHistory(pen, width, height, history, n));

  function pull(name, to) {
    focus[name] = to;
    focus.trail = [];
    tell();
  }
  function setCode(k, to) {
    state = { ...state, codes: state.codes.map((code, j) => (j === k ? to : code)) };
    tell();
  }
  function tell() {
    const all = now(), dead = deadCodes(state.counts), n_dead = dead.filter(Boolean).length;
    find("perplexity").textContent = all.perplexity.toFixed(1);
    find("of").textContent = n;
    find("distance").textContent = all.codebook.toFixed(2);
    find("reconstruction").textContent = all.reconstruction.toFixed(3);
    find("codebook").textContent = how.update === "ema" ? "0, averages instead" : all.codebook.toFixed(3);
    find("commitment").textContent = all.commitment.toFixed(3);
    const k = nearestCode(focus.z, state.codes);
    const restarts = state.restarted.filter(Boolean).length;
    find("words").setAttribute("aria-live", training ? "off" : "polite"); // not twelve times a second
    find("words").textContent = `Step ${steps}: ${n_dead ? `${n_dead} of ${n} codes dead` : "no code is dead"}` +
      `${restarts ? `, ${restarts} restarted` : ""}. The red point gets code ${k}.`;
    find("usage").setAttribute("aria-label", `How often each code is chosen: ${all.usage.join(", ")}`);
    for (const redraw of [redrawPlane, redrawUsage, redrawHistory]) redraw();
  }
  function again() {
    seed++;
    steps = 0;
    state = fresh(data, n, seed);
    history = [now()];
    focus.trail = [];
    tell();
  }
  function step() {
    steps++;
    state = advance(state, how);
    if (how.encoderRate) {
      focus.trail = [...focus.trail, focus.z].slice(-TRAIL);
      const own = { vectors: [focus.z], targets: [focus.t] };
      [focus.z] = trainStep(state, own, how).vectors;
    }
    history = [...history, now()].slice(-400);
    tell();
  }

  // While it trains: some steps a second. Readers who want less motion see every twelfth alone.
  let last = 0;
  function turn(time) {
    if (!training) return;
    if (time - last > 1000 / (calm() ? 1 : STEPS_A_SECOND)) {
      last = time;
      for (let k = 0; k < (calm() ? STEPS_A_SECOND : 1); k++) step();
    }
    requestAnimationFrame(turn);
  }
  function train(on) {
    training = on;
    find("train").textContent = on ? "Pause" : "Train";
    find("train").setAttribute("aria-pressed", on);
    if (on) requestAnimationFrame(turn);
    tell();
  }
  find("train").onclick = () => train(!training);
  find("step").onclick = step;
  find("again").onclick = again;

  history = [now()];
  control(find("restart"), (on) => (how.restart = on));
  control(find("encoder"), (on) => (how.encoderRate = on ? ENCODER_RATE : 0));
  control(find("beta"), (value) => { how.beta = value; tell(); }, (value) => value.toFixed(2));
  // One slider, slow to fast: the decay of the averages, or the learning rate of the gradient.
  const paceOf = (value) => (how.update === "ema" ? 0.99 - 0.49 * (1 - value) : 0.04 + 0.92 * value);
  const setPace = (value) => (how[how.update === "ema" ? "decay" : "rate"] = paceOf(value));
  control(find("pace"), setPace, (value) => paceOf(value).toFixed(2));
  control(find("n"), (value) => { if (value !== n) { n = value; again(); } });
  control(find("data"), (value) => { if (value !== data) { data = value; again(); } });
  for (const input of document.getElementsByName("update"))
    input.onchange = () => {
      how.update = input.value;
      find("pace-words").textContent = how.update === "ema" ? "Old averages kept γ" : "Learning rate";
      find("pace").dispatchEvent(new Event("input"));
      tell();
    };
  for (const input of document.getElementsByName("draw"))
    input.onchange = () => { draw = input.value; tell(); };
  tell();
}

if (globalThis.document?.getElementById("plane")) start();
