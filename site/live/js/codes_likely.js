// The choice of another code: the likeliest as small pictures, and a slider over all of them.

import { hiddenCanvas, sharp } from "./canvas.js";
import { paintPicture } from "./codes_paint.js";

const N_SHOWN = 8;
const percent = (share) => (share >= 0.001 ? `${(100 * share).toFixed(1)} %` : "< 0.1 %");

/**
 * change(code)       is called when the reader has chosen one
 * pictureWith(code)  is the picture that the choice would give, of nColors() colours
 */
export function likelyCodes({ change, pictureWith, nColors }) {
  const rank = document.getElementById("rank"), list = document.getElementById("likely");
  const shown = rank.closest("label").querySelector("output");
  let order = [], shares = [], run = 0;
  const buttons = Array.from({ length: N_SHOWN }, (_, n) => {
    const button = document.createElement("button"), canvas = hiddenCanvas();
    const words = document.createElement("span"), one = { picture: null };
    button.type = "button";
    button.onclick = () => choose(n);
    button.append(canvas, words);
    const redraw = sharp(canvas, 1, (pen, width) => {
      if (one.picture) paintPicture(pen, width, one.picture, nColors());
    });
    return Object.assign(one, { button, words, redraw });
  });
  list.replaceChildren(...buttons.map(({ button }) => button));
  rank.addEventListener("input", () => choose(Number(rank.value)));

  function choose(n) {
    mark(n);
    change(order[n]);
  }
  function mark(n) {
    rank.value = n;
    shown.textContent = `code ${order[n]}, ${percent(shares[order[n]])}`;
    rank.setAttribute("aria-valuetext", shown.textContent);
    buttons.forEach(({ button }, k) => button.setAttribute("aria-pressed", k === n));
  }

  return {
    /** For a place of a field; the small pictures come one a frame. */
    async show(field, place) {
      const mine = ++run;
      shares = [...field.sharesAt(place)];
      order = shares.map((_, code) => code).sort((a, b) => shares[b] - shares[a]);
      rank.max = order.length - 1;
      mark(order.indexOf(field.levels[place]));
      for (const [n, one] of buttons.entries()) {
        one.words.textContent = percent(shares[order[n]]);
        one.button.setAttribute("aria-label", `Code ${order[n]}, ${percent(shares[order[n]])}`);
        one.picture = pictureWith(order[n]);
        one.redraw();
        await new Promise(requestAnimationFrame);
        if (mine !== run) return;
      }
    },
  };
}
