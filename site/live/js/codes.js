// The page "Speak in codes": a prior writes codes, a decoder draws them, the reader changes them.

import { calm, control, frames } from "./canvas.js";
import { TwoStage } from "./codes_model.js";
import { likelyCodes } from "./codes_likely.js";
import { show } from "./codes_show.js";
import { fetchModel } from "./model_file.js";
import { valuesOf, watchPictures } from "./picture_file.js";

const CODES_A_SECOND = 14;
const DECODING_SHARE = 0.5; // of the time at most: a slow machine decodes after every few codes
const SUBJECTS = { // file, the class to begin with, and what the page says of them
  garments: ["models/garments.safetensors", 9, "a garment"],
  emoji: ["models/emoji.safetensors", 6, "an emoji"],
};

const find = (id) => document.getElementById(id);
const say = (text) => (find("status").textContent = text);
let heat = 1, run = 0, likely = null; // a new run ends the one before
const now = { // all that the page shows
  model: null,
  label: null, // the class that the codes are written for
  field: null, // the codes, as they are written
  picture: null, // what the decoder makes of them
  first: null, // {codes, picture} when all were written, before the reader changed one
  given: null, // the reader's picture, in 0 .. 1, if the codes are those of a picture
  picked: null, at: null, // the place that was clicked, and the one that is pointed at
  running: false,
};
const page = show(now);

function decode() {
  now.picture = now.model.picture(now.field.levels, now.field.at);
}

// ------------------------------------------------------------------------------- writing codes

function stop() {
  now.running = false;
  run++;
}

function begin(label) {
  stop();
  const field = now.model.field(label, null, heat);
  Object.assign(now, { label, field, first: null, given: null });
  pick(null);
  write();
}

/** Let the prior write what is left, a code at a time, and the decoder draw it. */
async function write() {
  const mine = ++run, { field } = now, toWrite = field.size - field.at;
  let busy = 0, owed = 0, last = performance.now(), mayDecode = 0;
  now.running = true;
  page.redraw();
  for await (const _ of frames()) {
    if (mine !== run) return;
    const began = performance.now(), before = field.at;
    owed = calm() ? field.size : Math.min(owed + ((began - last) * CODES_A_SECOND) / 1000, field.size);
    for (last = began; owed >= 1 && !field.done; owed--) field.step();
    if (field.at > before && began > mayDecode) {
      decode();
      mayDecode = performance.now() + (performance.now() - began) * (1 / DECODING_SHARE - 1);
    }
    busy += performance.now() - began;
    if (field.done) break;
    if (field.at > before) page.redraw();
  }
  finished();
  say(`${toWrite} codes and their pictures: ${busy.toFixed(0)} ms of computing. Click a code.`);
}

/** All codes are there: from here on the reader's changes are told from what was there before. */
function finished() {
  now.running = false;
  decode();
  now.first ??= { codes: now.field.levels.slice(), picture: now.picture };
  page.redraw();
}

function step() {
  stop();
  const { field } = now, place = field.step();
  decode();
  if (field.done) finished();
  else page.redraw();
  say(`Code ${place + 1} of ${field.size}: ${field.levels[place]}, for ${field.bits(place).toFixed(1)} bits.`);
}

// ------------------------------------------------------------------------------- changing codes

function pick(place) {
  if (place !== null && !now.first) return say("First let the prior write all codes.");
  now.picked = place;
  if (place !== null) likely.show(now.field, place);
  page.redraw();
}

function change(code) {
  const began = performance.now(), { field } = now, was = field.totalBits();
  field.overwrite(now.picked, code, true);
  decode();
  const took = performance.now() - began, by = field.totalBits() - was;
  page.redraw();
  const more = `${Math.abs(by).toFixed(1)} bits ${by < 0 ? "less" : "more"}`;
  say(`A new picture in ${took.toFixed(0)} ms. To the prior, all ${field.size} codes together now cost ${more}.`);
}

