// A model with one latent number, as tutorial_lib.codes.one_latent: its evidence, posterior and
// bounds are sums over a grid.
//
//     p(z) = N(0, 1)      p(x_i = 1 | z) = sigmoid(logit_i(z))      x of n binary pixels
//
// Every cost is in nats, a negative logarithm: above 0 for the pictures here, and smaller is better.

const logNormal = (z, mean, std) => -(((z - mean) / std) ** 2) / 2 - Math.log(std) - Math.log(2 * Math.PI) / 2;
const logSigmoid = (logit) => Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));
export const normalDensity = (z, mean, std) => Math.exp(logNormal(z, mean, std));

function logSumExp(values) {
  let most = -Infinity, sum = 0;
  for (const value of values) most = Math.max(most, value);
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}

/** A strip of pixels from -2 to 2 with one bright blob, one pixel wide, at z. */
export function blobOnAStrip(n = 9, { reach = 2, width = 1, contrast = 6, limit = 12, nPoints = 6001 } = {}) {
  const places = Array.from({ length: n }, (_, i) => -reach + (2 * reach * i) / (n - 1));
  const spread = (width * reach * 2) / (n - 1), dz = (2 * limit) / (nPoints - 1);
  const z = Float64Array.from({ length: nPoints }, (_, i) => -limit + i * dz);
  const logits = (at) => places.map((place) => contrast * (Math.exp(-(((at - place) / spread) ** 2) / 2) - 0.5));
  return { n, z, dz, limit, logits };
}

/** The probability of each pixel to be bright, for one z. */
export const brightness = (model, z) => model.logits(z).map((logit) => Math.exp(logSigmoid(logit)));

/** log p(x|z) of one picture of 0s and 1s. */
export function logLikelihood(model, levels, z) {
  return model.logits(z).reduce((sum, logit, i) => sum + logSigmoid(levels[i] ? logit : -logit), 0);
}

/** What is known of one picture: log p(x|z) on the grid, log p(x), and log p(z|x). */
export function seen(model, levels) {
  const likelihood = model.z.map((z) => logLikelihood(model, levels, z));
  const joint = likelihood.map((value, i) => value + logNormal(model.z[i], 0, 1));
  const evidence = logSumExp(joint) + Math.log(model.dz);
  return { likelihood, evidence, logPosterior: joint.map((value) => value - evidence) };
}

/** Whether the grid is fine and wide enough for this q. */
export const fits = (model, mean, std) => std >= 3 * model.dz && Math.abs(mean) + 6 * std <= model.limit;

/**
 * The costs for q = N(mean, std^2), all in nats: reconstruction + kl = evidence + gap, of which the
 * four are computed apart from each other. bound is the ELBO, a lower bound on log p(x).
 */
export function costs(model, { likelihood, evidence, logPosterior }, mean, std) {
  let sum = 0, expected = 0, gap = 0;
  const place = (z) => Math.round((z + model.limit) / model.dz); // on the grid
  const first = Math.max(0, place(mean - 9 * std)), last = Math.min(model.z.length - 1, place(mean + 9 * std));
  for (let i = first; i <= last; i++) {
    const log_q = logNormal(model.z[i], mean, std), weight = Math.exp(log_q);
    sum += weight;
    expected += weight * likelihood[i];
    gap += weight * (log_q - logPosterior[i]);
  }
  const kl = (mean ** 2 + std ** 2 - 1) / 2 - Math.log(std), reconstruction = -expected / sum;
  return { reconstruction, kl, gap: gap / sum, evidence: -evidence, bound: -reconstruction - kl };
}

/** Mean and width with the largest bound, from the best of a coarse grid of both. */
export function bestGaussian(model, known) {
  const bound = ([mean, std]) => (fits(model, mean, std) ? costs(model, known, mean, std).bound : -Infinity);
  const better = (options) => options.reduce((best, each) => (each.bound > best.bound ? each : best));
  const rated = (q) => ({ q, bound: bound(q) });
  const starts = [];
  for (let mean = -6; mean <= 6; mean++)
    for (const std of [0.1, 0.2, 0.35, 0.6, 1]) starts.push(rated([mean / 2, std]));
  let best = better(starts);
  for (let step = 0.25; step > 1e-5;) {
    const [mean, std] = best.q, factor = Math.exp(step);
    const closer = better([[mean + step, std], [mean - step, std], [mean, std * factor], [mean, std / factor]].map(rated));
    if (closer.bound > best.bound) best = closer;
    else step /= 2;
  }
  return { mean: best.q[0], std: best.q[1] };
}

/** K codes, evenly spaced from -2 to 2, each with prior 1/K: a VQ-VAE with one position. */
export const codePlaces = (n) => Array.from({ length: n }, (_, k) => -2 + (4 * k) / (n - 1));

/** The same costs for a q that puts everything on code k: kl is log K, whichever k it is. */
export function codeCosts(model, levels, places, k) {
  const log_joint = places.map((z) => logLikelihood(model, levels, z) - Math.log(places.length));
  const evidence = logSumExp(log_joint), posterior = log_joint.map((value) => Math.exp(value - evidence));
  const reconstruction = -logLikelihood(model, levels, places[k]), kl = Math.log(places.length);
  const gap = evidence - log_joint[k]; // -log p(code k | x)
  return { reconstruction, kl, gap, evidence: -evidence, bound: -reconstruction - kl, posterior };
}
