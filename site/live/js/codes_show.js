// What the page "Speak in codes" shows of its state: three pictures, numbers, and the buttons.

import { grid, hiddenCanvas, sharp } from "./canvas.js";
import { outline, paintChanges, paintCodes, paintPicture } from "./codes_paint.js";

const find = (id) => document.getElementById(id);
const FEW = 10; // more classes than this are a list to choose from

/** A place as row and column, counted from 1. */
export const spoken = (place, side) => `row ${Math.floor(place / side) + 1}, column ${(place % side) + 1}`;

/** `now` is the state of the page (codes.js): it is read here, and never written. */
export function show(now) {
  const changed = () => Boolean(now.first) && now.field.done
    && now.first.codes.some((code, place) => code !== now.field.levels[place]);

  const redrawCodes = sharp(find("codes"), 1, (pen, width) => {
    if (!now.field) return;
    const { levels: codes, at, known } = now.field, { side, colorOf, isLight } = now.model;
    // The codes of a picture are all known: the reader's are those that are not the picture's.
    const own = (place) => known[place] >= 0 && !(now.given && codes[place] === now.first?.codes[place]);
    paintCodes(pen, width, side, { codes, at, own, colorOf, isLight, picked: now.picked });
    if (now.at !== null && now.at !== now.picked) outline(pen, width, side, now.at, "#8888", 3);
  });
  const redrawPicture = sharp(find("picture"), 1, (pen, width) => paint(pen, width, now.picture));
  const redrawOther = sharp(find("other"), 1, (pen, width) =>
    paint(pen, width, changed() ? now.first.picture : now.given, changed()));

  /** A picture, or how the present one differs from it; the places that are looked at in frames. */
  function paint(pen, width, values, differing = false) {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, width);
    if (!values) return;
    const { nColors, side } = now.model;
    if (differing) paintChanges(pen, width, now.picture, values, nColors);
    else paintPicture(pen, width, values, nColors);
    for (const [place, style] of [[now.at, "#999b"], [now.picked, "#d62728"]])
      if (place !== null) outline(pen, width, side, place, style, 2);
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
    find("go").disabled = false;
    find("step").disabled = field.done;
    const label = now.given ? null : now.label, list = find("classes").querySelector("select");
    if (list) list.value = label ?? "";
    else [...find("classes").children].forEach((button, n) => button.setAttribute("aria-pressed", n === label));
    find("picked").hidden = picked === null;
    if (picked !== null) {
      find("which").textContent = `Code ${field.levels[picked]} at ${spoken(picked, model.side)}`;
      find("back").disabled = field.levels[picked] === now.first.codes[picked];
    }
    tell(now.at ?? picked);
  }

  function tell(place) {
    const { field } = now, told = place !== null && place < field.at;
    find("code-bits").textContent = told ? field.bits(place).toFixed(1) : "–";
    find("code-words").textContent = told
      ? `bits for code ${field.levels[place]}, ${spoken(place, now.model.side)}` : "bits for a code: point at one";
    find("all-bits").textContent = field.at ? field.totalBits().toFixed(0) : "–";
    find("uniform").textContent = Math.round(now.model.size * Math.log2(now.model.nCodes));
  }

  const buttonOf = (text, onclick) =>
    Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick });

  return {
    redraw,
    changed,
    /** Mouse, finger and keys over the codes: a place to each function, null if they leave. */
    watchCodes(pick, point) {
      const place = (row, column) => row * now.model.side + column;
      grid(find("codes"), {
        size: () => [now.model.side, now.model.side],
        point: (row, column) => point(place(row, column)),
        choose: (row, column) => pick(place(row, column)),
        leave: () => point(null),
        say: (row, column) => {
          const p = place(row, column), { levels, at } = now.field;
          return `${spoken(p, now.model.side)}: ${p < at ? `code ${levels[p]}` : "not written"}`;
        },
      });
    },
    /** Choose by buttons or, of many, from a list. */
    classButtons(choose) {
      const { classes } = now.model;
      if (classes.length <= FEW)
        return find("classes").replaceChildren(...classes.map((name, n) => buttonOf(name, () => choose(n))));
      const list = document.createElement("select");
      list.setAttribute("aria-label", "Class");
      list.append(new Option("of the picture", ""), ...classes.map((name, n) => new Option(name, n)));
      list.options[0].hidden = true;
      list.onchange = () => choose(Number(list.value));
      find("classes").replaceChildren(list);
    },
    /** Each calls `choose` with its picture. */
    exampleButtons(choose) {
      const { examples, nColors } = now.model;
      find("examples").replaceChildren(...examples.map((values, n) => {
        const button = buttonOf("", () => choose(values)), canvas = hiddenCanvas();
        button.setAttribute("aria-label", `Encode picture ${n + 1} of the test set`);
        button.append(canvas);
        sharp(canvas, 1, (pen, width) => paintPicture(pen, width, values, nColors));
        return button;
      }));
    },
  };
}
