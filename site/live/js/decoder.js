// The decoder of a VQVAE: codes (h, w) -> the mean picture (4h, 4w) in [0, 1], for eyes.
// As decoder_of and VQVAE.picture of tutorial_lib/codes/vqvae.py.

import { Numbers, softmax } from "./products.js";
import { blocksOf, chain, convolution, field, layerOf, rectified, transposed } from "./convolutions.js";

export class Decoder {
  constructor(tensors, config, prefix = "") {
    if (config.n_dims !== 2 || !config.n_levels)
      throw new Error("only pictures with a distribution over levels can be decoded here");
    Object.assign(this, { colors: config.in_channels, nMixtures: config.n_mixtures ?? 0 });
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
    const mean = this.nMixtures ? meanOfBumps : meanLevel;
    for (let p = 0; p < out.height * out.width; p++) {
      const at = out.at(Math.floor(p / out.width), p % out.width);
      const numbers = out.data.subarray(at, at + out.channels);
      for (let color = 0; color < this.colors; color++)
        picture[p * this.colors + color] = mean(numbers, color, this.colors, this.nMixtures);
    }
    return picture;
  }
}

/** Of a categorical over levels: each colour has its own logits. */
function meanLevel(numbers, color, nColors) {
  const n = numbers.length / nColors, shares = softmax(numbers.subarray(color * n, color * n + n));
  return shares.reduce((sum, share, level) => sum + share * level, 0) / (n - 1);
}

/**
 * Of a mixture of logistics on [-1, 1]: weights of the bumps first, then a centre for each bump and
 * colour. A centre beyond an end counts as the end. As mixture_mean of tutorial_lib/pixels/logistics.py.
 */
function meanOfBumps(numbers, color, nColors, nMixtures) {
  const centre = (bump) => numbers[nMixtures + bump * nColors + color];
  const mean = softmax(numbers.subarray(0, nMixtures)).reduce((sum, share, bump) =>
    sum + share * Math.min(1, Math.max(-1, centre(bump))), 0);
  return (mean + 1) / 2;
}
