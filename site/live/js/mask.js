// The page of the mask: which pixels a prediction reads. The arithmetic is in reach.js.

import { between, calm, color, control, grid, sharp } from "./canvas.js";
import { blindShare, count, has, horizontalTaps, isPast, layersNeeded, maskedTaps, path, reads,
  verticalTaps } from "./reach.js";

/** The map itself, for the page and for the still on the index. */
export function paintMap(pen, width, settings, target, probe = null) {
  const { side } = settings, cell = width / side, gap = Math.min(1.5, cell / 14);
  const set = reads(settings, target), needed = layersNeeded(settings, target);
  const [near, far, unread, rest, ink] =
    ["--read", "--read-far", "--unread", "--rest", "--ink"].map((name) => color(name));
  const box = (row, column, inset) => {
    pen.beginPath();
    pen.roundRect(column * cell + inset, row * cell + inset, cell - 2 * inset, cell - 2 * inset, cell / 9);
  };
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const read = has(set, row, column), past = isPast([row, column], target);
      const depth = (needed[row * side + column] - 1) / Math.max(settings.depth - 1, 3);
      pen.fillStyle = read ? between(near, far, depth) : past ? unread : rest;
      box(row, column, gap);
      pen.fill();
      if (past && !read) { // a dot as well, for readers who do not see the two colours apart
        pen.fillStyle = "#0003";
        pen.beginPath();
        pen.arc((column + 0.5) * cell, (row + 0.5) * cell, Math.max(1.2, cell / 14), 0, 7);
        pen.fill();
      }
    }
  pen.lineWidth = Math.max(2, cell / 11);
  pen.strokeStyle = color("--target");
  box(...target, pen.lineWidth / 2);
  pen.stroke();
  if (!probe) return;
  pen.lineWidth = 1.5;
  pen.strokeStyle = ink;
  box(...probe, 1);
  pen.stroke();
  const way = path(settings, probe, target);
  if (way) paintWay(pen, way, cell, ink);
}

/** The places of a message as dots, joined by arrows; a place where it stays a layer is one dot. */
function paintWay(pen, way, cell, ink) {
  const at = ([row, column]) => [(column + 0.5) * cell, (row + 0.5) * cell];
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = Math.max(1.6, cell / 18);
  pen.lineCap = "round";
  for (let k = 1; k < way.length; k++) {
    const [x, y] = at(way[k - 1]), [toX, toY] = at(way[k]);
    const far = Math.hypot(toX - x, toY - y);
    if (!far) continue;
    const [alongX, alongY] = [(toX - x) / far, (toY - y) / far], short = cell * 0.17, head = cell * 0.17;
    const [endX, endY] = [toX - alongX * short, toY - alongY * short];
    pen.beginPath();
    pen.moveTo(x + alongX * short, y + alongY * short);
    pen.lineTo(endX, endY);
    for (const turn of [0.5, -0.5]) {
      const [c, s] = [Math.cos(turn), Math.sin(turn)];
      pen.moveTo(endX, endY);
      pen.lineTo(endX - head * (alongX * c - alongY * s), endY - head * (alongX * s + alongY * c));
    }
    pen.stroke();
  }
  for (const place of way.slice(0, -1)) {
    pen.beginPath();
    pen.arc(...at(place), Math.max(1.8, cell / 12), 0, 7);
    pen.fill();
  }
}

/** The kernels of the network, side by side: [name, taps] each. */
export function kernels({ kernel, first, stacks, depth }) {
  if (stacks === 2)
    return [["vertical", verticalTaps(kernel)], ["horizontal, first", horizontalTaps(kernel, first)],
      ...(depth > 1 ? [["horizontal, later", horizontalTaps(kernel, "B")]] : [])];
  return [[`first layer: ${first}`, maskedTaps(kernel, first)],
    ...(depth > 1 ? [["later layers: B", maskedTaps(kernel, "B")]] : [])];
}

function paintKernels(pen, width, settings) {
  const cell = Math.min(width / 3.6 / settings.kernel, 22), reach = (settings.kernel - 1) / 2;
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  kernels(settings).forEach(([name, taps], n, all) => {
    const left = (width / all.length) * n;
    pen.fillStyle = color("--soft");
    pen.fillText(name, left, 12);
    for (let row = 0; row < settings.kernel; row++)
      for (let column = 0; column < settings.kernel; column++) {
        const read = taps.some(([up, right]) => up === reach - row && right === column - reach);
        pen.fillStyle = color(read ? "--read" : "--rest");
        pen.beginPath();
        pen.roundRect(left + column * cell, 20 + row * cell, cell - 1.5, cell - 1.5, 2);
        pen.fill();
      }
    pen.strokeStyle = color("--target");
    pen.lineWidth = 1.5;
    pen.strokeRect(left + reach * cell + 0.5, 20.5 + reach * cell, cell - 2.5, cell - 2.5);
  });
}

