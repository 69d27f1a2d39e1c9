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

/**
 * The same at n positions, each `xStep` further in x and `outStep` further in out: two positions and
 * four outputs at a time, so that each number that is fetched serves two or four multiplications.
 */
export function products(n, out, at, outStep, matrix, nOut, x, from, xStep, nIn) {
  const even = n - (n % 2), whole = nOut - (nOut % 4);
  for (let pair = 0; pair < even; pair += 2) {
    const f = from + pair * xStep, g = f + xStep, t = at + pair * outStep, u = t + outStep;
    for (let o = 0; o < whole; o += 4) {
      const p = o * nIn, q = p + nIn, r = q + nIn, s = r + nIn;
      let a = 0, b = 0, c = 0, d = 0, e = 0, h = 0, k = 0, l = 0;
      for (let i = 0; i < nIn; i++) {
        const v = x[f + i], w = x[g + i];
        const m = matrix[p + i], m1 = matrix[q + i], m2 = matrix[r + i], m3 = matrix[s + i];
        a += m * v, b += m1 * v, c += m2 * v, d += m3 * v;
        e += m * w, h += m1 * w, k += m2 * w, l += m3 * w;
      }
      out[t + o] += a, out[t + o + 1] += b, out[t + o + 2] += c, out[t + o + 3] += d;
      out[u + o] += e, out[u + o + 1] += h, out[u + o + 2] += k, out[u + o + 3] += l;
    }
  }
  const rest = matrix.subarray(whole * nIn);
  for (let p = 0; p < n; p++) {
    const f = from + p * xStep, t = at + p * outStep;
    if (p >= even) product(out, t, matrix, nOut, x, f, nIn);
    else if (whole < nOut) product(out, t + whole, rest, nOut - whole, x, f, nIn);
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
