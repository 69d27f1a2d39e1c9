// One image, or one field of codes, in the making: it can be watched, stopped, overwritten, taken up
// again and forked. Nothing here knows a page: a notebook's widget may use it as well.

import { GatedCache, fill } from "./gated.js";

export class Drawing {
  /**
   * height, width, label  as GatedCache takes them
   * known                 levels that are given, -1 where one is to be drawn
   * uniforms              the noise: kept, so that after a change only what depends on it changes
   * temperature           may be set anew between two steps
   */
  constructor(model, { height, width, label, known, uniforms, temperature = 1 }) {
    this.size = height * width * model.nColors;
    Object.assign(this, { model, height, width, label, temperature });
    this.known = known ? Int16Array.from(known) : new Int16Array(this.size).fill(-1);
    this.uniforms = uniforms ?? noise(this.size);
    this.shares = new Float64Array(this.size * model.nLevels); // what each place was drawn from
    this.rewind(0);
  }

  get levels() {
    return this.cache.levels;
  }
  get done() {
    return this.at === this.size;
  }

  /** Draw one sub-pixel; its place. */
  step() {
    const { done, value } = this.pixels.next();
    if (done) return null;
    this.shares.set(value.shares, value.place * this.model.nLevels);
    this.at = value.place + 1;
    return value.place;
  }

  /** Everything that is left, or up to a place. */
  finish(to = this.size) {
    while (this.at < to) this.step();
    return this;
  }

  /** Begin anew with the first `kept` levels as they are. Nothing later has been drawn then. */
  rewind(kept) {
    const known = this.known.slice();
    if (kept) known.set(this.levels.subarray(0, kept));
    this.cache = new GatedCache(this.model, this.height, this.width, this.label);
    this.walk(known, 0);
    return this.finish(kept);
  }

  walk(known, from) {
    const drawing = this;
    this.at = (from * this.size) / this.height;
    this.pixels = fill(this.cache, {
      known, from, uniforms: this.uniforms, askAll: true,
      get temperature() {
        return drawing.temperature;
      },
    });
  }

  /**
   * Set a level by hand. What came before it stays; what comes after it was drawn without knowing
   * it and is to be drawn again, unless `keepLater`: then only what the model says of it changes.
   */
  overwrite(place, level, keepLater = false) {
    const { at } = this;
    this.known[place] = level;
    if (place >= at) return this.rewind(at); // not yet drawn: from now on it is known
    this.levels[place] = level;
    return this.rewind(keepLater ? at : place + 1);
  }

  /** Another drawing that shares what is there so far, whole rows, and goes on with its own noise. */
  fork(uniforms = noise(this.size)) {
    const other = Object.assign(Object.create(Drawing.prototype), this, { uniforms });
    other.cache = this.cache.copy();
    other.shares = this.shares.slice();
    other.known = this.known.slice();
    other.walk(other.known, Math.floor((this.at * this.height) / this.size));
    return other;
  }

  /** The distribution that the level at a place was drawn from. */
  sharesAt(place) {
    const n = this.model.nLevels;
    return this.shares.subarray(place * n, place * n + n);
  }

  /** What a level cost, in bits: -log2 of its probability. */
  bits(place) {
    return -Math.log2(this.sharesAt(place)[this.levels[place]]) + 0; // not -0
  }

  /** Bits of all places from .. to - 1. */
  totalBits(from = 0, to = this.at) {
    let sum = 0;
    for (let place = from; place < to; place++) sum += this.bits(place);
    return sum;
  }
}

export const noise = (size) => Float64Array.from({ length: size }, Math.random);
