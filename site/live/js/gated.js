// GatedPixelCNN, one pixel at a time: the mirror of tutorial_lib/sampling/gated_cache.py.
//
// The vertical stack reads nothing of the present row: it runs once a row. At a pixel only the
// horizontal stack is left, at a single position:
//
//     z = link_x + W_left h_(x-k), ..., h_(x)        h' = h + W_out gate(z)
//
// Features lie channels last, so that a row of a kernel is one product. A place counts sub-pixels in
// the order in which they are drawn: (y * width + x) * nColors + color.

import { Numbers, draw, product, products, relu, softmax } from "./products.js";

/** One image that is being drawn, and every feature that later pixels will read. */
export class GatedCache {
  constructor(model, height, width, label = null) {
    if (model.nClasses && !(label >= 0 && label < model.nClasses))
      throw new Error(`this model needs a label in 0 .. ${model.nClasses - 1}, got ${label}`);
    Object.assign(this, { model, height, width, label });
    this.added = model.conditions(height, width, label);
    const rows = (layer) => Array.from({ length: layer.rows },
      () => new Numbers((layer.reach + width + layer.reach) * layer.inputs));
    this.state = {
      levels: new Int16Array(height * width * model.nColors),
      above: model.layers.map(rows), // the last rows of the vertical stack, zeros around them
      own: model.layers.map((layer) => new Numbers((layer.reach + width) * layer.inputs)),
      links: model.layers.map((layer) => new Numbers(width * layer.width)),
    };
    // Room to compute in, with nothing in it to keep.
    this.vertical = new Numbers(width * model.layers[0].width);
    this.z = new Numbers(model.layers[0].width);
    this.gated = new Numbers(model.channels);
    this.final = new Numbers(model.channels);
    this.hidden = new Numbers(model.channels);
    this.logits = new Numbers(model.nLevels);
  }

  get levels() {
    return this.state.levels;
  }

  /** The same so far, to go on in another way. What does not change is shared. */
  copy() {
    const state = structuredClone(this.state);
    return Object.assign(Object.create(GatedCache.prototype), this, { state });
  }

  /** Run the vertical stack for one row, given all rows above it. */
  beginRow(y) {
    const { model: { layers }, width, state: { above, links }, vertical: v, z } = this;
    const first = this.emptyRow(0);
    if (y > 0) for (let x = 0; x < width; x++) this.embed(y - 1, x, first);
    layers.forEach((layer, i) => {
      const { width: size, inputs, reach } = layer, next = layers[i + 1], link = links[i];
      const row = next && this.emptyRow(i + 1), added = this.added[i], toRow = y * width * 2 * size;
      for (let x = 0; x < width; x++) v.set(layer.verticalBias, x * size);
      for (let r = 0; r < layer.rows; r++)
        products(width, v, 0, size, layer.vertical[r], size, above[i][r], 0, inputs,
          (2 * reach + 1) * inputs);
      for (let x = 0; x < width; x++)
        for (let o = 0; o < size; o++)
          link[x * size + o] = layer.link.bias[o] + layer.horizontal.bias[o]
            + added[toRow + (2 * x + 1) * size + o];
      // The link is taken before the gate.
      products(width, link, 0, size, layer.link.matrix, size, v, 0, size, size);
      if (!next) return; // nobody reads the last layer's vertical stack
      for (let x = 0; x < width; x++) {
        for (let o = 0; o < size; o++) z[o] = v[x * size + o] + added[toRow + 2 * x * size + o];
        activate(layer, z, row, (x + next.reach) * next.inputs);
      }
    });
  }

  /** The oldest row that a layer keeps, emptied and moved to the bottom. */
  emptyRow(i) {
    const rows = this.state.above[i];
    rows.push(rows.shift().fill(0));
    return rows.at(-1);
  }

  /** Write what stands for the pixel (y, x), colour by colour, into a row of the first layer. */
  embed(y, x, row) {
    const { model: { table, layers: [{ inputs, reach }], nColors }, levels, width } = this;
    for (let color = 0; color < nColors; color++)
      row.set(table[levels[(y * width + x) * nColors + color]],
        (x + reach) * inputs + (color * inputs) / nColors);
  }

  /** Logits of one sub-pixel of the row begun last, given all those before it. */
  logitsAt(y, x, color = 0) {
    const { model: { layers, head, nLevels }, state: { own, links }, z, gated, final } = this;
    const newest = color ? x : x - 1; // what was drawn last goes into the first layer
    if (newest >= 0) this.embed(y, newest, own[0]);
    layers.forEach((layer, i) => {
      const { width, inputs, channels, reach, output } = layer, next = layers[i + 1];
      for (let o = 0; o < width; o++) z[o] = links[i][x * width + o];
      product(z, 0, layer.horizontal.matrix, width, own[i], x * inputs, layer.taps * inputs);
      activate(layer, z, gated, 0);
      const out = next ? own[i + 1] : final, at = next ? (x + next.reach) * channels : 0;
      const here = (x + reach) * inputs;
      for (let c = 0; c < channels; c++)
        out[at + c] = output.bias[c] + (layer.residual ? own[i][here + c] : 0);
      product(out, at, output.matrix, channels, gated, 0, channels);
    });
    const { hidden, logits } = this, [first, last] = head, { nIn } = last, from = color * nLevels;
    hidden.set(first.bias);
    product(hidden, 0, first.matrix, nIn, relu(final), 0, nIn);
    logits.set(last.bias.subarray(from, from + nLevels));
    product(logits, 0, last.matrix.subarray(from * nIn, (from + nLevels) * nIn), nLevels,
      relu(hidden), 0, nIn);
    return logits;
  }
}

/** y = tanh(first half) . sigmoid(second half), or the ReLU of a model without gates. */
function activate({ gated, channels }, z, out, at) {
  for (let c = 0; c < channels; c++)
    out[at + c] = gated ? Math.tanh(z[c]) / (1 + Math.exp(-z[channels + c])) : Math.max(0, z[c]);
}

/**
 * Draws in raster order, and yields {place, shares} as soon as a sub-pixel is there: one at a time,
 * so that who asks may wait, or stop. `shares` is what it was drawn from, null if nobody asked.
 *
 * known        levels to keep, -1 where one is to be drawn. A later known pixel steers no earlier one
 * uniforms     a number in [0, 1) for each place; without them Math.random
 * temperature  divides the logits: below 1 safer, above 1 wilder; looked up at each place
 * from, to     rows from .. to - 1 only; those above `from` have been filled on this cache before
 * askAll       tell the distribution at known places too
 */
export function* fill(cache, options = {}) {
  const { height, width, levels, model: { nColors } } = cache, size = width * nColors;
  const { known, uniforms, from = 0, to = height, askAll = false } = options;
  for (let y = from; y < to; y++) {
    cache.beginRow(y);
    // Behind the last unknown one of a row nothing has to be asked: no other row reads this stack.
    const end = known && !askAll ? known.subarray(y * size, (y + 1) * size).lastIndexOf(-1) : size;
    for (let n = 0; n < size; n++) {
      const place = y * size + n, given = known ? known[place] : -1;
      const logits = n <= end && cache.logitsAt(y, Math.floor(n / nColors), n % nColors);
      const shares = logits && (askAll || given < 0) ? softmax(logits, options.temperature) : null;
      levels[place] = given >= 0 ? given : draw(shares, uniforms?.[place] ?? Math.random());
      yield { place, shares };
    }
  }
}
