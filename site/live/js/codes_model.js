// A two-stage model as the page "Speak in codes" uses it. Nothing here knows a page.

import { Decoder } from "./decoder.js";
import { Drawing } from "./drawing.js";
import { Encoder } from "./encoder.js";
import { GatedPixelCNN } from "./gated_model.js";

export class TwoStage {
  /** Of a file by build.py: both models, the names of the classes, a colour for each code. */
  constructor({ tensors, header: { model: { parts }, page } }) {
    const { config } = parts.vqvae;
    this.prior = new GatedPixelCNN(tensors, parts.prior.config, "prior.");
    this.decoder = new Decoder(tensors, config, "vqvae.");
    this.encoder = new Encoder(tensors, config, "vqvae.");
    this.nCodes = config.n_codes;
    this.nLevels = config.n_levels;
    this.nColors = config.in_channels;
    this.pictureSide = page.side;
    this.side = page.side / config.downsample; // of the field of codes
    this.size = this.side ** 2;
    this.classes = page.classes;
    this.commonest = page.commonest;
    const { data: colors } = tensors["page.code_colors"], { data } = tensors["page.examples"];
    this.colorOf = (code) => `${page.colors}(${colors.subarray(3 * code, 3 * code + 3).join(" ")})`;
    const [r, g, b] = [0, 1, 2].map((n) => (code) => colors[3 * code + n] / 255);
    this.isLight = page.colors === "oklch" ? (code) => colors[3 * code] > 0.6
      : (code) => 0.3 * r(code) + 0.59 * g(code) + 0.11 * b(code) > 0.55;
    const each = page.side ** 2 * this.nColors;
    this.examples = Array.from({ length: data.length / each }, (_, n) =>
      Float32Array.from(data.subarray(n * each, (n + 1) * each), (value) => value / 255));
  }

  /** A field of codes to be drawn from the prior; or, with `codes`, one that is known. */
  field(label, codes, temperature = 1) {
    return new Drawing(this.prior, { height: this.side, width: this.side, label, known: codes, temperature });
  }

  /** The picture of the first `at` codes; the commonest code stands where none is written yet. */
  picture(codes, at = this.size) {
    const all = Int16Array.from(codes, (code, place) => (place < at ? code : this.commonest));
    return this.decoder.picture(all, this.side, this.side);
  }

  /** The levels of a picture in 0 .. 1: each stands for an equal share of the range. */
  levels(values) {
    const n = this.nLevels;
    return Int16Array.from(values, (value) => Math.min(n - 1, Math.floor((value * 255 * n) / 256)));
  }

  encode(levels) {
    return this.encoder.codes(levels, this.pictureSide, this.pictureSide);
  }

  /** What the prior asks for the codes, in bits, as a picture of each class: one class a turn. */
  *bitsByClass(codes) {
    for (let label = 0; label < this.classes.length; label++)
      yield { label, bits: this.field(label, codes).finish().totalBits() };
  }
}
