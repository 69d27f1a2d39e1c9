// What the page "Speak in codes" shows of its state: three pictures, numbers, and the buttons.

import { hiddenCanvas, sharp } from "./canvas.js";
import { PICTURE, SIDE } from "./codes_model.js";
import { cells, changes, greys, outline, paintCodes } from "./codes_paint.js";

const find = (id) => document.getElementById(id);

/** A place as row and column, counted from 1. */
export const spoken = (place) => `row ${Math.floor(place / SIDE) + 1}, column ${(place % SIDE) + 1}`;

/** `now` is the state of the page (codes.js): it is read here, and never written. */
export function show(now) {
  const changed = () => Boolean(now.first) && now.field.done
    && now.first.codes.some((code, place) => code !== now.field.levels[place]);

  const redrawCodes = sharp(find("codes"), 1, (pen, width) => {
    if (!now.field) return;
    const { levels: codes, at, known } = now.field, { colors } = now.model;
    // The codes of a picture are all known: the reader's are those that are not the picture's.
    const own = (place) => known[place] >= 0 && !(now.given && codes[place] === now.first?.codes[place]);
    paintCodes(pen, width, SIDE, { codes, at, own, colors, picked: now.picked });
    if (now.at !== null && now.at !== now.picked) outline(pen, width, SIDE, now.at, "#8888", 3);
  });
  const redrawPicture = sharp(find("picture"), 1, (pen, width) =>
    paint(pen, width, now.picture && greys(now.picture)));
  const redrawOther = sharp(find("other"), 1, (pen, width) =>
    paint(pen, width, changed() ? changes(now.picture, now.first.picture) : now.given && greys(now.given)));

  function paint(pen, width, fillOf) {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, width);
    if (fillOf) cells(pen, width, PICTURE, fillOf);
    for (const [place, style] of [[now.at, "#999b"], [now.picked, "#d62728"]])
      if (place !== null) outline(pen, width, SIDE, place, style, 2);
  }

  function redraw() {
    const { field, model, picked } = now, other = changed();
    for (const each of [redrawCodes, redrawPicture, redrawOther]) each();
    find("beside").hidden = !other && !now.given;
    find("other-words").textContent = other
      ? "what your change changed: orange lighter, blue darker" : "the picture that was encoded";
    find("other").setAttribute("aria-label", find("other-words").textContent);
    find("picture").setAttribute("aria-label", `What the decoder draws${now.given ? "" : `: ${model.classes[now.label]}`}`);
    find("go").textContent = now.running ? "Pause" : field.done ? "Another one" : "Go on";
    find("go").disabled = now.label === null;
    find("step").disabled = field.done;
    [...find("classes").children].forEach((button, n) =>
      button.setAttribute("aria-pressed", !now.given && n === now.label));
    find("picked").hidden = picked === null;
    if (picked !== null) {
      find("which").textContent = `Code ${field.levels[picked]} at ${spoken(picked)}`;
      find("back").disabled = field.levels[picked] === now.first.codes[picked];
    }
    tell(now.at ?? picked);
  }

  function tell(place) {
    const { field } = now, told = place !== null && place < field.at;
    find("code-bits").textContent = told ? field.bits(place).toFixed(1) : "–";
    find("code-words").textContent = told
      ? `bits for code ${field.levels[place]}, ${spoken(place)}` : "bits for a code: point at one";
    find("all-bits").textContent = field.at ? field.totalBits().toFixed(0) : "–";
  }

  const buttonOf = (text, onclick) =>
    Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick });

  return {
    redraw,
    changed,
    classButtons(choose) {
      find("classes").replaceChildren(...now.model.classes.map((name, n) => buttonOf(name, () => choose(n))));
    },
    /** Each calls `choose` with the levels of its garment. */
    exampleButtons(choose) {
      const { examples, classes, nLevels } = now.model;
      find("examples").replaceChildren(...examples.map((example, n) => {
        const button = buttonOf("", () => choose(Int16Array.from(example, (v) => Math.floor((v * nLevels) / 256))));
        const canvas = hiddenCanvas(), values = Float32Array.from(example, (v) => v / 255);
        button.setAttribute("aria-label", `Encode a garment: ${classes[n]}`);
        button.append(canvas);
        sharp(canvas, 1, (pen, width) => cells(pen, width, PICTURE, greys(values)));
        return button;
      }));
    },
  };
}
