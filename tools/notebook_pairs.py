"""Notebooks and their texts: the same cells twice, and how one is made from the other.

`notebooks/NAME.ipynb` is what a learner opens; `notebooks/text/NAME.py` (py:percent) is what is
edited and reviewed. The text is the truth: `sync` copies its cells into the notebook and keeps the
outputs of every cell that did not change. `--from-notebooks` goes the other way, for a notebook
that was edited in a browser. Of a cell's metadata its tags are kept, and whether it is folded.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import jupytext
import nbformat
from jupytext.config import JupytextConfiguration
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PYPROJECT = ROOT / "pyproject.toml"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Handed to jupytext by the tools alone. As a setting in pyproject.toml they would pair notebooks in
# JupyterLab, too, where an older text hides what a learner has written.
FILTERS = {"cell_metadata_filter": "tags,jupyter,cellView,-all", "notebook_metadata_filter": "-all"}
# nbconvert names a script after the extension.
LANGUAGE = {"file_extension": ".py", "name": "python"}
METADATA = {"kernelspec": KERNEL, "language_info": LANGUAGE}
HEADING = re.compile(r"^(#{1,3}) ", re.MULTILINE)
LATER = 2.0  # seconds between two files before one counts as saved after the other


class PairError(Exception):
    """A pair that cannot be brought in step; the message says what to do."""


class Pair(NamedTuple):
    notebook: Path
    text: Path

    @property
    def name(self) -> str:
        return self.notebook.stem


def find_pairs(folder: Path = NOTEBOOKS, names: list[str] | None = None) -> list[Pair]:
    """Every pair of the folder, also those with one half missing; `names` are paths or stems."""
    found = {path.stem for path in folder.glob("*.ipynb")}
    found |= {path.stem for path in (folder / "text").glob("*.py")}
    wanted = [Path(name).stem for name in names or []]
    unknown = sorted(set(wanted) - found)
    if unknown:
        raise PairError(f"no notebook or text is called {', '.join(unknown)}")
    return [
        Pair(folder / f"{stem}.ipynb", folder / "text" / f"{stem}.py")
        for stem in sorted(wanted or found)
    ]


def tags(cell: NotebookNode) -> tuple[str, ...]:
    return tuple(cell.metadata.get("tags", ()))


def kept_metadata(cell: NotebookNode) -> dict:
    """Tags; folded or not, as JupyterLab and as Colab note it; nothing else."""
    kept = {"tags": list(tags(cell))} if tags(cell) else {}
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    if "cellView" in cell.metadata:
        kept["cellView"] = cell.metadata["cellView"]
    return kept


def slide(cell: NotebookNode) -> dict:
    """A section begins a slide, and a heading below it one under that: not kept in the text."""
    headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
    kind = {1: "slide", 2: "slide", 3: "subslide"}.get(min(map(len, headings), default=0))
    return {"slideshow": {"slide_type": kind}} if kind else {}


def cell_key(cell: NotebookNode) -> tuple:
    """What makes two cells the same for a reader."""
    return cell.cell_type, cell.source, repr(kept_metadata(cell))


def jupytext_config() -> JupytextConfiguration:
    return JupytextConfiguration(**FILTERS)


def read_text(path: Path) -> NotebookNode:
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent", config=jupytext_config())
    return normalised(notebook)


def text_of(notebook: NotebookNode) -> str:
    return jupytext.writes(normalised(notebook), fmt="py:percent", config=jupytext_config())


def write_text(notebook: NotebookNode, path: Path) -> None:
    write(path, text_of(notebook))


def read_notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    write(path, nbformat.writes(notebook) + "\n")


def write(path: Path, content: str) -> None:
    """Write in one step, so that an interruption leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8", newline="\n")
    os.replace(part, path)


def normalised(notebook: NotebookNode) -> NotebookNode:
    """A copy with the metadata that we keep, which is the same for all, and nothing else."""
    copy = nbformat.from_dict(notebook)
    copy.metadata = nbformat.from_dict(METADATA)
    copy.nbformat, copy.nbformat_minor = 4, 5
    for cell in copy.cells:
        cell.metadata = nbformat.from_dict(kept_metadata(cell) | slide(cell))
    return copy


