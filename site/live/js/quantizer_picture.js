// How the quantizer page is drawn: the plane with its cells, the usage of the codes, the history.

import { codeColor, color } from "./canvas.js";
import { arrow, label } from "./plane.js";
import { DEAD_BELOW, cells, encoderGradient, nearestCode } from "./vq.js";

export const BOX = [-4, -3, 4, 3];
const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark";

/** True for each code that the averages call dead. */
export function deadCodes(counts) {
  const fair = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return counts.map((count) => count < DEAD_BELOW * fair);
}

export function paintPlane(pen, { x, y, width, height }, state, { draw = "cells", beta = 0.25, focus = null } = {}) {
  const at = (point) => [x(point[0]), y(point[1])], { codes, counts, points } = state;
  const [ink, card, soft] = ["--ink", "--card", "--soft"].map((name) => color(name));
  const nearest = points.map((point) => nearestCode(point, codes));
  pen.lineJoin = "round";
  if (draw === "cells")
    cells(codes, BOX).forEach((polygon, k) => {
      pen.beginPath();
      for (const corner of polygon) pen.lineTo(...at(corner));
      pen.closePath();
      pen.fillStyle = dark() ? codeColor(k, 24, 30) : codeColor(k, 90, 55);
      pen.strokeStyle = card;
      pen.lineWidth = 2;
      pen.fill();
      pen.stroke();
    });
  else {
    pen.fillStyle = color("--shade");
    pen.fillRect(0, 0, width, height);
  }
  points.forEach((point, i) => {
    const own = codeColor(nearest[i], dark() ? 62 : 45);
    if (draw === "lines") {
      pen.strokeStyle = own;
      pen.lineWidth = 0.8;
      pen.beginPath();
      pen.moveTo(...at(point));
      pen.lineTo(...at(codes[nearest[i]]));
      pen.stroke();
    }
    pen.fillStyle = own;
    pen.globalAlpha = 0.75;
    pen.beginPath();
    pen.arc(...at(point), width < 420 ? 1.7 : 2.4, 0, 7);
    pen.fill();
    pen.globalAlpha = 1;
  });
  if (focus) paintPulls(pen, at, codes, focus, beta);
  const dead = deadCodes(counts);
  codes.forEach((code, k) => {
    pen.beginPath();
    pen.arc(...at(code), 9, 0, 7);
    pen.fillStyle = dead[k] ? card : ink;
    pen.strokeStyle = dead[k] ? soft : card;
    pen.lineWidth = 2;
    pen.fill();
    pen.stroke();
    pen.fillStyle = dead[k] ? soft : card;
    pen.font = "600 11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(k, at(code)[0], at(code)[1] + 4);
    pen.textAlign = "start";
    if (state.restarted?.[k]) {
      pen.strokeStyle = color("--accent");
      pen.beginPath();
      pen.arc(...at(code), 15, 0, 7);
      pen.stroke();
    }
  });
  if (focus) paintPoints(pen, at, codes, focus);
}

/** The line to the nearest code, the decoder's wish at z_q, its copy at z_e, and the commitment. */
function paintPulls(pen, at, codes, { z, t, trail }, beta) {
  const code = codes[nearestCode(z, codes)], { copied, commitment } = encoderGradient(z, code, t, beta);
  const red = color("--target");
  pen.strokeStyle = red;
  pen.lineWidth = 1.2;
  pen.globalAlpha = 0.5;
  pen.beginPath();
  for (const point of [...trail, z]) pen.lineTo(...at(point));
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([2, 4]);
  pen.beginPath();
  pen.moveTo(...at(z));
  pen.lineTo(...at(code));
  pen.strokeStyle = color("--ink");
  pen.stroke();
  pen.setLineDash([]);
  pen.lineWidth = 2.5;
  pen.strokeStyle = red;
  arrow(pen, at(code), at([code[0] - copied[0], code[1] - copied[1]]));
  arrow(pen, at(z), at([z[0] - copied[0], z[1] - copied[1]]), { dashed: true });
  pen.strokeStyle = color("--unread");
  arrow(pen, at(z), at([z[0] - commitment[0], z[1] - commitment[1]]));
}

function paintPoints(pen, at, codes, { z, t }) {
  const [ink, card, red] = ["--ink", "--card", "--target"].map((name) => color(name));
  pen.beginPath();
  for (let k = 0; k < 10; k++) {
    const turn = (k * Math.PI) / 5 - Math.PI / 2, far = k % 2 ? 4.5 : 11, [x, y] = at(t);
    pen.lineTo(x + far * Math.cos(turn), y + far * Math.sin(turn));
  }
  pen.closePath();
  pen.fillStyle = ink;
  pen.strokeStyle = card;
  pen.lineWidth = 2;
  pen.stroke();
  pen.fill();
  pen.beginPath();
  pen.arc(...at(z), 8, 0, 7);
  pen.fillStyle = red;
  pen.fill();
  pen.stroke();
  label(pen, "z_e", at(z)[0] + 12, at(z)[1] - 8, red, card);
  label(pen, "t", at(t)[0] + 12, at(t)[1] - 8, ink, card);
  const code = at(codes[nearestCode(z, codes)]);
  label(pen, "z_q", code[0] + 12, code[1] + 20, ink, card);
}

function title(pen, text) {
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = color("--soft");
  pen.fillText(text, 0, 11);
}

/** A bar for each code: how many of the points chose it. */
export function paintUsage(pen, width, height, usage) {
  title(pen, "use of each code");
  const most = Math.max(...usage, 1), step = width / usage.length;
  usage.forEach((count, k) => {
    const tall = (count / most) * (height - 36);
    pen.fillStyle = count ? codeColor(k, dark() ? 58 : 52) : color("--line");
    pen.fillRect(k * step + 1, height - 16 - Math.max(tall, 1.5), step - 2, Math.max(tall, 1.5));
    pen.fillStyle = color("--soft");
    pen.font = "10px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(k, (k + 0.5) * step, height - 3);
    pen.textAlign = "start";
  });
}

/** Perplexity and distance over the steps, each on a scale of its own. */
export function paintHistory(pen, width, height, history, n) {
  const lines = [["perplexity", "--read", (each) => each.perplexity / n],
    ["distance", "--target", (each) => each.codebook / Math.max(...history.map((one) => one.codebook), 1e-9)]];
  title(pen, "");
  let left = 0;
  for (const [name, of, value] of lines) {
    pen.fillStyle = pen.strokeStyle = color(of);
    pen.fillText(name, left, 11);
    left += pen.measureText(`${name}  `).width + 6;
    pen.lineWidth = 1.8;
    pen.beginPath();
    history.forEach((each, i) =>
      pen.lineTo((i / Math.max(history.length - 1, 1)) * width, height - 16 - value(each) * (height - 38)));
    pen.stroke();
  }
  pen.strokeStyle = color("--line");
  pen.lineWidth = 1;
  pen.strokeRect(-1, 18, width + 2, height - 34);
  pen.fillStyle = color("--soft");
  pen.textAlign = "right";
  pen.fillText(`${history.length - 1} steps`, width, height - 3);
  pen.textAlign = "start";
}
