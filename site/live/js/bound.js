// The page of the bound: q against log p(x), for a picture of nine pixels and one latent number.
// The arithmetic is in latent.js, the drawing in bound_picture.js.

import { calm, control, sharp } from "./canvas.js";
import { BOX, paintBars, paintCurves, paintDecoder, peak, topOf } from "./bound_picture.js";
import { bestGaussian, blobOnAStrip, codeCosts, codePlaces, costs, seen } from "./latent.js";
import { plane } from "./plane.js";

const MEAN = 2.5, STD = [0.05, 2]; // further out, the grid of z would cut q off
const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** All that is drawn: the model, the picture, q, and the costs of the three. */
export function viewOf(model, levels, { mode = "gaussian", mean = -0.9, std = 0.8, n = 8, code = 2 } = {}) {
  return refreshed({ model, levels, mode, mean, std, places: codePlaces(n), code, known: seen(model, levels) });
}

function refreshed(view) {
  const { model, levels, known, mean, std, places, code } = view;
  return {
    ...view,
    costs: view.mode === "codes" ? codeCosts(model, levels, places, code) : costs(model, known, mean, std),
  };
}

function start() {
  const find = (name) => document.getElementById(name);
  const model = blobOnAStrip(9);
  let view = viewOf(model, [0, 0, 0, 0, 0, 1, 0, 0, 0]);

  const say = () => `Mean ${view.mean.toFixed(2)}, width ${view.std.toFixed(2)}, gap ${view.costs.gap.toFixed(2)} nats`;
  const nearest = (z) => view.places.reduce((best, place, k) =>
    (Math.abs(place - z) < Math.abs(view.places[best] - z) ? k : best), 0);
  const handles = () => {
    if (view.mode === "codes")
      return [{ name: "q", at: [view.places[view.code], 1 / topOf(view)], step: view.places[1] - view.places[0],
        say: () => `All on code ${view.code}`, move: (x) => set({ code: nearest(x) }) }];
    const at = peak(view, topOf(view));
    return [
      { name: "The mean of q", at: at.top, say, move: (x) => set({ mean: within(x, -MEAN, MEAN) }) },
      { name: "The width of q", at: at.side, say, move: (x) => set({ std: within(Math.abs(x - view.mean), ...STD) }) },
    ];
  };
  const redraws = [
    plane(find("curves"), { box: BOX, ratio: (width) => Math.max(0.42, 170 / width), handles,
      paint: (pen, scales) => paintCurves(pen, scales, view) }),
    sharp(find("decoder"), (width) => 150 / width, (pen, width, height) => paintDecoder(pen, width, height, view)),
    sharp(find("bars"), (width) => 112 / width, (pen, width, height) => paintBars(pen, width, height, view.costs,
      view.mode === "codes" ? "log K" : "KL")),
  ];

  function set(changes) {
    view = refreshed({ ...view, ...changes });
    for (const name of ["mean", "std", "code"]) {
      find(name).value = view[name];
      const words = name === "code" ? String(view.code) : view[name].toFixed(2);
      find(name).closest("label").querySelector("output").textContent = words;
    }
    tell();
  }
  function tell() {
    const { evidence, gap, reconstruction, kl } = view.costs;
    const codes = view.mode === "codes";
    find("evidence").textContent = evidence.toFixed(2);
    find("gap").textContent = Math.max(gap, 0).toFixed(gap < 0.1 ? 3 : 2);
    find("reconstruction").textContent = reconstruction.toFixed(3);
    find("kl").textContent = kl.toFixed(3);
    find("both").textContent = (reconstruction + kl).toFixed(3);
    find("kl-words").textContent = codes ? `KL(q ‖ prior) = log ${view.places.length}` : "KL(q ‖ prior)";
    const sum = `${reconstruction.toFixed(2)} + ${kl.toFixed(2)} = ${evidence.toFixed(2)} + ${gap.toFixed(2)}`;
    find("words").textContent = `Reconstruction + KL = cost of the picture + gap: ${sum}.`;
    find("bars").setAttribute("aria-label", `Two bars of equal length: ${sum} nats`);
    find("curves").setAttribute("aria-label", codes
      ? `Prior, posterior and q over ${view.places.length} codes; q is all on code ${view.code}`
      : `Densities over z: prior, posterior, and q with ${say()}`);
    for (const box of document.querySelectorAll("[data-mode]")) box.hidden = box.dataset.mode !== view.mode;
    for (const redraw of redraws) redraw();
  }

  const buttons = view.levels.map((_, i) => {
    const made = document.createElement("button");
    made.type = "button";
    made.setAttribute("aria-label", `Pixel ${i}`);
    made.onclick = () => show(view.levels.map((level, j) => (j === i ? 1 - level : level)));
    find("pixels").append(made);
    return made;
  });
  function show(levels) {
    buttons.forEach((made, i) => made.setAttribute("aria-pressed", levels[i] === 1));
    set({ levels, known: seen(model, levels) });
  }
  for (const made of find("pictures").querySelectorAll("button"))
    made.onclick = () => show([...made.dataset.levels].map(Number));

  control(find("mean"), (mean) => set({ mean }), (value) => value.toFixed(2));
  control(find("std"), (std) => set({ std }), (value) => value.toFixed(2));
  control(find("code"), (code) => set({ code }));
  control(find("n"), (n) => {
    find("code").max = n - 1;
    set({ places: codePlaces(n), code: Math.min(view.code, n - 1) });
  });
  for (const input of document.getElementsByName("mode")) input.onchange = () => set({ mode: input.value });

  find("best").onclick = () => {
    if (view.mode === "codes") {
      const { posterior } = view.costs;
      return set({ code: posterior.indexOf(Math.max(...posterior)) });
    }
    const from = { mean: view.mean, std: view.std }, to = bestGaussian(model, view.known);
    if (calm()) return set(to);
    const begun = performance.now();
    const move = (time) => {
      const t = within((time - begun) / 700, 0, 1), eased = t * t * (3 - 2 * t);
      set({ mean: from.mean + (to.mean - from.mean) * eased, std: from.std * (to.std / from.std) ** eased });
      if (t < 1) requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  };
  show(view.levels);
}

if (globalThis.document?.getElementById("curves")) start();
