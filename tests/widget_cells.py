"""Which cells of a notebook show a widget, read from their source."""

from __future__ import annotations

import ast

from nbformat import NotebookNode

from tutorial_lib.notebook import widgets

# The shells; `draw_...` are the plain functions behind them.
SHELLS = frozenset(name for name in widgets.__all__ if not name.startswith("draw_"))


def calls_of_shells(source: str) -> list[str]:
    """The names of the widgets that a cell shows."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [getattr(call.func, "id", getattr(call.func, "attr", None)) for call in calls]
    return [name for name in names if name in SHELLS]


def cells_with_widgets(notebook: NotebookNode) -> list[int]:
    """Positions of the cells that show a widget, one entry for each widget."""
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    return [i for i, cell in code for _ in calls_of_shells(cell.source)]
