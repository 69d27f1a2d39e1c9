// Convolutions over a whole field, of which the encoder and the decoder of a VQVAE are made.
// Features lie channels last, with a border of zeros one pixel wide: kernels may reach over the edge.

import { Numbers, matricesOf, product, relu } from "./products.js";

export function field(height, width, channels) {
  const data = new Numbers((height + 2) * (width + 2) * channels);
  const at = (y, x) => ((y + 1) * (width + 2) + x + 1) * channels;
  return { height, width, channels, data, at };
}

/** One layer after the other. */
export const chain = (layers) => (x) => layers.reduce((features, layer) => layer(features), x);

export const rectified = (x) => ({ ...x, data: relu(x.data.slice()) });

/** 1x1 or 3x3 of stride 1, or 4x4 of stride 2: padded so that the size stays, or is halved. */
export function convolution({ weight, bias }) {
  const [nOut, nIn, side] = weight.shape, matrices = matricesOf(weight);
  const stride = side === 4 ? 2 : 1, reach = side === 1 ? 0 : 1;
  return (x) => {
    const out = field(x.height / stride, x.width / stride, nOut);
    for (let y = 0; y < out.height; y++)
      for (let c = 0; c < out.width; c++) {
        const at = out.at(y, c);
        out.data.set(bias.data, at);
        for (let r = 0; r < side; r++) {
          const from = x.at(y * stride + r - reach, c * stride - reach);
          product(out.data, at, matrices[r], nOut, x.data, from, side * nIn);
        }
      }
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
    const out = field(2 * x.height, 2 * x.width, nOut);
    for (let y = 0; y < out.height; y++)
      for (let c = 0; c < out.width; c++) {
        const at = out.at(y, c), dy = y % 2, dx = c % 2;
        out.data.set(bias.data, at);
        for (let r = 0; r < 2; r++) {
          const from = x.at((y >> 1) + dy - 1 + r, (c >> 1) + dx - 1);
          product(out.data, at, corners[dy][dx][r], nOut, x.data, from, 2 * nIn);
        }
      }
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
