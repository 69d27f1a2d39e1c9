// Convolutions over a whole field, of which the encoder and the decoder of a VQVAE are made.
// Features lie channels last, with a border of zeros one pixel wide: kernels may reach over the edge.

import { Numbers, matricesOf, products, relu } from "./products.js";

export function field(height, width, channels) {
  const data = new Numbers((height + 2) * (width + 2) * channels);
  const at = (y, x) => ((y + 1) * (width + 2) + x + 1) * channels;
  return { height, width, channels, data, at };
}

/** Every pixel begins with the bias; the border stays zero. */
function filled(height, width, { data: bias }) {
  const out = field(height, width, bias.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) out.data.set(bias, out.at(y, x));
  return out;
}

/** One layer after the other. */
export const chain = (layers) => (x) => layers.reduce((features, layer) => layer(features), x);

export const rectified = (x) => ({ ...x, data: relu(x.data.slice()) });

/** 1x1 or 3x3 of stride 1, or 4x4 of stride 2: padded so that the size stays, or is halved. */
export function convolution({ weight, bias }) {
  const [nOut, nIn, side] = weight.shape, matrices = matricesOf(weight);
  const stride = side === 4 ? 2 : 1, reach = side === 1 ? 0 : 1;
  return (x) => {
    const out = filled(x.height / stride, x.width / stride, bias);
    for (let y = 0; y < out.height; y++)
      for (let r = 0; r < side; r++)
        products(out.width, out.data, out.at(y, 0), nOut, matrices[r], nOut,
          x.data, x.at(y * stride + r - reach, -reach), stride * nIn, side * nIn);
    return out;
  };
}

/**
 * A transposed convolution 4x4 of stride 2, which doubles the size. A pixel of the output reads only
 * 2x2 of the 16 taps: rows (columns) 3 and 1 of the kernel if its row is even, 2 and 0 if it is odd.
 * So there are four small kernels, one for each corner of a pixel that becomes 2x2.
 */
export function transposed({ weight: { shape: [nIn, nOut], data }, bias }) {
  const taps = [[3, 1], [2, 0]];
  const kernel = (rows, columns) => ({
    shape: [nOut, nIn, 2, 2],
    data: Numbers.from({ length: nOut * nIn * 4 }, (_, n) => {
      const o = Math.floor(n / (nIn * 4)), i = Math.floor(n / 4) % nIn;
      return data[((i * nOut + o) * 4 + rows[(n >> 1) % 2]) * 4 + columns[n % 2]];
    }),
  });
  const corners = taps.map((rows) => taps.map((columns) => matricesOf(kernel(rows, columns))));
  return (x) => {
    const out = filled(2 * x.height, 2 * x.width, bias);
    for (let y = 0; y < out.height; y++)
      for (const dx of [0, 1])
        for (const r of [0, 1])
          products(x.width, out.data, out.at(y, dx), 2 * nOut, corners[y % 2][dx][r], nOut,
            x.data, x.at((y >> 1) + (y % 2) - 1 + r, dx - 1), nIn, 2 * nIn);
    return out;
  };
}

/** x + 1x1(ReLU(3x3(ReLU(x)))) */
export function residualBlock(wide, pointwise) {
  const around = chain([rectified, convolution(wide), rectified, convolution(pointwise)]);
  return (x) => {
    const out = around(x);
    for (let i = 0; i < out.data.length; i++) out.data[i] += x.data[i];
    return out;
  };
}

/** {weight, bias} of a layer of `tensors`. */
export const layerOf = (tensors, name) =>
  ({ weight: tensors[`${name}.weight`], bias: tensors[`${name}.bias`] });

/** The residual blocks numbered first .. first + n - 1. */
export const blocksOf = (tensors, name, first, n) =>
  Array.from({ length: n }, (_, i) => {
    const part = (which) => layerOf(tensors, `${name}.${first + i}.${which}`);
    return residualBlock(part("wide"), part("pointwise"));
  });
