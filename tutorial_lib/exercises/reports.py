"""What an exercise shows: one small document, written as HTML and as plain text in the same words.

In a notebook a calm box with a coloured rule at its left; elsewhere, and for readers without
colours or styles, the outcome stands there as a word. Colours are a colour-safe set, and every one
is legible on white and on black; text takes the colour of the theme.
"""

from __future__ import annotations

import html
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from tutorial_lib.exercises.definition import FAILED, NOT_ATTEMPTED, PASSED, RAISED
from tutorial_lib.exercises.highlighting import highlighted

WIDTH = 88
RULE_COLORS = {PASSED: "#0072B2", FAILED: "#D55E00", RAISED: "#CC79A7", NOT_ATTEMPTED: "#808080"}
BOX = "border-left: 4px solid {color}; padding: 0.2em 1em; margin: 0.4em 0; max-width: 50em"


@dataclass(frozen=True)
class Text:
    """A paragraph; `words between backticks` are code."""

    text: str
    strong: bool = False

    def plain(self) -> str:
        return _filled(self.text, "")

    def html(self) -> str:
        inner = _inline(self.text)
        return f"<p><strong>{inner}</strong></p>" if self.strong else f"<p>{inner}</p>"


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    items: Sequence[str]

    def plain(self) -> str:
        return "\n".join(_filled(item, "  ", first="- ") for item in self.items)

    def html(self) -> str:
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in self.items) + "</ul>"


@dataclass(frozen=True)
class Code:
    """Lines that keep their spaces; Python is highlighted."""

    text: str
    python: bool = False

    def plain(self) -> str:
        return textwrap.indent(self.text.rstrip(), "    ")

    def html(self) -> str:
        text = self.text.rstrip()
        inner = highlighted(text) if self.python else html.escape(text)
        return f'<pre style="overflow-x: auto">{inner}</pre>'


@dataclass(frozen=True)
class Table:
    """Rows of words under a header; columns from number `right_from` on are numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right_from: int = 2

    def plain(self) -> str:
        rows = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.header))]
        return "\n".join(self._plain_row(row, widths) for row in rows)

    def html(self) -> str:
        rows = [self._html_row(self.header, "th"), *(self._html_row(r, "td") for r in self.rows)]
        return "<table>" + "".join(rows) + "</table>"

    def _plain_row(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell.rjust(width) if i >= self.right_from else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    def _html_row(self, row: Sequence[str], tag: str) -> str:
        sides = ["right" if i >= self.right_from else "left" for i in range(len(row))]
        cells = (
            f'<{tag} style="text-align: {side}">{html.escape(cell)}</{tag}>'
            for cell, side in zip(row, sides, strict=True)
        )
        return "<tr>" + "".join(cells) + "</tr>"


Block = Text | Bullets | Code | Table


@dataclass(frozen=True)
class Report:
    """Blocks under each other. `outcome` colours the rule, and says nothing that words do not."""

    blocks: Sequence[Block]
    outcome: str = NOT_ATTEMPTED

    def __str__(self) -> str:
        return "\n\n".join(block.plain() for block in self.blocks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        box = BOX.format(color=RULE_COLORS[self.outcome])
        return f'<div style="{box}">' + "".join(block.html() for block in self.blocks) + "</div>"


def show(report: Report) -> None:
    """As HTML in a notebook, as text in a terminal."""
    if in_notebook():
        from IPython.display import display

        display(report)
    else:
        print(report)


def in_notebook() -> bool:
    """Is there a Jupyter kernel (JupyterLab, Colab, VS Code) that shows HTML?"""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _inline(text: str) -> str:
    """HTML of one line, with <code> for what stands between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _filled(text: str, indent: str, first: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
