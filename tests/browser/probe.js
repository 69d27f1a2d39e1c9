// What the browser tests ask a page of JupyterLab, from inside: `window.probe`.
//
// Times are taken here, between an event of the control and the new picture, so that the way of a
// message to the test and back is not counted as the widget's.
(() => {
  const CONTROLS = {
    slider: ".noUi-handle",
    choice: ".widget-toggle-buttons",
    dropdown: ".widget-dropdown select",
    checkbox: ".widget-checkbox input",
    toggle: "button.jupyter-button.widget-toggle-button",
    button: "button.jupyter-button",
    point: "svg [tabindex]",
  };
  const ANY_CONTROL = 
    "input, select, textarea, button, .noUi-handle, svg [tabindex], .widget-toggle-buttons";
  const OUTPUT = ".jp-Cell-outputArea > .jp-OutputArea-child > .jp-OutputArea-output";
  const PICTURES = "img, canvas";
  const EVENTS = ["keydown", "pointerdown", "click", "input", "change"];

  const panel = () => window.jupyterapp.shell.currentWidget;
  const codeCells = () => [...panel().content.model.cells].filter((cell) => cell.type === "code");

  // ------------------------------------------------------------------------- the notebook

  const heard = []; // errors and stderr of the kernel, whatever asked for them
  let run = { ended: false, error: null };

  function ready() {
    const session = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = session?.session?.kernel;
    return Boolean(kernel && session.isReady && kernel.status === "idle");
  }

  function listen() {
    panel().sessionContext.session.kernel.iopubMessage.connect((_, message) => {
      const { header, content } = message;
      if (header.msg_type === "error") heard.push(content.traceback.join("\n"));
      if (header.msg_type === "stream" && content.name === "stderr") heard.push(content.text);
    });
  }

  function runAll() {
    run = { ended: false, error: null };
    window.jupyterapp.commands.execute("notebook:run-all-cells").then(
      () => (run.ended = true),
      (error) => Object.assign(run, { ended: true, error: String(error) }),
    );
  }

  function progress() {
    const cells = codeCells().filter((cell) => cell.sharedModel.source.trim());
    const done = cells.filter((cell) => cell.executionCount !== null);
    const status = panel().sessionContext.session.kernel.status;
    return { ...run, cells: cells.length, done: done.length, idle: status === "idle" };
  }

  // Run All ends at the last cell.
  function goToTheTop() {
    panel().content.activeCellIndex = 0;
    for (const node of panel().content.node.querySelectorAll("*")) node.scrollTop = 0;
    panel().content.node.scrollTop = 0;
  }

  function errorOutputs() {
    const bad = (each) => each.output_type === "error" || each.name === "stderr";
    const text = (each) => [each.traceback ?? each.text].flat().join("\n");
    const outputs = codeCells().flatMap((cell) => {
      const source = cell.sharedModel.source.split("\n")[0];
      return cell.outputs.toJSON().filter(bad).map((each) => `cell "${source}": ${text(each)}`);
    });
    const kinds = ["error", "stderr"].map((kind) => `[data-mime-type$="jupyter.${kind}"]`);
    const shown = [...panel().node.querySelectorAll(kinds.join(", "))];
    return [...outputs, ...shown.map((node) => node.innerText)];
  }

  // --------------------------------------------------------------------------- its widgets

  function widgets() {
    const outputs = [...panel().node.querySelectorAll(OUTPUT)];
    return outputs.filter((output) => output.querySelector(ANY_CONTROL));
  }

  // Every control with its kind; one that nobody knows how to move is of the kind "unknown".
  function controls(widget) {
    const kind = (node) =>
      Object.keys(CONTROLS).find((each) => node.matches(CONTROLS[each])) ?? "unknown";
    const alone = (node) => !node.parentElement.closest(CONTROLS.choice) && node.checkVisibility();
    const nodes = [...widget.querySelectorAll(ANY_CONTROL)].filter(alone);
    return nodes.map((node) => ({ node, kind: kind(node), name: nameOf(node) }));
  }

  function nameOf(node) {
    const box = node.closest(".widget-inline-hbox, .widget-toggle-buttons");
    const label = box?.querySelector(".widget-label");
    const name = label?.innerText || node.innerText || node.ariaLabel || "";
    return name.trim().split("\n")[0].slice(0, 40);
  }

  // What a widget shows, apart from its controls: text, drawings, and the pixels of its pictures.
  function look(widget, pixelsOf) {
    const shown = widget.querySelector(".codebook-explorer")
      ? [widget]
      : [...widget.querySelectorAll(".jp-OutputArea, .widget-image, .widget-html")];
    const text = shown.map((node) => node.innerText ?? "").join("\n");
    const drawings = [...widget.querySelectorAll("svg:not(button svg)")].map((svg) => svg.outerHTML);
    const pictures = [...widget.querySelectorAll(PICTURES)].map(pixelsOf);
    return JSON.stringify([text, drawings, pictures]);
  }

  function pixels(picture) {
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth || picture.width;
    canvas.height = picture.naturalHeight || picture.height;
    if (!canvas.width || !canvas.height) return "";
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas.toDataURL();
  }

  const source = (picture) => picture.src ?? pixels(picture);
  const complete = (picture) => picture.tagName !== "IMG" || (picture.complete && picture.naturalWidth);

  // Watch a widget through one move of a control. `answer()` of the result:
  //   ms       from the first event of the move to the first frame with another picture or text
  //   changed  whether it shows something else now, by the pixels
  //   quiet    milliseconds since the last change
  function watch(widget) {
    const before = { quick: look(widget, source), exact: look(widget, pixels) };
    const n_pictures = widget.querySelectorAll(PICTURES).length;
    const times = { began: null, answered: null, last: performance.now() };

    const begin = (event) => (times.began ??= event.timeStamp);
    EVENTS.forEach((name) => window.addEventListener(name, begin, true));
    function check() {
      times.last = performance.now();
      const pictures = [...widget.querySelectorAll(PICTURES)];
      // Between two pictures there may be none for a moment: that is no answer.
      if (pictures.length < n_pictures || !pictures.every(complete)) return;
      if (times.answered !== null || look(widget, source) === before.quick) return;
      times.answered = 0;
      requestAnimationFrame(() => (times.answered = performance.now()));
    }
    const observer = new MutationObserver(check);
    const everything = { subtree: true, childList: true, attributes: true, characterData: true };
    observer.observe(widget, everything);
    widget.addEventListener("load", check, true);

    return {
      answer: () => ({
        ms: times.answered && times.began !== null ? times.answered - times.began : null,
        changed: look(widget, pixels) !== before.exact,
        quiet: performance.now() - times.last,
        idle: panel().sessionContext.session.kernel.status === "idle",
      }),
      end: () => {
        observer.disconnect();
        widget.removeEventListener("load", check, true);
        EVENTS.forEach((name) => window.removeEventListener(name, begin, true));
      },
    };
  }

  // Parts of a widget that stick out of it to the right: cut off, or only to be reached by scrolling.
  function overflowing(widget) {
    const limit = widget.getBoundingClientRect().right + 1;
    const right = (node) => node.getBoundingClientRect().right;
    const out = [...widget.querySelectorAll("*")].filter((node) => right(node) > limit);
    const name = (node) => `${node.tagName.toLowerCase()}.${node.getAttribute("class") ?? ""}`;
    return out.map((node) => `${name(node)} by ${Math.round(right(node) - limit + 1)} px`);
  }

  window.probe = {
    ...{ ready, listen, runAll, progress, heard, errorOutputs, goToTheTop },
    ...{ widgets, controls, watch, overflowing },
  };
})();
