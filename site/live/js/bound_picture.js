// How the page of the bound is drawn: the densities over z, the decoder below them, the two bars.

import { between, color } from "./canvas.js";
import { label } from "./plane.js";
import { brightness, normalDensity } from "./latent.js";

export const SHOWN = 4; // of z, to both sides
export const BOX = [-SHOWN, -0.1, SHOWN, 1]; // heights are shares of `top`; below 0 stands the axis
const font = (size, weight = "") => `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;

/** The largest density that is shown: it stays while q is dragged, until q is so narrow that it must grow. */
export function topOf(view) {
  if (view.mode === "codes") return 1.12;
  const posterior = view.known.logPosterior.reduce((most, value) => Math.max(most, value), -Infinity);
  return Math.max(1.35 * Math.exp(posterior), 1.2, 1.12 * normalDensity(0, 0, view.std));
}

/** Where the handles of q stand: its peak, and one width to the side. */
export function peak({ mean, std }, top) {
  const height = normalDensity(0, 0, std) / top;
  return { top: [mean, height], side: [mean + std, height * Math.exp(-0.5)] };
}

function axis(pen, { x, y, width }) {
  pen.strokeStyle = color("--line");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, y(0));
  pen.lineTo(width, y(0));
  pen.stroke();
  pen.fillStyle = color("--soft");
  pen.font = font(11);
  pen.textAlign = "center";
  for (let z = -3; z <= 3; z++) {
    pen.fillText(z ? z : "z = 0", x(z), y(0) + 14);
  }
  pen.textAlign = "start";
}

function curve(pen, { x, y }, density, top, { fill, line }) {
  pen.beginPath();
  for (let z = -SHOWN; z <= SHOWN + 1e-9; z += 0.02) pen.lineTo(x(z), y(density(z) / top));
  if (line) {
    pen.strokeStyle = line;
    pen.lineWidth = 2.5;
    pen.stroke();
  }
  if (!fill) return;
  pen.lineTo(x(SHOWN), y(0));
  pen.lineTo(x(-SHOWN), y(0));
  pen.fillStyle = fill;
  pen.fill();
}

export function paintCurves(pen, scales, view, { handles = true } = {}) {
  const top = topOf(view), [rest, read, unread, ink, card] =
    ["--rest", "--read", "--unread", "--ink", "--card"].map((name) => color(name));
  axis(pen, scales);
  if (view.mode === "codes") return paintStems(pen, scales, view, top, { rest, read, unread, ink, card });
  const { z, dz, limit } = view.model, posterior = view.known.logPosterior;
  const at = (place) => Math.exp(posterior[Math.round((place + limit) / dz)] ?? posterior[z.length - 1]);
  curve(pen, scales, (place) => normalDensity(place, 0, 1), top, { fill: rest });
  curve(pen, scales, at, top, { fill: `${read}33`, line: read });
  curve(pen, scales, (place) => normalDensity(place, view.mean, view.std), top, { fill: `${unread}4d`, line: unread });
  if (!handles) return;
  const { top: high, side } = peak(view, top);
  for (const [place, radius] of [[high, 9], [side, 7]]) {
    pen.beginPath();
    pen.arc(scales.x(place[0]), scales.y(place[1]), radius, 0, 7);
    pen.fillStyle = unread;
    pen.strokeStyle = card;
    pen.lineWidth = 2.5;
    pen.fill();
    pen.stroke();
  }
  label(pen, "q", scales.x(high[0]) + 13, scales.y(high[1]) + 5, ink, card);
  label(pen, "width", scales.x(side[0]) + 11, scales.y(side[1]) + 5, color("--soft"), card);
}

/** One-hot q: three stems at each code, its prior, its posterior and q. */
function paintStems(pen, { x, y }, { places, code, costs }, top, { rest, read, unread, card }) {
  const wide = Math.min(14, (x(places[1]) - x(places[0])) / 4);
  places.forEach((z, k) => {
    const stem = (left, share, fill) => {
      pen.fillStyle = fill;
      pen.fillRect(x(z) + left * wide, y(share / top), wide - 1, y(0) - y(share / top));
    };
    stem(-1.5, 1 / places.length, rest);
    stem(-0.5, costs.posterior[k], read);
    if (k === code) stem(0.5, 1, unread);
  });
  pen.beginPath();
  pen.arc(x(places[code]) + wide, y(1 / top), 9, 0, 7);
  pen.fillStyle = unread;
  pen.strokeStyle = card;
  pen.lineWidth = 2.5;
  pen.fill();
  pen.stroke();
  label(pen, "q", x(places[code]) + wide + 13, y(1 / top) + 5, color("--ink"), card);
}

/** Each column: how probable each pixel is bright, for one z; with codes, a column for each code. */
export function paintDecoder(pen, width, height, view) {
  const { n } = view.model, [dark, bright] = [color("--shade"), color("--read")];
  const x = (z) => ((z + SHOWN) / (2 * SHOWN)) * width, tall = height / n;
  const column = (z, left, wide) => brightness(view.model, z).forEach((share, pixel) => {
    pen.fillStyle = between(dark, bright, share);
    pen.fillRect(left, pixel * tall, wide, tall - 2);
  });
  if (view.mode === "codes") {
    const wide = Math.min(26, x(view.places[1]) - x(view.places[0]) - 2);
    for (const z of view.places) column(z, x(z) - wide / 2, wide);
    pen.strokeStyle = color("--unread");
    pen.lineWidth = 2.5;
    pen.strokeRect(x(view.places[view.code]) - wide / 2 - 1, 0.5, wide + 2, height - 2);
    return;
  }
  for (let left = 0; left < width; left += 3) column(((left + 1.5) / width) * 2 * SHOWN - SHOWN, left, 3.5);
  pen.strokeStyle = color("--unread");
  for (const [z, wide] of [[view.mean, 2.5], [view.mean - view.std, 1], [view.mean + view.std, 1]]) {
    pen.lineWidth = wide;
    pen.beginPath();
    pen.moveTo(x(z), 0);
    pen.lineTo(x(z), height);
    pen.stroke();
  }
}

/** Above: what the bound charges, reconstruction and KL. Below: the cost of x, and the gap. */
export function paintBars(pen, width, height, { reconstruction, kl, evidence, gap }, kl_name) {
  const total = reconstruction + kl, usual = Math.max(8, 1.9 * evidence);
  const scale = (width - 2) / Math.max(usual, 1.02 * total), tall = 30;
  const rows = [
    ["cost with q, −ELBO", [["reconstruction", reconstruction, "--unread"], [kl_name, kl, "--rest"]]],
    ["cost of the picture, and the gap", [["−log p(x)", evidence, "--read"], ["gap", gap, "--target"]]],
  ];
  rows.forEach(([name, parts], row) => {
    const top = row * (tall + 30);
    let left = 0;
    pen.font = font(12);
    pen.fillStyle = color("--soft");
    pen.fillText(row ? name : `${name}: ${total.toFixed(2)} nats`, 0, top + 12);
    for (const [part, value, of] of parts) {
      const wide = Math.max(0, value) * scale;
      pen.fillStyle = color(of);
      pen.beginPath();
      pen.roundRect(left, top + 19, Math.max(wide - 2, 0.5), tall, Math.min(4, wide / 2));
      pen.fill();
      pen.font = font(12, "600");
      pen.fillStyle = of === "--read" || of === "--target" ? "#fff" : of === "--rest" ? color("--ink") : "#241603";
      const words = [`${part} ${value.toFixed(2)}`, value.toFixed(2)].find((each) => pen.measureText(each).width < wide - 10);
      if (words) pen.fillText(words, left + 6, top + 19 + tall / 2 + 4);
      left += wide;
    }
  });
  pen.setLineDash([3, 3]);
  pen.strokeStyle = color("--soft");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(total * scale - 1, 16);
  pen.lineTo(total * scale - 1, 2 * tall + 52);
  pen.stroke();
  pen.setLineDash([]);
}
