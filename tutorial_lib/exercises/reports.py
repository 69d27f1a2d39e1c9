"""What an exercise shows: one small document, as Markdown and as plain text in the same words.

Markdown without styles is what every place shows that shows notebooks (JupyterLab, Colab, GitHub,
a static site), in the colours of its own theme; code in a fence is highlighted there, and scrolls.
What a learner's function says is escaped: it is never markup.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, NARROW = 88, 72
CODE = re.compile(r"(`[^`]+`)")  # between backticks
MARKUP = re.compile(r"\\+|\$+|[`*_~|]|(?<=\])[(:]")


@dataclass(frozen=True)
class Text:
    """A paragraph, after a title in bold if it has one; `words between backticks` are code."""

    text: str = ""
    title: str = ""

    def plain(self) -> str:
        return _filled(" · ".join(filter(None, (self.title, self.text))), "")

    def markdown(self) -> str:
        bold = f"**{_escaped(self.title)}**" if self.title else ""
        return " · ".join(filter(None, (bold, _escaped(self.text))))


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    items: Sequence[str]

    def plain(self) -> str:
        return "\n".join(_filled(item, "  ", first="- ") for item in self.items)

    def markdown(self) -> str:
        return "\n".join(f"- {_escaped(item)}" for item in self.items)


@dataclass(frozen=True)
class Code:
    """Lines that keep their spaces; those that are no source are broken where they get long."""

    text: str
    language: str = ""

    def plain(self) -> str:
        return textwrap.indent(self._lines(), "    ")

    def markdown(self) -> str:
        longest = max(map(len, re.findall("`+", self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}{self.language}\n{self._lines()}\n{fence}"

    def _lines(self) -> str:
        text = self.text.rstrip()
        return text if self.language else "\n".join(map(broken, text.splitlines()))


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

    def markdown(self) -> str:
        under = ["--:" if i >= self.right_from else ":--" for i in range(len(self.header))]
        rows = [[_escaped(cell) for cell in row] for row in self.rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.header, under, *rows))

    def _plain_row(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            cell.rjust(width) if i >= self.right_from else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


Block = Text | Bullets | Code | Table


@dataclass(frozen=True)
class Report:
    """Blocks under each other."""

    blocks: Sequence[Block]

    def __str__(self) -> str:
        return "\n\n".join(block.plain() for block in self.blocks)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return "\n\n".join(block.markdown() for block in self.blocks)


def show(report: Report) -> None:
    """As Markdown in a notebook, as text in a terminal."""
    if in_notebook():
        from IPython.display import display

        display(report)
    else:
        print(report)


def in_notebook() -> bool:
    """Is there a Jupyter kernel (JupyterLab, Colab, VS Code) that shows Markdown?"""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _escaped(text: str) -> str:
    """Markdown of one line that shows these words: code between backticks, nothing else."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(part if CODE.fullmatch(part) else _literal(part) for part in parts)


def _literal(text: str) -> str:
    """No emphasis, link, list or tag, and no formula: pages look for one everywhere but in code."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = MARKUP.sub(
        lambda found: f"`{found[0]}`" if found[0][0] in "\\$" else f"\\{found[0]}", text
    )
    return re.sub(r"^\d*(?=[-+#>.)])", r"\g<0>\\", text)


def broken(line: str) -> str:
    """A long line in several, broken between words: pages break it within one, or cut it off."""
    if len(line) <= NARROW:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    options = {"break_long_words": False, "break_on_hyphens": False}
    return "\n".join(textwrap.wrap(line, NARROW, subsequent_indent=indent, **options))


def _filled(text: str, indent: str, first: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
