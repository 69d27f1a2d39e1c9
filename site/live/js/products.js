// The product that all networks here are made of, and the draw that ends it.

export const Numbers = Float32Array; // products are summed in double, kept in single precision

/**
 * out[at + o] += sum_i matrix[o * nIn + i] * x[from + i], for nOut outputs.
 * Four outputs at a time: each x is fetched once for four multiplications.
 */
export function product(out, at, matrix, nOut, x, from, nIn) {
  let o = 0;
  for (; o + 3 < nOut; o += 4) {
    const p = o * nIn, q = p + nIn, r = q + nIn, s = r + nIn;
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < nIn; i++) {
      const value = x[from + i];
      a += matrix[p + i] * value;
      b += matrix[q + i] * value;
      c += matrix[r + i] * value;
      d += matrix[s + i] * value;
    }
    out[at + o] += a;
    out[at + o + 1] += b;
    out[at + o + 2] += c;
    out[at + o + 3] += d;
  }
  for (; o < nOut; o++) {
    let a = 0;
    for (let i = 0; i < nIn; i++) a += matrix[o * nIn + i] * x[from + i];
    out[at + o] += a;
  }
}

/** A kernel (out, in, rows, columns), taken apart: a matrix (out, columns * in) for each row. */
export function matricesOf({ shape: [nOut, nIn, rows, columns], data }) {
  return Array.from({ length: rows }, (_, r) => {
    const matrix = new Numbers(nOut * columns * nIn);
    for (let o = 0; o < nOut; o++)
      for (let c = 0; c < columns; c++)
        for (let i = 0; i < nIn; i++)
          matrix[(o * columns + c) * nIn + i] = data[((o * nIn + i) * rows + r) * columns + c];
    return matrix;
  });
}

/** Probabilities of all levels, in double. */
export function softmax(logits, temperature = 1) {
  let most = -Infinity, total = 0;
  for (const logit of logits) if (logit > most) most = logit;
  const shares = Float64Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
  for (const share of shares) total += share;
  if (!(total > 0)) throw new Error("the logits hold NaN: the model they come from is broken");
  return shares.map((share) => share / total);
}

/** Inverse CDF: the level into whose step of the cumulative distribution `uniform` falls. */
export function draw(shares, uniform) {
  // A sum that rounds to less than 1 would leave a gap for levels of probability 0 at the end.
  const target = uniform * shares.reduce((sum, share) => sum + share, 0);
  let sum = 0;
  for (let level = 0; level < shares.length - 1; level++) {
    sum += shares[level];
    if (target < sum) return level;
  }
  return shares.length - 1;
}

export function relu(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
  return x;
}
