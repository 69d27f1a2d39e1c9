// A plane with points that can be dragged by mouse and finger, and moved by the arrow keys.

import { sharp } from "./canvas.js";

const NEAR = { mouse: 22, touch: 34 }; // how far from a point one may take hold of it, in pixels
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * box         [left, bottom, right, top] of the plane, in its own numbers
 * ratio       height / width of the canvas
 * paint       (pen, { x, y, width, height }): x and y turn numbers of the plane into pixels
 * handles     () -> [{ name, at: [x, y], move(x, y), say(), step }]: asked anew before every use;
 *             step is how far an arrow key moves it, if it is not to be a hair
 *
 * Every handle is also a button over the canvas, which the keyboard reaches and a screen reader
 * names. Returns a function that paints anew.
 */
export function plane(canvas, { box, ratio, paint, handles }) {
  const [left, bottom, right, top] = box, buttons = document.createElement("div");
  canvas.parentElement.classList.add("plane");
  canvas.after(buttons);
  const scales = () => {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    return {
      width, height, x: (value) => ((value - left) / (right - left)) * width,
      y: (value) => ((top - value) / (top - bottom)) * height,
    };
  };
  const within = (value, low, high) => Math.min(Math.max(value, low), high);
  const moveTo = (handle, x, y) => {
    handle.move(within(x, left, right), within(y, bottom, top));
    redraw();
  };

  function place() {
    const all = handles(), { x, y } = scales();
    while (buttons.children.length > all.length) buttons.lastChild.remove();
    while (buttons.children.length < all.length) buttons.append(button(buttons.children.length));
    all.forEach(({ name, at }, i) => {
      const { style } = buttons.children[i];
      style.left = `${x(at[0])}px`;
      style.top = `${y(at[1])}px`;
      buttons.children[i].setAttribute("aria-label", `${name}. ${all[i].say()}. Arrow keys move it.`);
    });
  }
  function button(i) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "handle";
    made.style.pointerEvents = "none"; // the canvas finds the nearest point itself: points may overlap
    made.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      const handle = handles()[i], step = handle.step ?? (right - left) / (event.shiftKey ? 16 : 80);
      moveTo(handle, handle.at[0] + arrow[0] * step, handle.at[1] + arrow[1] * step);
    });
    return made;
  }

  const spot = (event) => {
    const seen = canvas.getBoundingClientRect();
    return [event.clientX - seen.left, event.clientY - seen.top];
  };
  const under = ([px, py], near) => {
    const { x, y } = scales();
    const far = handles().map(({ at }) => Math.hypot(x(at[0]) - px, y(at[1]) - py));
    const least = Math.min(...far);
    return least <= near ? far.indexOf(least) : -1;
  };
  const toPlane = ([px, py]) => {
    const { width, height } = scales();
    return [left + (px / width) * (right - left), top - (py / height) * (top - bottom)];
  };
  let held = -1;
  canvas.addEventListener("pointerdown", (event) => {
    held = under(spot(event), NEAR[event.pointerType] ?? NEAR.touch);
    if (held < 0 || event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    buttons.children[held].focus({ preventScroll: true, focusVisible: false });
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held >= 0) moveTo(handles()[held], ...toPlane(spot(event)));
    canvas.style.cursor = held >= 0 ? "grabbing" : under(spot(event), NEAR.mouse) >= 0 ? "grab" : "default";
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = -1));
  // A finger on a point drags it; a finger elsewhere scrolls the page.
  canvas.addEventListener("touchstart", (event) => {
    if (under(spot(event.touches[0]), NEAR.touch) >= 0) event.preventDefault();
  }, { passive: false });

  const redraw = sharp(canvas, ratio, (pen) => {
    paint(pen, scales());
    place();
  });
  return redraw;
}

/** An arrow in pixels; `dashed` for one that is a copy. */
export function arrow(pen, [x, y], [toX, toY], { head = 9, dashed = false } = {}) {
  const length = Math.hypot(toX - x, toY - y), turn = Math.atan2(toY - y, toX - x);
  if (length < 2) return;
  const size = Math.min(head, length);
  pen.setLineDash(dashed ? [5, 4] : []);
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(toX - 0.6 * size * Math.cos(turn), toY - 0.6 * size * Math.sin(turn));
  pen.stroke();
  pen.setLineDash([]);
  pen.beginPath();
  pen.moveTo(toX, toY);
  for (const by of [0.4, -0.4]) pen.lineTo(toX - size * Math.cos(turn + by), toY - size * Math.sin(turn + by));
  pen.fillStyle = pen.strokeStyle;
  pen.fill();
}

/** A word beside a point, legible over anything; what follows a "_" is written as an index. */
export function label(pen, text, x, y, ink, halo) {
  pen.lineJoin = "round";
  pen.lineWidth = 4;
  pen.strokeStyle = halo;
  pen.fillStyle = ink;
  text.split("_").forEach((part, low) => {
    pen.font = `600 ${low ? 11 : 15}px ${getComputedStyle(document.body).fontFamily}`;
    pen.strokeText(part, x, y + 4 * low);
    pen.fillText(part, x, y + 4 * low);
    x += pen.measureText(part).width + 1;
  });
}