def formatted(notebook: NotebookNode) -> NotebookNode:
    """A copy whose code cells ruff has formatted, as it formats notebooks."""
    copy = normalised(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    command = [sys.executable, "-m", "ruff", "format", "--config", str(PYPROJECT)]
    command += ["--stdin-filename", "cells.ipynb", "-"]
    ruff = subprocess.run(
        command, input=nbformat.writes(copy), capture_output=True, text=True, encoding="utf-8"
    )
    if ruff.returncode:
        raise PairError(ruff.stderr.strip())
    result = normalised(notebook)
    for cell, clean in zip(result.cells, nbformat.reads(ruff.stdout, 4).cells, strict=True):
        cell.source = clean.source
    return result


def carry_over(new: NotebookNode, old: NotebookNode) -> NotebookNode:
    """`new` with the ids and outputs that `old` has for the same cells in the same order."""
    left = [cell_key(cell)[:2] for cell in old.cells]
    right = [cell_key(cell)[:2] for cell in new.cells]
    matches = difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    result = normalised(new)
    kept = {b + i: old.cells[a + i] for a, b, size in matches for i in range(size)}
    used = {cell.id for cell in kept.values() if "id" in cell}
    for position, cell in enumerate(result.cells):
        before = kept.get(position, {})
        cell.id = before.get("id") or fresh_id(cell.source, used)
        if cell.cell_type == "code":
            cell.outputs = before.get("outputs", [])
            cell.execution_count = before.get("execution_count")
    return result


def fresh_id(source: str, used: set[str]) -> str:
    """An id made from the source, so that syncing twice writes the same file."""
    for attempt in range(len(used) + 1):
        digest = hashlib.sha256(f"{attempt}{source}".encode()).hexdigest()[:8]
        if digest not in used:
            break
    used.add(digest)
    return digest


def differences(notebook: NotebookNode, text: NotebookNode) -> list[str]:
    """One line for the first cell on which notebook and text disagree, or for their lengths."""
    pairs = enumerate(zip(notebook.cells, text.cells, strict=False), start=1)
    for number, (left, right) in pairs:
        if cell_key(left) != cell_key(right):
            there, here = excerpts(left, right)
            return [f"cell {number} differs: {there} in the notebook, {here} in the text"]
    if len(notebook.cells) != len(text.cells):
        return [f"{len(notebook.cells)} cells in the notebook, {len(text.cells)} in the text"]
    return []


def excerpts(left: NotebookNode, right: NotebookNode) -> list[str]:
    """The first line on which two cells disagree, as each has it, with its kind and tags."""
    lines = list(zip_longest(*(cell.source.splitlines() for cell in (left, right))))
    first = next((pair for pair in lines if pair[0] != pair[1]), ("", ""))
    labels = [labelled(cell) for cell in (left, right)]
    shown = ["nothing" if line is None else repr(line[:60]) for line in first]
    return [f"{label} {line}" for label, line in zip(labels, shown, strict=True)]


def labelled(cell: NotebookNode) -> str:
    """A cell's kind, its tags, and how it is folded."""
    kept = kept_metadata(cell)
    folds = [name for name in ("jupyter", "cellView") if name in kept]
    return " ".join([cell.cell_type, *kept.get("tags", ()), *folds])


def saved_later(pair: Pair) -> bool:
    return pair.notebook.stat().st_mtime > pair.text.stat().st_mtime + LATER


def sync(pair: Pair, *, truth: str | None = None) -> list[Path]:
    """Bring a pair in step and return the files that changed.

    truth: "text", "notebook", or None for the text, unless the notebook was changed after it.
    """
    old = read_notebook(pair.notebook) if pair.notebook.exists() else None
    text = read_text(pair.text) if pair.text.exists() else None
    if truth is None and old and text and differences(old, text) and saved_later(pair):
        raise PairError(
            f"{pair.notebook.name} was changed after its text, which says something else. "
            "Say which one counts: --from-notebooks or --from-texts."
        )
    source = old if text is None or (truth == "notebook" and old) else text
    cells = formatted(source)
    changed = []
    if text is None or differences(cells, text):
        write_text(cells, pair.text)
        changed.append(pair.text)
    new = carry_over(cells, old) if old else carry_over(cells, nbformat.v4.new_notebook())
    if new != old:
        write_notebook(new, pair.notebook)
        changed.append(pair.notebook)
    return changed
