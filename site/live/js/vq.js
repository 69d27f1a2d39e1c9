// The arithmetic of a codebook in two dimensions, as tutorial_lib.codes.quantizer does it.
// A vector is [x, y]; codes, sums and batches are lists of vectors.

export const DEAD_BELOW = 0.02; // a code used less than this share of its fair share is dead

const squared = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;
const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / Math.max(1, numbers.length);

/** The number of the nearest code, the lower one where two are equally near. [eq. 1] */
export function nearestCode(z, codes) {
  let best = 0;
  for (let k = 1; k < codes.length; k++) if (squared(z, codes[k]) < squared(z, codes[best])) best = k;
  return best;
}

/** ||z_e - e||^2, averaged: the value of the codebook term and of the commitment term. [eq. 3] */
export const distanceLoss = (zs, es) => mean(zs.map((z, i) => squared(z, es[i])));

/** The gradient of the codebook term at every code; z_e is held still. */
export function codebookGradient(codes, vectors, indices) {
  const gradient = codes.map(() => [0, 0]);
  vectors.forEach((z, i) => {
    for (const d of [0, 1]) gradient[indices[i]][d] += (2 / vectors.length) * (codes[indices[i]][d] - z[d]);
  });
  return gradient;
}

/**
 * What pulls at one z_e, if the decoder's loss is ||z_q - t||^2 / 2: the gradient at z_q, which
 * straight-through copies, and that of the commitment, in which e is held still.
 */
export function encoderGradient(z, e, t, beta) {
  const copied = [e[0] - t[0], e[1] - t[1]];
  const commitment = [2 * beta * (z[0] - e[0]), 2 * beta * (z[1] - e[1])];
  return { copied, commitment };
}

/** One step of online k-means. decay is what stays of the old averages. [eqs. 6 to 8] */
export function emaStep(counts, sums, vectors, indices, decay) {
  const newCounts = counts.map((count) => decay * count);
  const newSums = sums.map((sum) => sum.map((value) => decay * value));
  vectors.forEach((z, i) => {
    newCounts[indices[i]] += 1 - decay;
    for (const d of [0, 1]) newSums[indices[i]][d] += (1 - decay) * z[d];
  });
  const codes = newSums.map((sum, k) => sum.map((value) => value / newCounts[k]));
  return { counts: newCounts, sums: newSums, codes };
}

/** Dead codes move onto their candidates, with a fair count and sum. */
export function restartDeadCodes(counts, sums, candidates, below = DEAD_BELOW) {
  const fair = mean(counts), dead = counts.map((count) => count < below * fair);
  const codes = sums.map((sum, k) => (dead[k] ? [...candidates[k]] : sum.map((v) => v / counts[k])));
  return {
    dead, codes,
    sums: sums.map((sum, k) => (dead[k] ? candidates[k].map((value) => fair * value) : sum)),
    counts: counts.map((count, k) => (dead[k] ? fair : count)),
  };
}

/** How often each code was chosen. */
export function codeCounts(indices, n) {
  const counts = Array(n).fill(0);
  for (const k of indices) counts[k]++;
  return counts;
}

/** exp(entropy) of the usage: K if all codes are used alike, 1 if only one is used. */
export function perplexity(counts) {
  const all = counts.reduce((sum, each) => sum + each, 0);
  return Math.exp(-counts.reduce((sum, n) => sum + (n ? (n / all) * Math.log(n / all) : 0), 0));
}

/**
 * One step of training. `state` is { codes, counts }; the batch has vectors z and, if the encoder
 * learns, what the decoder would like to get for each, `targets`. `candidates`, one for each code,
 * are given if dead codes are to be brought back. Gradients are taken before anything moves.
 * Returns { codes, counts, vectors, restarted }; nothing that was given is changed.
 */
export function trainStep({ codes, counts }, { vectors, targets, candidates }, how) {
  const { update, decay, rate, beta, encoderRate = 0 } = how;
  const indices = vectors.map((z) => nearestCode(z, codes));
  const gradient = codebookGradient(codes, vectors, indices);
  const moved = !encoderRate ? vectors : vectors.map((z, i) => {
    const { copied, commitment } = encoderGradient(z, codes[indices[i]], targets[i], beta);
    return z.map((value, d) => value - encoderRate * (copied[d] + commitment[d]));
  });
  // The codes are the state: a code that was moved by hand goes on from where it was put.
  const sums = codes.map((code, k) => code.map((value) => counts[k] * value));
  let next = emaStep(counts, sums, vectors, indices, decay);
  if (update === "gradient") next.codes = codes.map((code) => [...code]);
  let restarted = codes.map(() => false);
  if (candidates) {
    const after = restartDeadCodes(next.counts, next.sums, candidates);
    restarted = after.dead;
    next = { counts: after.counts, codes: next.codes.map((code, k) => (restarted[k] ? after.codes[k] : code)) };
  }
  if (update === "gradient")
    next.codes = next.codes.map((code, k) => code.map((value, d) => value - rate * gradient[k][d]));
  return { codes: next.codes, counts: next.counts, vectors: moved, restarted };
}

/** The three terms of equation 3 for all vectors, and the perplexity. */
export function measure({ codes }, vectors, targets, beta) {
  const indices = vectors.map((z) => nearestCode(z, codes)), es = indices.map((k) => codes[k]);
  const distance = distanceLoss(vectors, es), usage = codeCounts(indices, codes.length);
  return {
    indices, usage, perplexity: perplexity(usage), codebook: distance, commitment: beta * distance,
    reconstruction: distanceLoss(es, targets) / 2,
  };
}

/** The cell of every code inside a box, as a polygon: the box, cut once for each other code. */
export function cells(codes, [left, bottom, right, top]) {
  return codes.map((code, k) => {
    let polygon = [[left, bottom], [right, bottom], [right, top], [left, top]];
    codes.forEach((other, j) => {
      if (j === k || squared(code, other) === 0) return;
      const side = (p) => squared(p, other) - squared(p, code); // above 0: nearer to code
      polygon = polygon.flatMap((p, i) => {
        const q = polygon[(i + 1) % polygon.length], [a, b] = [side(p), side(q)];
        const cut = [p[0] + ((q[0] - p[0]) * a) / (a - b), p[1] + ((q[1] - p[1]) * a) / (a - b)];
        return a >= 0 ? (b >= 0 ? [p] : [p, cut]) : b >= 0 ? [cut] : [];
      });
    });
    return polygon;
  });
}
