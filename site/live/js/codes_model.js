// The two-stage model of garments as the page "Speak in codes" uses it. Nothing here knows a page.

import { Decoder } from "./decoder.js";
import { Drawing } from "./drawing.js";
import { Encoder } from "./encoder.js";
import { GatedPixelCNN } from "./gated_model.js";

export const SIDE = 7, SIZE = SIDE * SIDE; // the field of codes
export const PICTURE = 28;

export class TwoStage {
  /** Of a file by build.py: both models, the names of the classes, a colour for each code. */
  constructor({ tensors, header: { model: { parts }, page } }) {
    this.prior = new GatedPixelCNN(tensors, parts.prior.config, "prior.");
    this.decoder = new Decoder(tensors, parts.vqvae.config, "vqvae.");
    this.encoder = new Encoder(tensors, parts.vqvae.config, "vqvae.");
    this.nCodes = parts.prior.config.n_levels;
    this.nLevels = parts.vqvae.config.n_levels;
    this.classes = page.classes;
    this.commonest = page.commonest;
    this.colors = tensors["page.code_colors"].data;
    const { data } = tensors["page.examples"], each = PICTURE * PICTURE;
    this.examples = this.classes.map((_, n) => data.subarray(n * each, (n + 1) * each)); // 0 .. 255
  }

  /** A field of codes to be drawn from the prior; or, with `codes`, one that is known. */
  field(label, codes, temperature = 1) {
    return new Drawing(this.prior, { height: SIDE, width: SIDE, label, known: codes, temperature });
  }

  /** The picture of the first `at` codes; the commonest code stands where none is written yet. */
  picture(codes, at = SIZE) {
    const all = Int16Array.from(codes, (code, place) => (place < at ? code : this.commonest));
    return this.decoder.picture(all, SIDE, SIDE);
  }

  encode(levels) {
    return this.encoder.codes(levels, PICTURE, PICTURE);
  }

  /** What the prior asks for the codes, in bits, as a garment of each class: one class a turn. */
  *bitsByClass(codes) {
    for (let label = 0; label < this.classes.length; label++)
      yield this.field(label, codes).finish().totalBits();
  }
}
