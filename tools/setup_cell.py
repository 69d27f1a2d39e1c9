"""Is the one setup cell where it belongs? `tools/stamping.py` puts it into the notebooks.

Its source comes from the package, which writes it into assignments too.
"""

from __future__ import annotations

import nbformat
from nbformat import NotebookNode
from notebook_pairs import tags

from tutorial_lib.notebook.setup_cell import setup_source

__all__ = ["setup_problems", "setup_source", "stamped"]

TAG = "setup"


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
    """A copy with the setup cell as its first code cell.

    One that is there already gets the source and keeps its id and its output, which is the line
    about the machine: no change of address or of the install makes that untrue.
    """
    copy = nbformat.from_dict(notebook)
    marked = [cell for cell in copy.cells if TAG in tags(cell) and cell.cell_type == "code"]
    copy.cells = [cell for cell in copy.cells if TAG not in tags(cell)]
    position = first_code_cell(copy)
    new = nbformat.v4.new_code_cell(source, metadata={"tags": [TAG]})
    cell = nbformat.from_dict({**marked[0], "source": source}) if marked else new
    copy.cells.insert(len(copy.cells) if position is None else position, cell)
    return copy
