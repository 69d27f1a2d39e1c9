// The modules of the live pages against torch. Run: node check.mjs JS_FOLDER CASE.safetensors ...
// Each case tells in its header what is compared; one line of JSON is printed for each.

import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [js, ...cases] = process.argv.slice(2);
const from = (name) => import(pathToFileURL(resolve(js, name)));
const { read } = await from("safetensors.js");
const { GatedPixelCNN, pastOf } = await from("gated_model.js");
const { GatedCache, fill } = await from("gated.js");
const { Drawing } = await from("drawing.js");
const { Decoder } = await from("decoder.js");
const { Encoder } = await from("encoder.js");

const open = (path) => read(Uint8Array.from(readFileSync(path)).buffer);

/** Parts of a file: the model itself, or one of two stages. */
function part(path, name) {
  const { tensors, header: { model } } = open(path);
  const { config } = name ? model.parts[name] : model;
  return [tensors, config, name ? `${name}.` : ""];
}
const rows = ({ shape: [n], data }) =>
  Array.from({ length: n }, (_, i) => data.subarray((i * data.length) / n, ((i + 1) * data.length) / n));
const unequal = (a, b) => a.reduce((n, value, i) => n + (value !== b[i]), 0);

const checks = {
  /** Levels under given uniforms: in one go, and from a copy that goes on at half height. */
  draw({ uniforms, known, levels, label }, { weights, of, height, width, temperature }) {
    const model = new GatedPixelCNN(...part(weights, of)), half = Math.floor(height / 2);
    const given = rows(known), expected = rows(levels);
    let wrong = 0, wrongAfterCopy = 0, begun = performance.now(), told = 0;
    rows(uniforms).forEach((noise, n) => {
      const cache = new GatedCache(model, height, width, label?.data[n]);
      const options = { known: given[n], uniforms: noise, temperature };
      for (const _ of fill(cache, options));
      wrong += unequal(expected[n], cache.levels);
    });
    const ms = (performance.now() - begun) / expected.length;
    rows(uniforms).forEach((noise, n) => {
      const upper = new GatedCache(model, height, width, label?.data[n]);
      const options = { known: given[n], uniforms: noise, temperature, askAll: true };
      for (const { shares } of fill(upper, { ...options, to: half })) told += shares !== null;
      const lower = upper.copy();
      for (const { shares } of fill(lower, { ...options, from: half })) told += shares !== null;
      wrongAfterCopy += unequal(expected[n], lower.levels);
    });
    return { of: levels.data.length, wrong, wrongAfterCopy, told, ms };
  },

  /** A level set by hand: what is drawn anew after it, and what the levels cost if nothing is. */
  overwrite({ uniforms, before, kept, levels, bits, label }, { weights, of, height, width, place }) {
    const model = new GatedPixelCNN(...part(weights, of)), half = Math.floor(height / 2);
    let [wrongBefore, wrongForked, wrong, off] = [0, 0, 0, 0];
    rows(uniforms).forEach((noise, n) => {
      const options = { height, width, label: label?.data[n], uniforms: noise };
      const drawing = new Drawing(model, options), set = rows(kept)[n][place];
      drawing.finish((half * drawing.size) / height);
      wrongForked += unequal(rows(before)[n], drawing.fork(noise).finish().levels);
      wrongBefore += unequal(rows(before)[n], drawing.finish().levels);
      drawing.overwrite(place, set, true);
      wrong += unequal(rows(kept)[n], drawing.levels);
      off = Math.max(off, Math.abs(drawing.totalBits() - bits.data[n]));
      drawing.known.fill(-1, place + 1);
      drawing.overwrite(place, set);
      wrong += drawing.at !== place + 1;
      wrong += unequal(rows(levels)[n], drawing.finish().levels);
    });
    return { of: levels.data.length, wrong, wrongBefore, wrongForked, off };
  },

  /** The decoder's pictures of given codes. */
  picture({ codes, pictures }, { weights, height, width }) {
    const decoder = new Decoder(...part(weights, "vqvae")), expected = rows(pictures);
    let off = 0;
    const begun = performance.now();
    rows(codes).forEach((field, n) =>
      decoder.picture(field, height, width).forEach((value, i) =>
        (off = Math.max(off, Math.abs(value - expected[n][i])))));
    return { of: pictures.data.length, off, ms: (performance.now() - begun) / expected.length };
  },

  /** The encoder's codes of given pictures. */
  encode({ levels, codes }, { weights, height, width }) {
    const encoder = new Encoder(...part(weights, "vqvae")), expected = rows(codes);
    const begun = performance.now(), found = rows(levels).map((x) => encoder.codes(x, height, width));
    const ms = (performance.now() - begun) / expected.length;
    return { of: codes.data.length, wrong: found.reduce((n, x, i) => n + unequal(expected[i], x), 0), ms };
  },

  /** Which pixels each pixel has read. */
  past({ reads }, { weights, height, width }) {
    const model = new GatedPixelCNN(...part(weights, ""));
    const wrong = rows(reads).reduce((n, expected, p) =>
      n + unequal(expected, pastOf(model, height, width, Math.floor(p / width), p % width)), 0);
    return { of: reads.data.length, wrong };
  },

  /** A file in fewer bits, as it is read: how far each tensor is from the one in 32 bits. */
  widen(_, { weights, fewer }) {
    const [whole, less] = [open(weights), open(fewer)];
    let off = 0, scale = 0;
    for (const [name, { data, shape }] of Object.entries(less.tensors)) {
      const right = whole.tensors[name];
      if (!right) continue; // colours and examples, which only the page has
      if (String(shape) !== String(right.shape)) throw new Error(name);
      right.data.forEach((value, i) => {
        off = Math.max(off, Math.abs(value - data[i]));
        scale = Math.max(scale, Math.abs(value));
      });
    }
    return { off: off / scale, same: String(Object.keys(less.header.model)) };
  },
};

for (const path of cases) {
  const { tensors, header } = open(path);
  const result = checks[header.check](tensors, header);
  console.log(JSON.stringify({ name: basename(path, ".safetensors"), ...result }));
}
