"""One notebook in a page of JupyterLab: run it, look at it, list what went wrong."""

from __future__ import annotations

import re
import time
from pathlib import Path

PROBE = Path(__file__).with_name("probe.js")
OPEN_TIMEOUT = 180  # seconds, generous: the machine may be busy with other things
RUN_TIMEOUT = 600
ARGUMENTS = ["--disable-gpu", "--disable-background-networking", "--no-proxy-server"]
WIDE, NARROW = 1000, 480  # pixels
HEIGHT = 1100
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
COLORS_OF_A_TERMINAL = re.compile(r"\x1b\[[0-9;]*m")

# What JupyterLab and its kernels say on their own account, with the reason.
NOISE = (
    r"^No such comm: ",  # the page asked after a progress bar that had ended in the meantime
    r"favicon\.ico",  # the page's icon, asked for before the server has one
)


def is_noise(text: str) -> bool:
    return any(re.search(each, text) for each in NOISE)


class LabPage:
    """`page` is a page of playwright; it is opened on one notebook and stays there."""

    def __init__(self, page, address: str):
        self.page, self.console = page, []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.add_init_script(PROBE.read_text(encoding="utf-8"))
        page.goto(address, timeout=1000 * OPEN_TIMEOUT)
        self._wait_for("window.probe.ready()", OPEN_TIMEOUT, "open the notebook with a kernel")
        page.evaluate("window.probe.listen()")
        if page.locator("#jp-left-stack").is_visible():
            self.execute("application:toggle-left-area")

    def execute(self, command: str, **arguments) -> None:
        """A command of JupyterLab, waited for."""
        script = "([name, given]) => window.jupyterapp.commands.execute(name, given)"
        self.page.evaluate(f"async (all) => {{ await ({script})(all) }}", [command, arguments])

    def run_all(self) -> float:
        """Run All, until every code cell has run and the kernel is idle. Returns the seconds."""
        began = time.monotonic()
        self.page.evaluate("window.probe.runAll()")
        done = "(() => { const p = window.probe.progress(); return p.ended && p.idle })()"
        self._wait_for(done, RUN_TIMEOUT, "run all cells")
        self.page.wait_for_timeout(500)  # the last outputs are on their way
        return time.monotonic() - began

    def problems(self) -> list[str]:
        """Everything that a reader would call an error, wherever it ended."""
        state = self.page.evaluate("window.probe.progress()")
        found = [f"Run All ended with {state['error']}"] if state["error"] else []
        if state["done"] < state["cells"]:
            found.append(f"only {state['done']} of {state['cells']} code cells have run")
        heard = self.page.evaluate("[...window.probe.heard, ...window.probe.errorOutputs()]")
        heard = [text for text in heard if not is_noise(text)]
        found += [COLORS_OF_A_TERMINAL.sub("", text)[-1500:] for text in dict.fromkeys(heard)]
        return found + [f"console: {text}" for text in dict.fromkeys(self.console)]

    def widgets(self) -> list:
        """The outputs that hold a control, as handles of the page."""
        handles = self.page.evaluate_handle("window.probe.widgets()").get_properties()
        return [each.as_element() for each in handles.values()]

    def dress(self, *, theme: str, width: int) -> None:
        """Change theme and width of the window, and wait until the page has settled."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.execute("apputils:change-theme", theme=theme)
        dark = "true" if theme == LIGHT else "false"
        self._wait_for(f"document.body.dataset.jpThemeLight === '{dark}'", 30, f"switch to {theme}")
        self.page.wait_for_timeout(500)

    def go_to_the_top(self) -> None:
        self.page.evaluate("window.probe.goToTheTop()")
        self.page.wait_for_timeout(300)

    def close(self) -> None:
        """End the kernel, then the page: the next notebook needs the memory."""
        shut_down = "window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
        self.page.evaluate(f"async () => {{ await {shut_down} }}")
        self.page.close(run_before_unload=False)

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not is_noise(text):
            self.console.append(text[:500])

    def _wait_for(self, condition: str, seconds: float, what: str) -> None:
        try:
            self.page.wait_for_function(condition, timeout=1000 * seconds, polling=100)
        except Exception as problem:
            state = "document.title + ': ' + JSON.stringify(window.probe?.progress?.())"
            try:
                state = self.page.evaluate(state)
            except Exception as silence:  # the page may be gone; the first problem counts
                state = f"the page does not answer ({type(silence).__name__})"
            message = f"could not {what} within {seconds} s; {state}"
            raise TimeoutError(message) from problem
