// The encoder of a VQVAE: a picture's levels (4h, 4w) -> its codes (h, w).
// As encoder_of, VQVAE.encode and nearest_code of tutorial_lib/codes.

import { blocksOf, chain, convolution, field, layerOf, rectified } from "./convolutions.js";

export class Encoder {
  constructor(tensors, config, prefix = "") {
    Object.assign(this, { colors: config.in_channels, nLevels: config.n_levels });
    this.codebook = tensors[`${prefix}quantizer.codebook`];
    const name = `${prefix}encoder`, part = (i) => convolution(layerOf(tensors, `${name}.${i}`));
    const halvings = Math.log2(config.downsample), next = 2 * halvings;
    const downs = Array.from({ length: halvings }, (_, i) => [part(2 * i), rectified]);
    this.layers = chain([
      ...downs.flat(),
      part(next),
      ...blocksOf(tensors, name, next + 1, config.n_blocks),
      rectified,
      part(next + config.n_blocks + 2),
    ]);
  }

  /** The nearest code of every position; the lower index where two are equally near. */
  codes(levels, height, width) {
    const x = field(height, width, this.colors);
    levels.forEach((level, n) => {
      const p = Math.floor(n / this.colors);
      const at = x.at(Math.floor(p / width), p % width) + (n % this.colors);
      x.data[at] = 2 * (level / (this.nLevels - 1)) - 1;
    });
    const z = this.layers(x);
    return Int16Array.from({ length: z.height * z.width }, (_, p) =>
      this.nearest(z.data, z.at(Math.floor(p / z.width), p % z.width)));
  }

  nearest(z, at) {
    const { shape: [n, size], data } = this.codebook;
    let best = 0, least = Infinity;
    for (let k = 0; k < n; k++) {
      let distance = 0;
      for (let d = 0; d < size; d++) distance += (z[at + d] - data[k * size + d]) ** 2;
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }
}