function putBack() {
  change(now.first.codes[now.picked]);
  now.field.known[now.picked] = now.given ? now.first.codes[now.picked] : -1;
  likely.show(now.field, now.picked);
  page.redraw();
}

function goOnFromHere() {
  stop();
  const { field, picked } = now;
  field.known.fill(-1, picked + 1); // those of a picture were all known; now they are to be written
  field.overwrite(picked, field.levels[picked]);
  pick(null);
  write();
}

// ------------------------------------------------------------------------------- encoding

/** The codes of a picture; then the prior is asked, class by class, which it takes them for. */
async function encode(values, what) {
  stop();
  const { model } = now, mine = run, levels = model.levels(values);
  const began = performance.now(), codes = model.encode(levels);
  const told = `${what} Encoded in ${(performance.now() - began).toFixed(0)} ms.`;
  const given = Float32Array.from(levels, (level) => level / (model.nLevels - 1));
  Object.assign(now, { given, first: null, label: 0, field: model.field(0, codes).finish() });
  pick(null);
  finished();
  say(`${told} The prior reads the codes as each class …`);
  const order = [];
  for (const each of model.bitsByClass(codes)) {
    order.push(each);
    await new Promise(requestAnimationFrame);
    if (mine !== run) return;
  }
  const [one, two] = order.sort((a, b) => a.bits - b.bits);
  now.label = one.label;
  if (!page.changed()) now.field = model.field(one.label, codes).finish();
  if (now.picked !== null) pick(now.picked);
  page.redraw();
  const words = ({ label, bits }) => `${model.classes[label]} (${bits.toFixed(0)} bits)`;
  say(`${told} The prior takes it for: ${words(one)}, then ${words(two)}.`);
}

async function encodeFile(blob) {
  let read = null;
  try {
    read = await valuesOf(blob, now.model.pictureSide, now.model.nColors);
  } catch {
    return say("This file is no picture that the browser can read.");
  }
  await encode(read.values, read.turned ? "Your picture, turned to light on dark." : "Your picture.");
}

// ------------------------------------------------------------------------------- the page

function setUp() {
  page.watchCodes(pick, (place) => {
    now.at = place;
    page.redraw();
  });
  likely = likelyCodes({ change, nColors: () => now.model.nColors, pictureWith: (code) =>
    now.model.picture(now.field.levels.map((each, p) => (p === now.picked ? code : each))) });
  control(find("heat"), (value) => {
    heat = value;
    if (now.field && !now.field.done) now.field.temperature = value;
  }, (value) => value.toFixed(2));
  find("go").onclick = () => {
    if (!now.running) return now.field.done ? begin(now.label) : write();
    stop();
    page.redraw();
    say("Paused.");
  };
  find("step").onclick = step;
  find("back").onclick = putBack;
  find("anew").onclick = goOnFromHere;
  find("upload").disabled = false;
  watchPictures({ button: find("upload"), input: find("file"), target: document.body, take: encodeFile });
}

/** Fetch the models of garments or of emoji, and begin with them. */
async function speakOf(subject) {
  const [address, label, what] = SUBJECTS[subject];
  stop();
  const mine = run;
  await fetchModel(address, (file) => {
    if (mine !== run) return;
    if (!likely) setUp();
    now.model = new TwoStage(file);
    Object.assign(now, { picture: null, at: null });
    find("still").hidden = true;
    find("picture").hidden = false;
    const { size, nCodes } = now.model;
    find("claim").textContent = `${size} codes are ${what}.`;
    find("code-kinds").textContent = `the codes: each is one of ${nCodes}`;
    page.classButtons(begin);
    page.exampleButtons((values) => encode(values, "A picture of the test set."));
    begin(label);
  }, say);
}

for (const input of document.querySelectorAll("[name=subject]"))
  input.addEventListener("change", () => speakOf(input.value));
speakOf("garments");
