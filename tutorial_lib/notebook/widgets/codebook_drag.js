// Lets z_e be dragged over the cells of a codebook, or moved with the arrow keys, without a kernel.
//
// codebook.py draws each explorer so that it is right for its first z_e. When z_e moves, this looks
// its nearest code up anew (the lower index where two are equally near) and moves the line, the mark
// around the nearest code and the words. Parts are found by class within their own explorer, so one
// page may hold many.
(() => {
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const STEPS_ACROSS = 60;

  function nearest(codes, point) {
    const distances = codes.map((code) => Math.hypot(code[0] - point[0], code[1] - point[1]));
    const distance = Math.min(...distances);
    return { index: distances.indexOf(distance), distance };
  }

  function makeMovable(explorer) {
    const { codes, z_e, decimals, left, top, scale } = JSON.parse(explorer.dataset.plane);
    const part = (name) => explorer.querySelector(name);
    const [svg, handle] = [part("svg"), part(".handle")];
    const { width, height } = svg.viewBox.baseVal;
    let [x, y] = z_e;

    const set = (element, attributes) =>
      Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    const say = (point) => point.map((value) => value.toFixed(decimals)).join(", ");
    const within = (value, low, high) => Math.min(Math.max(value, low), high);
    const across = (value) => (value - left) * scale;
    const down = (value) => (top - value) * scale;

    function moveTo(newX, newY) {
      x = within(newX, left, left + width / scale);
      y = within(newY, top - height / scale, top);
      const { index, distance } = nearest(codes, [x, y]);
      const [codeX, codeY] = codes[index];
      set(handle, { transform: `translate(${across(x)} ${down(y)})` });
      set(part(".line"), { x1: across(x), y1: down(y), x2: across(codeX), y2: down(codeY) });
      set(part(".chosen"), { cx: across(codeX), cy: down(codeY) });
      part(".words").textContent =
        `z_e = (${say([x, y])}): nearest code ${index}, ` +
        `distance ${distance.toFixed(decimals)}, z_q = (${say(codes[index])})`;
    }

    function follow(event) {
      const seen = new DOMPoint(event.clientX, event.clientY);
      const drawn = seen.matrixTransform(svg.getScreenCTM().inverse());
      moveTo(left + drawn.x / scale, top - drawn.y / scale);
    }

    // A finger beside the handle scrolls the page; a mouse button moves z_e from anywhere.
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      if (event.pointerType !== "mouse" && !handle.contains(event.target)) return;
      event.preventDefault();
      handle.focus({ preventScroll: true });
      svg.setPointerCapture(event.pointerId);
      follow(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (svg.hasPointerCapture(event.pointerId)) follow(event);
    });
    svg.addEventListener("click", follow); // a tap beside the handle
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });

    handle.addEventListener("keydown", (event) => {
      const direction = ARROWS[event.key];
      if (!direction) return;
      event.preventDefault(); // the page does not scroll,
      event.stopPropagation(); // and a notebook stays at its cell
      const step = width / scale / STEPS_ACROSS;
      moveTo(x + direction[0] * step, y + direction[1] * step);
    });
  }

  for (const explorer of document.querySelectorAll(".codebook-explorer:not([data-movable])")) {
    explorer.dataset.movable = "true";
    makeMovable(explorer);
  }
})();
