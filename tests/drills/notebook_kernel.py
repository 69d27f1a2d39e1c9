"""A copy of a notebook in a folder of its own, and a kernel to press Shift-Enter in."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat import NotebookNode
from notebook_gate import ADDRESS
from notebook_pairs import read_notebook, tags
from notebook_run import WIDGET_VIEW
from run_tests import CELL_TIMEOUT, ONE_THREAD

NOT_HANDED_ON = ("TUTORIAL_RUNS_DIR", "MPLBACKEND")
NOT_COMPARED = "nbval-ignore-output"  # the cell's own word that it tells of time or machine
DURATION = re.compile(r"\d[\d.,]*(?:e[-+]?\d+)? ?(?:µs|ms|s|min|seconds|minutes|times)\b")
WIDGET_NUMBER = re.compile(r"\b[0-9a-f]{32}\b")
PROGRESS_BAR = re.compile(r"\d+%\||\d+it \[|it/s|s/it")
# Which random numbers of torch come next when a cell begins: put back before it runs again.
KEEP = """
import sys as _sys
_before = globals().get("_before") or dict()
if "torch" in _sys.modules:
    _before[{0}] = _sys.modules["torch"].get_rng_state()
"""
PUT_BACK = """
if {0} in _before:
    _sys.modules["torch"].set_rng_state(_before[{0}])
"""
WRITE = "import pickle as _pickle; open({0!r}, 'wb').write(_pickle.dumps(_before))"
READ = "import pickle as _pickle; _before = _pickle.loads(open({0!r}, 'rb').read())"
ERROR = "error: "

Outputs = list[str]


class Kernel:
    """Runs single cells of a notebook and returns what a reader would see under them."""

    def __init__(self, client: NotebookClient):
        self.client, self.cells = client, client.nb.cells
        self.code = [i for i, cell in enumerate(self.cells) if cell.cell_type == "code"]

    def run(self, i: int) -> Outputs:
        """Run a cell and note which random numbers it began with."""
        self._quietly(KEEP.format(i))
        return self._run(i)

    def run_again(self, i: int) -> Outputs:
        """Run a cell with the random numbers of the time before: what it draws is the same."""
        self._quietly(PUT_BACK.format(i))
        return self._run(i)

    def run_all(self) -> dict[int, Outputs]:
        return {i: self.run(i) for i in self.code}

    def forget_everything(self) -> None:
        """As after a restart, but for the modules that are imported already: those take long."""
        self._quietly("get_ipython().reset(new_session=False)")

    def write_random_numbers(self, path: Path) -> None:
        self._quietly(WRITE.format(str(path)))

    def read_random_numbers(self, path: Path) -> None:
        self._quietly(READ.format(str(path)))

    def _run(self, i: int) -> Outputs:
        cell = self.client.execute_cell(self.cells[i], i)
        return [] if NOT_COMPARED in tags(cell) else comparable(cell.outputs)

    def _quietly(self, code: str) -> None:
        execute = run_sync(self.client.kc.execute_interactive)
        reply = execute(code, silent=True, timeout=int(CELL_TIMEOUT))
        assert reply["content"]["status"] == "ok", reply["content"]


@contextmanager
def opened(notebook: Path, folder: Path) -> Iterator[Kernel]:
    """The notebook alone in folder/alone, its kernel at work there, its state beside it."""
    alone = folder / "alone"
    alone.mkdir()
    shutil.copy(notebook, alone)
    client = NotebookClient(
        read_notebook(alone / notebook.name),
        kernel_name="python3",
        timeout=int(CELL_TIMEOUT),
        allow_errors=True,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(alone)}},
    )
    with client.setup_kernel(env=variables(folder)):
        yield Kernel(client)


def variables(folder: Path) -> dict[str, str]:
    """Those of this process, without what would keep a run or hide the pictures."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
    own = {"TUTORIAL_PROFILE": "smoke", "TUTORIAL_STATE_DIR": str(folder / "state")}
    return {**kept, **ONE_THREAD, **own}


def left_behind(folder: Path) -> list[str]:
    """What lies in a notebook's own folder beside the notebook."""
    alone = folder / "alone"
    names = sorted(str(path.relative_to(alone)) for path in alone.rglob("*"))
    return [name for name in names if not name.endswith(".ipynb")]


def comparable(outputs: list[NotebookNode]) -> Outputs:
    """Outputs without what no seed decides: durations, progress bars, addresses, live widgets."""
    return [told for output in outputs for told in _told(output)]


def _told(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "stream":
        lines = re.split(r"[\r\n]+", output.text)
        kept = (line for line in lines if line.strip() and not PROGRESS_BAR.search(line))
        yield from map(_masked, kept)
    elif output.output_type == "error":
        yield f"{ERROR}{output.ename}: {output.evalue}"
    elif WIDGET_VIEW not in output.data:
        for kind, content in sorted(output.data.items()):
            picture = kind.startswith("image/")
            digest = hashlib.sha256(str(content).encode()).hexdigest()[:12]
            yield f"{kind} {digest}" if picture else _masked(str(content))


def _masked(text: str) -> str:
    return DURATION.sub("<time>", WIDGET_NUMBER.sub("", ADDRESS.sub("", text)))
