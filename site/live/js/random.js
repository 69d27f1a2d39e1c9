// Random numbers that come again with the same seed, and the clouds of points of the quantizer page.

/** A function that gives numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A draw from the standard normal. (Box and Muller 1958) */
export const normal = (draw) => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

const CENTERS = [[-2.5, 1.5], [0.3, 2.1], [2.7, 1.2], [-2.1, -1.4], [0.5, -0.9], [2.5, -1.8]];

/** n points of one of the data sets, inside -4 .. 4 and -3 .. 3. */
export function points(name, n, draw) {
  return Array.from({ length: n }, (_, i) => {
    const turn = 2 * Math.PI * draw(), spread = (by) => by * normal(draw);
    if (name === "ring") return [2.7 * Math.cos(turn) + spread(0.14), 2.1 * Math.sin(turn) + spread(0.14)];
    if (name === "moons") {
      const [x, y] = [1.9 * Math.cos(turn / 2), 1.9 * Math.sin(turn / 2)];
      return i % 2 ? [x - 0.9 + spread(0.16), y - 0.5 + spread(0.16)] : [0.9 - x + spread(0.16), 0.5 - y + spread(0.16)];
    }
    if (name === "cloud") return [spread(1.15), spread(0.85)];
    const [x, y] = CENTERS[i % CENTERS.length];
    return [x + spread(0.3), y + spread(0.3)];
  });
}