const percent = (share) => `${(100 * share).toFixed(share && share < 0.1 ? 1 : 0)}%`;

function start() {
  const find = (name) => document.getElementById(name);
  const settings = { side: 11, depth: 8, kernel: 3, first: "A", stacks: 1 };
  let target = [7, 4], probe = [5, 5];
  const map = find("map");
  const redraw = sharp(map, 1, (pen, width) => paintMap(pen, width, settings, target, probe));
  const height = () => 24 + Math.min(find("kernels").clientWidth / 3.6, 22 * settings.kernel);
  const redrawKernels = sharp(find("kernels"), (width) => height() / width,
    (pen, width) => paintKernels(pen, width, settings));

  const words = (row, column) => {
    const set = reads(settings, target), place = `Row ${row}, column ${column}`;
    if (row === target[0] && column === target[1])
      return has(set, row, column) ? `${place} is to be predicted, and the network sees it. It would copy it.`
        : `${place} is the pixel to be predicted.`;
    if (!isPast([row, column], target))
      return `${place} comes later${has(set, row, column) ? ", and is read: a leak" : "; it is not read"}.`;
    const way = path(settings, [row, column], target);
    if (!way) return `${place} comes earlier, but no way leads from it to the red pixel.`;
    const needed = layersNeeded(settings, target)[row * settings.side + column];
    return `${place} is read. It takes ${needed} layer${needed > 1 ? "s" : ""}.`;
  };
  const keys = grid(map, {
    size: () => [settings.side, settings.side],
    point: (row, column) => { probe = [row, column]; tell(); },
    choose: (row, column) => { target = [row, column]; probe = null; tell(); },
    leave: () => {},
    say: words,
  });

  function tell() {
    const { past, blind, leaks } = count(reads(settings, target), target);
    find("blind").textContent = past ? percent(blind / past) : "–";
    find("of").textContent = past ? `of its past is hidden: ${blind} of ${past} pixels` : "The first pixel has no past.";
    find("way").textContent = probe ? words(...probe) : leaks
      ? "The network sees the pixel that it should predict. It would copy it."
      : `Row ${target[0]}, column ${target[1]} is the pixel to be predicted. Point at another to see its way.`;
    redraw();
  }
  function change(name, value) {
    if (settings[name] === value) return;
    settings[name] = value;
    const last = settings.side - 1;
    target = target.map((at) => Math.min(at, last));
    if (probe) probe = probe.map((at) => Math.min(at, last));
    keys.at(...target);
    find("all").textContent = percent(blindShare(settings));
    find("kernels-words").textContent = settings.stacks === 2
      ? "Blue taps are read. The vertical stack sees the rows above; the horizontal one reads it."
      : "Blue taps are read. Red is the centre.";
    find("kernels").setAttribute("aria-label", kernels(settings).map(([name, taps]) =>
      `${name}: ${taps.length} of ${settings.kernel ** 2} taps are read`).join("; "));
    redrawKernels();
    tell();
  }
  for (const name of ["depth", "side"]) control(find(name), (value) => change(name, value));
  find("depth").addEventListener("pointerdown", () => clearInterval(growing));
  for (const name of ["stacks", "kernel", "first"])
    for (const input of document.getElementsByName(name))
      input.onchange = () => change(name, name === "first" ? input.value : Number(input.value));

  let growing = 0;
  const setDepth = (depth) => {
    find("depth").value = depth;
    find("depth").dispatchEvent(new Event("input"));
  };
  find("grow").onclick = () => {
    clearInterval(growing);
    const last = Math.max(settings.depth, 8);
    if (calm()) return setDepth(settings.depth % 16 + 1);
    setDepth(1);
    growing = setInterval(() => {
      if (settings.depth >= last) clearInterval(growing);
      else setDepth(settings.depth + 1);
    }, 550);
  };
  settings.kernel = 0; // so that the first change is one
  change("kernel", 3);
}

if (globalThis.document?.getElementById("map")) start();
