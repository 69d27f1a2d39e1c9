// Which pixels a prediction can read, found by walking back through the layers.
//
// Start with the target alone. One layer back, every place that is needed asks for the places that
// its kernel may read. After the first layer, what is needed lies in the image itself. A set of
// places is one whole number for each row, bit c for column c, so an image may have 31 columns.
// The kernels are those of tutorial_lib.pixels: masks, gated_layer.

const emptySet = (side) => new Int32Array(side);
const shifted = (bits, by) => (by >= 0 ? bits << by : bits >> -by);
export const has = (set, row, column) => row >= 0 && row < set.length && ((set[row] >> column) & 1) === 1;

/** The taps of a masked kernel as [rows up, columns to the right]: mask A without the centre. */
export function maskedTaps(kernel, type) {
  const reach = (kernel - 1) / 2, taps = [];
  for (let up = 0; up <= reach; up++)
    for (let right = -reach; right <= reach; right++)
      if (up > 0 || right < 0 || (right === 0 && type === "B")) taps.push([up, right]);
  return taps;
}

/** The vertical stack reads its own row and the rows above, the horizontal one its own row's left. */
export function verticalTaps(kernel) {
  const reach = (kernel - 1) / 2, taps = [];
  for (let up = 0; up <= reach; up++)
    for (let right = -reach; right <= reach; right++) taps.push([up, right]);
  return taps;
}
export const horizontalTaps = (kernel, type) => maskedTaps(kernel, type).filter(([up]) => up === 0);

/** All places that are read, through these taps, from the places of a set. */
function readFrom(set, taps, into = emptySet(set.length)) {
  const inside = 2 ** set.length - 1;
  for (let row = 0; row < set.length; row++) {
    if (!set[row]) continue;
    for (const [up, right] of taps)
      if (row - up >= 0) into[row - up] |= shifted(set[row], right) & inside;
  }
  return into;
}

const union = (a, b) => a.map((bits, row) => bits | b[row]);

/**
 * The walk back from `target` [row, column]: what is needed before each layer, the output first,
 * then what the last layer reads, then the one before. The last entry is the image itself.
 * Each is { vertical, horizontal }; a single stack uses `horizontal` alone.
 */
export function walkBack({ side, depth, kernel, first = "A", stacks = 1 }, [row, column]) {
  const start = { vertical: emptySet(side), horizontal: emptySet(side) };
  start.horizontal[row] = 1 << column;
  const sets = [start];
  for (let layer = depth; layer >= 1; layer--) {
    const after = sets.at(-1), type = layer === 1 ? first : "B";
    if (stacks === 1) {
      sets.push({ vertical: after.vertical, horizontal: readFrom(after.horizontal, maskedTaps(kernel, type)) });
      continue;
    }
    // The horizontal stack reads the vertical one at its own place, after this layer's convolution.
    const vertical = readFrom(union(after.vertical, after.horizontal), verticalTaps(kernel));
    sets.push({ vertical, horizontal: readFrom(after.horizontal, horizontalTaps(kernel, type)) });
  }
  return sets;
}

/** The pixels that the prediction of `target` reads. The vertical stack sees the image one row lower. */
export function reads(settings, target) {
  const { vertical, horizontal } = walkBack(settings, target).at(-1);
  return union(horizontal, readFrom(vertical, [[1, 0]]));
}

export const isPast = ([row, column], [targetRow, targetColumn]) =>
  row < targetRow || (row === targetRow && column < targetColumn);

/** Counts for one target: how much past there is, how much of it is read, and leaks. */
export function count(set, target) {
  let past = 0, read = 0, leaks = 0;
  for (let row = 0; row < set.length; row++)
    for (let column = 0; column < set.length; column++) {
      const before = isPast([row, column], target);
      past += before;
      read += before && has(set, row, column);
      leaks += !before && has(set, row, column);
    }
  return { past, read, blind: past - read, leaks };
}

/** The share of the past that is never read, over all targets of the image: blind_spot in torch. */
export function blindShare(settings) {
  let past = 0, blind = 0;
  for (let row = 0; row < settings.side; row++)
    for (let column = 0; column < settings.side; column++) {
      const each = count(reads(settings, [row, column]), [row, column]);
      past += each.past;
      blind += each.blind;
    }
  return past ? blind / past : 0;
}

/** For each pixel the smallest number of layers through which the target reads it, 0 if it never does. */
export function layersNeeded(settings, target) {
  const needed = new Uint8Array(settings.side ** 2);
  for (let depth = settings.depth; depth >= 1; depth--) {
    const set = reads({ ...settings, depth }, target);
    for (let place = 0; place < needed.length; place++)
      if (has(set, Math.floor(place / settings.side), place % settings.side)) needed[place] = depth;
  }
  return needed;
}

/**
 * One way from pixel `from` to `target`, a place after each layer: [[row, column, stack], ...], the
 * pixel first. null if there is none. Of several ways it takes, layer by layer, the place that
 * leaves the straightest line to the target.
 */
export function path(settings, from, target) {
  const { side, depth, kernel, first = "A", stacks = 1 } = settings;
  const sets = walkBack(settings, target);
  const starts = [[...from, "horizontal"]];
  if (stacks === 2 && from[0] + 1 < side) starts.unshift([from[0] + 1, from[1], "vertical"]);
  let at = starts.find(([row, column, stack]) => has(sets[depth][stack], row, column));
  if (!at) return null;
  const way = [[...from, "pixel"]];
  for (let layer = 1; layer <= depth; layer++) {
    const [row, column, stack] = at, after = sets[depth - layer], type = layer === 1 ? first : "B";
    const taps = stacks === 1 ? maskedTaps(kernel, type)
      : stack === "vertical" ? verticalTaps(kernel) : horizontalTaps(kernel, type);
    const to = stack === "vertical" ? ["vertical", "horizontal"] : ["horizontal"];
    const options = taps.flatMap(([up, right]) => to.map((name) => [row + up, column - right, name]))
      .filter(([r, c, name]) => c >= 0 && c < side && has(after[name], r, c));
    const left = depth - layer + 1;
    const ideal = [row + (target[0] - row) / left, column + (target[1] - column) / left];
    const off = ([r, c]) => Math.hypot(r - ideal[0], c - ideal[1]);
    at = options.reduce((best, each) => (off(each) < off(best) ? each : best));
    way.push(at);
  }
  return way;
}
