// The decoder of a VQVAE: codes (h, w) -> the mean picture (4h, 4w) in [0, 1], for eyes.
// As decoder_of and VQVAE.picture of tutorial_lib/codes/vqvae.py.

import { Numbers, softmax } from "./products.js";
import { blocksOf, chain, convolution, field, layerOf, rectified, transposed } from "./convolutions.js";

export class Decoder {
  constructor(tensors, config, prefix = "") {
    if (config.n_dims !== 2 || config.n_mixtures)
      throw new Error("only pictures with a distribution over levels can be decoded here");
    Object.assign(this, { colors: config.in_channels, nLevels: config.n_levels });
    this.codebook = tensors[`${prefix}quantizer.codebook`];
    const name = `${prefix}decoder`, part = (i) => layerOf(tensors, `${name}.${i}`);
    const halvings = Math.log2(config.downsample), first = config.n_blocks + 1;
    const ups = Array.from({ length: halvings }, (_, i) => [rectified, transposed(part(first + 2 * i + 1))]);
    this.layers = chain([
      convolution(part(0)),
      ...blocksOf(tensors, name, 1, config.n_blocks),
      ...ups.flat(),
      rectified,
      convolution(part(first + 2 * halvings + 1)),
    ]);
  }

  /** The picture of a field of codes, row by row, the colours of a pixel beside each other. */
  picture(codes, height, width) {
    const size = this.codebook.shape[1], z = field(height, width, size);
    codes.forEach((code, p) =>
      z.data.set(this.codebook.data.subarray(code * size, code * size + size),
        z.at(Math.floor(p / width), p % width)));
    const out = this.layers(z), picture = new Numbers(out.height * out.width * this.colors);
    picture.forEach((_, n) => {
      const p = Math.floor(n / this.colors), each = out.channels / this.colors;
      const at = out.at(Math.floor(p / out.width), p % out.width) + (n % this.colors) * each;
      picture[n] = this.meanLevel(out.data.subarray(at, at + each));
    });
    return picture;
  }

  meanLevel(logits) {
    const mean = (sum, share, level) => sum + share * level;
    return softmax(logits).reduce(mean, 0) / (this.nLevels - 1);
  }
}
