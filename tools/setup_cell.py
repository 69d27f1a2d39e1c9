"""The one setup cell that every notebook begins with, and its stamping into the notebooks.

It installs the package only where it is missing (on Colab, say), from the address that stands in
pyproject.toml or from the environment variable TUTORIAL_LIB_SPEC. The package's bounds are low, so
the torch that is there stays.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebook_pairs import PYPROJECT, Pair, read_text, sync, tags, write_text

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

TAG = "setup"
TEMPLATE = """\
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("tutorial_lib") is None:  # on Colab, for example
    address = "git+{repository}"
    package = os.environ.get("TUTORIAL_LIB_SPEC", address)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)
    importlib.invalidate_caches()

from tutorial_lib.notebook_setup import start

start()"""


def repository(pyproject: Path = PYPROJECT) -> str:
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def setup_source(pyproject: Path = PYPROJECT) -> str:
    return TEMPLATE.format(repository=repository(pyproject))


def first_code_cell(notebook: NotebookNode) -> int | None:
    kinds = [cell.cell_type for cell in notebook.cells]
    return kinds.index("code") if "code" in kinds else None


def setup_problems(notebook: NotebookNode, source: str) -> list[str]:
    """Why the notebook's setup cell is not the one that all notebooks share."""
    marked = [i for i, cell in enumerate(notebook.cells) if TAG in tags(cell)]
    if len(marked) != 1:
        return [f"{len(marked)} cells carry the tag `{TAG}` instead of one: run `make notebooks`"]
    if marked[0] != first_code_cell(notebook):
        return ["the setup cell is not the first code cell"]
    if notebook.cells[marked[0]].source != source:
        return ["the setup cell differs from tools/setup_cell.py: run `make notebooks`"]
    return []


def stamped(notebook: NotebookNode, source: str) -> NotebookNode:
    """A copy with the setup cell as its first code cell; an old one is replaced."""
    copy = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in copy.cells if TAG not in tags(cell)]
    position = first_code_cell(copy)
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [TAG]})
    copy.cells.insert(len(copy.cells) if position is None else position, cell)
    return copy


def stamp(pair: Pair) -> list[Path]:
    """Put the setup cell into a text and its notebook; return the files that changed."""
    text, source = read_text(pair.text), setup_source()
    if not setup_problems(text, source):
        return []
    write_text(stamped(text, source), pair.text)
    return [pair.text, *(path for path in sync(pair, truth="text") if path != pair.text)]
