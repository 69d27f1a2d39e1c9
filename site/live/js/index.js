// The stills of the index: small pictures by the pages' own drawing functions, light or dark.

import { onTheme } from "./canvas.js";
import { paintMap } from "./mask.js";
import { BOX, paintPlane } from "./quantizer_picture.js";
import { advance, fresh } from "./quantizer.js";
import { BOX as Z_BOX, paintCurves } from "./bound_picture.js";
import { viewOf } from "./bound.js";
import { blobOnAStrip } from "./latent.js";

const how = { update: "ema", decay: 0.74, rate: 0.5, beta: 0.25, encoderRate: 0, restart: true };
let trained = fresh("clouds", 8, 2);
for (let step = 0; step < 60; step++) trained = advance(trained, how);
trained = { ...trained, restarted: [] };
const strip = viewOf(blobOnAStrip(9), [0, 0, 0, 0, 0, 1, 0, 0, 0], { mean: -0.7, std: 0.55 });

const scales = ([left, bottom, right, top], width, height) => ({
  width, height,
  x: (value) => ((value - left) / (right - left)) * width,
  y: (value) => ((top - value) / (top - bottom)) * height,
});

const stills = {
  "still-mask": (pen, width) =>
    paintMap(pen, width, { side: 9, depth: 8, kernel: 3, first: "A", stacks: 1 }, [6, 3]),
  "still-quantizer": (pen, width, height) => paintPlane(pen, scales(BOX, width, height), trained),
  "still-bound": (pen, width, height) => paintCurves(pen, scales(Z_BOX, width, height), strip, { handles: false }),
};

/** Drawn a little larger than they are shown, so that points and words come out small. */
const DOTS = { "still-mask": 2, "still-quantizer": 1.4, "still-bound": 1.5 };
function paint() {
  for (const [id, draw] of Object.entries(stills)) {
    const canvas = document.getElementById(id), pen = canvas.getContext("2d"), dots = DOTS[id];
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    draw(pen, canvas.width / dots, canvas.height / dots);
  }
}
onTheme(paint);
paint();
