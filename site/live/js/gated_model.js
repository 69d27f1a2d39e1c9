// The weights of a GatedPixelCNN as its cache reads them, and what a pixel of it has read.
// One class for every gated network: colours, levels, labels and layers are told by the file.

import { Numbers, matricesOf, products } from "./products.js";

export class GatedPixelCNN {
  /** `tensors` of a file and the model's `config` in its header; `prefix` if it is a part of it. */
  constructor(tensors, config, prefix = "") {
    if (config.context_channels) throw new Error("a model with a context cannot be run here");
    const get = (name) => tensors[prefix + name];
    this.nColors = config.n_colors;
    this.nLevels = config.n_levels;
    this.nClasses = config.n_classes;
    this.waves = config.coordinates ? config.n_frequencies ?? 0 : null;
    this.table = this.numbersOfLevels(get("symbols.weight")?.data);
    this.layers = Array.from({ length: config.n_layers }, (_, i) =>
      this.layerOf((name) => get(`layers.${i}.${name}`), i > 0, config.activation !== "relu"));
    this.head = ["head.1", "head.3"].map((name) => this.pointwise(get, name));
    this.channels = this.layers[0].channels;
  }

  /** What stands for each level: -1 .. 1, or the vector of a symbol if levels have no order. */
  numbersOfLevels(vectors) {
    const n = this.nLevels, size = vectors ? vectors.length / n : 1;
    return Array.from({ length: n }, (_, level) =>
      vectors ? Numbers.from(vectors.subarray(level * size, level * size + size))
              : Numbers.of((2 / (n - 1)) * level - 1));
  }

  layerOf(get, residual, gated) {
    const part = (name) => ({ matrix: matricesOf(get(`${name}.weight`))[0],
                              bias: Numbers.from(get(`${name}.bias`).data) });
    const [width, inputs, rows, columns] = get("vertical.weight").shape;
    const horizontal = get("horizontal.weight");
    // Each of the gate's two halves is grouped by colour on its own.
    maskColors(horizontal, this.nColors, residual, gated ? 2 : 1);
    return {
      residual, gated, width, inputs, rows, reach: (columns - 1) / 2,
      channels: gated ? width / 2 : width, taps: horizontal.shape[3],
      vertical: matricesOf(get("vertical.weight")),
      verticalBias: Numbers.from(get("vertical.bias").data),
      link: part("link"), horizontal: part("horizontal"),
      output: this.pointwise(get, "output"),
      place: get("context.weight") && part("context"),
      label: get("label.weight")?.data,
    };
  }

  /** A 1x1 convolution that keeps R -> G -> B. */
  pointwise(get, name) {
    const weight = get(`${name}.weight`), bias = Numbers.from(get(`${name}.bias`).data);
    maskColors(weight, this.nColors, true);
    return { matrix: matricesOf(weight)[0], bias, nOut: weight.shape[0], nIn: weight.shape[1] };
  }

  /**
   * What place and label add inside the gates of each layer: (height, width, 2 * its width), first
   * what goes to the vertical stack. The same for every image, so the last answer is kept.
   */
  conditions(height, width, label) {
    const asked = [height, width, label].join();
    if (this.kept?.asked !== asked) {
      const places = this.waves === null ? null : coordinateFeatures(height, width, this.waves);
      const added = this.layers.map((layer) => condition(layer, height * width, places, label));
      this.kept = { asked, added };
    }
    return this.kept.added;
  }
}

function condition({ width, place, label: vectors }, nPixels, places, label) {
  const size = 2 * width, added = new Numbers(nPixels * size);
  if (place) {
    const n = places.length / nPixels;
    for (let p = 0; p < nPixels; p++) added.set(place.bias, p * size);
    products(nPixels, added, 0, size, place.matrix, size, places, 0, n, n);
  }
  const vector = vectors?.subarray(label * size, (label + 1) * size);
  if (vector) added.forEach((_, i) => (added[i] += vector[i % size]));
  return added;
}

/**
 * The R -> G -> B rule at the last tap of a kernel (out, in, rows, columns), written into it: group
 * `o` of the outputs reads group `i` of the inputs if i < o, or i <= o where it may see its own.
 * Outputs are `nBlocks` blocks of groups. As color_causal_mask of tutorial_lib/pixels/masks.py.
 */
function maskColors({ shape: [nOut, nIn, , columns], data }, nColors, own, nBlocks = 1) {
  if (nColors === 1) return;
  const each = nOut / nBlocks;
  for (let o = 0; o < nOut; o++)
    for (let i = 0; i < nIn; i++) {
      const to = Math.floor(((o % each) * nColors) / each), of = Math.floor((i * nColors) / nIn);
      if (own ? of > to : of >= to) data[(o * nIn + i) * columns + columns - 1] = 0;
    }
}

/** For each pixel: row and column from -1 to 1, then sin and cos of both for each wave. */
function coordinateFeatures(height, width, nFrequencies) {
  const along = (n, size) => (size > 1 ? (2 * n) / (size - 1) - 1 : -1), all = [];
  for (let p = 0; p < height * width; p++) {
    const at = [along(Math.floor(p / width), height), along(p % width, width)];
    all.push(...at);
    for (let k = 1; k <= nFrequencies; k++)
      for (const wave of [Math.sin, Math.cos]) all.push(...at.map((a) => wave((Math.PI / 2) * k * a)));
  }
  return Numbers.from(all);
}

/**
 * Which pixels can change what the model says at (y, x): 1 where a path leads from, else 0.
 * The layers are walked from the last to the first, for all positions of both stacks at once.
 */
export function pastOf(model, height, width, y, x) {
  const field = () => new Uint8Array(height * width);
  const mark = (to, row, column) => {
    if (row >= 0 && column >= 0 && column < width) to[row * width + column] = 1;
  };
  let vertical = field(), horizontal = field();
  horizontal[y * width + x] = 1;
  for (const layer of [...model.layers].reverse()) {
    const v = field(), h = field();
    for (let p = 0; p < height * width; p++) {
      const row = Math.floor(p / width), column = p % width;
      if (horizontal[p])
        for (let t = 0; t < layer.taps; t++) mark(h, row, column - layer.reach + t);
      if (!vertical[p] && !horizontal[p]) continue; // a link leads from each stack to the vertical
      for (let r = 0; r < layer.rows; r++)
        for (let c = -layer.reach; c <= layer.reach; c++) mark(v, row - r, column + c);
    }
    [vertical, horizontal] = [v, h];
  }
  // The vertical stack begins with a shift: its row i is row i - 1 of the image.
  const past = horizontal;
  for (let p = width; p < height * width; p++) if (vertical[p]) past[p - width] = 1;
  return past;
}
