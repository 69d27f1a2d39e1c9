"""Execute a notebook and store what a reader without a kernel sees: text, tables, PNG figures."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_pairs import normalised, read_notebook, write_notebook

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SECOND_COPIES = ("image/svg+xml", "application/pdf")


class RunError(Exception):
    """A notebook that did not run to its end; the message holds the cell and the error."""


def execute(
    notebook: NotebookNode,
    folder: Path,
    *,
    profile: str = "laptop",
    timeout: float | None = None,
    report: Callable[[str], None] = lambda line: None,
    environment: dict[str, str] | None = None,
    kernel_manager: KernelManager | None = None,
) -> NotebookNode:
    """Run every cell of a copy in `folder`, one line of `report` for each code cell.

    environment     variables of the kernel; None: those of this process
    kernel_manager  starts the kernel; None: it is one of this Python
    """
    progress = Progress(notebook, report)
    client = NotebookClient(
        normalised(notebook),
        km=kernel_manager,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=progress.start,
        on_cell_executed=progress.end,
    )
    try:
        variables = os.environ if environment is None else environment
        # cleanup_kc: a kernel of a manager that was handed in ends here, too.
        client.execute(env={**variables, "TUTORIAL_PROFILE": profile}, cleanup_kc=True)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        raise RunError(str(problem)) from None
    return cleaned(client.nb)


class Progress:
    """Which cell runs, and how long it took."""

    def __init__(self, notebook: NotebookNode, report: Callable[[str], None]):
        self.total, self.report = len(notebook.cells), report
        self.started = 0.0

    def start(self, cell: NotebookNode, cell_index: int) -> None:
        self.started = time.monotonic()

    def end(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        seconds = time.monotonic() - self.started
        first = (cell.source.strip().splitlines() or [""])[0]
        self.report(f"  cell {cell_index + 1:>3}/{self.total}  {seconds:6.1f} s  {first[:60]}")


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """A copy without widgets, second copies of figures, and metadata that changes every run."""
    copy = normalised(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = [clean_output(each) for each in cell.outputs if is_kept(each)]
    return copy


def is_kept(output: NotebookNode) -> bool:
    """A stored widget shows nothing: chapters put a static figure beside each."""
    return WIDGET_VIEW not in output.get("data", {})


def clean_output(output: NotebookNode) -> NotebookNode:
    if "image/png" in output.get("data", {}):
        for kind in SECOND_COPIES:
            output.data.pop(kind, None)
    return output


def run(path: Path, **options) -> None:
    """Execute the notebook in its folder and store its outputs; after an error the file stays.

    Nobody's points and nobody's earlier runs are in reach, or they would be stored in it.
    """
    with tempfile.TemporaryDirectory() as nothing:
        nobody = {**os.environ, "TUTORIAL_STATE_DIR": nothing, "TUTORIAL_RUNS_DIR": ""}
        notebook = execute(read_notebook(path), path.parent, environment=nobody, **options)
    write_notebook(notebook, path)
