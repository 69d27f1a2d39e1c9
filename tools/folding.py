"""Cells that a reader opens only when he needs them: set-up, settings, the cards of exercises.

JupyterLab shows a folded cell's output without its code, and so does Colab's form view.
"""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode
from notebook_pairs import tags

CARD = re.compile(r"ch\d\d\.\w+\.card\(\)")
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def is_folded_for_all(cell: NotebookNode) -> bool:
    """Whether a cell is one that every chapter folds."""
    told = {"setup", "parameters"} & set(tags(cell)) or CARD.fullmatch(cell.source.strip())
    return cell.cell_type == "code" and bool(told)


def folded(notebook: NotebookNode) -> NotebookNode:
    """A copy in which those cells are folded; others stay as they are."""
    copy = nbformat.from_dict(notebook)
    for cell in filter(is_folded_for_all, copy.cells):
        cell.metadata.update(nbformat.from_dict(FOLDED))
    return copy


def folding_problems(notebook: NotebookNode) -> list[str]:
    """What should be folded and is not."""
    return [
        f"cell {number}: set-up, settings and cards are folded: run `make notebooks`"
        for number, cell in enumerate(notebook.cells, start=1)
        if is_folded_for_all(cell) and not FOLDED.items() <= dict(cell.metadata).items()
    ]
