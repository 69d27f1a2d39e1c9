"""What a student sent, as the notebook that nbgrader grades; or refused, with what to ask for.

submitted/STUDENT/ch02/ stays as it came. Its copy in received/STUDENT/ch02/ has the right name, one
encoding, the release's own marks on its cells, and the cells that every notebook needs.
"""

from __future__ import annotations

import ast
import copy
import datetime
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tutorial_lib.classroom.roster import text_of
from tutorial_lib.classroom.worker_process import MAX_BESIDE_MIB, copy_files

STAMP = "timestamp.txt"
MARKERS = re.compile(r"^#\s*(?:%%|In\s*\[[\d ]*\]:?)(.*)$", flags=re.MULTILINE)
DAY_FIRST = re.compile(r"(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})")
SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Refused(ValueError):
    """Why this is not graded, and what to ask the student for."""


@dataclass
class Received:
    """notes: what a teacher should know of it; made_for: whose twists the notebook has, "" for the
    whole class's, None where it does not say."""

    notes: list[str] = field(default_factory=list)
    made_for: str | None = None


def receive(folder: Path, assignment: str, student: str, name: str) -> Received:
    """Fill FOLDER/received/NAME/ch02 from FOLDER/submitted/STUDENT/ch02. Raises Refused."""
    place = folder / "submitted" / student / assignment
    target = folder / "received" / name / assignment
    shutil.rmtree(target, ignore_errors=True)
    release = nbformat.read(folder / "release" / assignment / f"{assignment}.ipynb", as_version=4)
    received = Received()
    notebook = _chosen(place, assignment, release, received)
    received.made_for = _made_for(notebook)
    target.mkdir(parents=True)
    copy_files(place, target, MAX_BESIDE_MIB)
    _stamp(place, target, received)
    nbformat.write(_mended(notebook, assignment, release), target / f"{assignment}.ipynb")
    return received


# --------------------------------------------------------------------------- which file it is


def _chosen(place: Path, assignment: str, release: NotebookNode, received: Received):
    """The notebook among the files that holds most of this assignment."""
    wanted = f"{assignment}.ipynb"
    files = [path for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if not _is_hidden(path.relative_to(place))]
    found, damaged, others = [], [], set()
    for path in (each for each in files if each.suffix.lower() in (".ipynb", ".py")):
        try:
            notebook = read_notebook(path)
        except ValueError as error:
            damaged.append(f"{path.name} is damaged ({error})")
            continue
        fits, other = _fits(notebook, release)
        others |= {other} - {""}
        if fits:
            exact = path.relative_to(place) == Path(wanted)
            rank = (path.suffix.lower() == ".ipynb", exact, fits, path.stat().st_mtime)
            found.append((rank, path, notebook))
    if found:
        _, path, notebook = max(found, key=lambda each: each[0])
        if path.name != wanted:
            received.notes.append(f"handed in as {path.name}")
        if not any(map(_grade_id, notebook.cells)):
            received.notes.append("none of the assignment's own cells is in it: another notebook?")
        return notebook
    if damaged:
        raise Refused(f"{'; '.join(damaged)}. Ask for {wanted} once more.")
    if others:
        what = f"the notebook is assignment {', '.join(sorted(others))}"
    elif any(path.suffix.lower() in (".ipynb", ".py") for path in files):
        what = "no cell and no function of this assignment is in it"
    else:
        what = f"there is no notebook, but {', '.join(path.name for path in files) or 'no file'}"
    raise Refused(f"{what}. Ask for {wanted}.")


def _made_for(notebook: NotebookNode) -> str | None:
    """By its metadata, which some programs drop, or by its introduction."""
    text = "\n".join(c.source for c in notebook.cells if _grade_id(c).endswith("-introduction"))
    said = re.search(r"made for \*\*(.+?)\*\*", text)
    told = notebook.metadata.get("made_for") or (said[1] if said else "")
    return str(told) if told or text else None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)


def _fits(notebook: NotebookNode, release: NotebookNode) -> tuple[int, str]:
    """(how many cells and functions of the release are in it, name of another assignment)."""
    known = {_grade_id(cell) for cell in release.cells} - {""}
    ids = {_grade_id(cell) for cell in notebook.cells} - {""}
    source = "\n".join(cell.source for cell in notebook.cells)
    defined = sum(bool(re.search(_defines(name), source)) for name in _functions(release))
    other = next((each.partition("-")[0] for each in ids if re.match(r"ch\d\d-", each)), "")
    return len(ids & known) + defined, "" if ids & known else other


def _functions(release: NotebookNode) -> list[str]:
    """Names of the functions that the assignment asks for."""
    ids = {_grade_id(cell) for cell in release.cells}
    return [each.partition("-")[2] for each in ids if f"{each}-check" in ids]


def _defines(name: str) -> re.Pattern:
    return re.compile(rf"^\s*(?:(?:def|class)\s+{name}\b|{name}\s*=)", flags=re.MULTILINE)


def _grade_id(cell: NotebookNode) -> str:
    marks = cell.metadata.get("nbgrader", {})
    return str(marks.get("grade_id") or "") if isinstance(marks, dict) else ""


# --------------------------------------------------------------------------------- reading it


def read_notebook(path: Path) -> NotebookNode:
    """A notebook or script in any encoding and with any ends of lines. ValueError if damaged."""
    text = text_of(path.read_bytes())
    if path.suffix.lower() == ".py":
        return _from_script(text)
    try:
        plain = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("it is cut off, or no notebook" if text.strip() else "empty") from None
    try:
        notebook = nbformat.reads(json.dumps(_with_sound_cells(plain)), as_version=4)
    except Exception as error:  # of nbformat, which raises many kinds
        raise ValueError(f"no notebook: {type(error).__name__}") from None
    if not isinstance(notebook.get("cells"), list):
        raise ValueError("it has no cells")
    for cell in notebook.cells:
        cell.source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    return nbformat.from_dict(notebook)  # one of an older format has a class of its own


def _with_sound_cells(plain: object) -> object:
    """What a careless program left out of the cells, put back."""
    cells = plain.get("cells") if isinstance(plain, dict) else None
    if not isinstance(cells, list):
        return plain
    sound = []
    for cell in (each for each in cells if isinstance(each, dict)):
        kind = cell.get("cell_type")
        kept = {
            "cell_type": kind if kind in ("code", "markdown", "raw") else "raw",
            "metadata": cell["metadata"] if isinstance(cell.get("metadata"), dict) else {},
            "source": _text(cell.get("source")),
        }
        ran = {"outputs": [], "execution_count": None} if kind == "code" else {}
        sound.append({**kept, **ran})
    return {"metadata": {}, "nbformat": 4, **plain, "nbformat_minor": 4, "cells": sound}


def _text(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _from_script(text: str) -> NotebookNode:
    """Cells at the marks that Jupyter and Colab write; without marks a cell a statement."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = MARKERS.split(text)[::2] if MARKERS.search(text) else list(_statements(text))
    cells = [new_markdown_cell(each) for each in re.findall(r"(?:^#(?!\s*In).*\n?)+", text, re.M)]
    return new_notebook(cells=[*map(new_code_cell, parts), *cells])


def _statements(text: str) -> Iterator[str]:
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        yield text
        return
    lines, begin = text.splitlines(), 0
    for statement in statements:
        yield "\n".join(lines[begin : statement.end_lineno])
        begin = statement.end_lineno


# --------------------------------------------------------------------------------- mending it


def _mended(notebook: NotebookNode, assignment: str, release: NotebookNode) -> NotebookNode:
    """The release's marks on its cells, none on others; a function in Markdown is code again."""
    marks = {_grade_id(cell): cell for cell in release.cells}
    names = [_defines(name) for name in _functions(release)]
    kept = {}  # of copies the last that was worked on
    for place, cell in enumerate(notebook.cells):
        grade_id = _grade_id(cell)
        untouched = grade_id in marks and cell.source.strip() == marks[grade_id].source.strip()
        if grade_id in marks and not (untouched and grade_id in kept):
            kept[grade_id] = place
    cells = []
    for place, cell in enumerate(notebook.cells):
        grade_id, cell = _grade_id(cell), copy.deepcopy(cell)
        own = marks[grade_id] if grade_id and kept.get(grade_id) == place else None
        cell.metadata.pop("nbgrader", None)
        if own is not None:
            cell.metadata["nbgrader"] = copy.deepcopy(own.metadata["nbgrader"])
            cell.metadata.pop("tags", None)
            kind = own.cell_type
        else:
            is_code = cell.cell_type != "code" and any(name.search(cell.source) for name in names)
            kind = "code" if is_code and _is_python(cell.source) else cell.cell_type
        if kind != cell.cell_type:
            made = new_code_cell if kind == "code" else new_markdown_cell
            cell = made(_unfenced(cell.source), metadata=cell.metadata)
        cells.append(cell)
    there = {_grade_id(cell) for cell in cells}
    imports = f"{assignment}-imports"
    if imports not in there and imports in marks:
        cells.insert(0, copy.deepcopy(marks[imports]))
    else:  # where others need it, wherever it was moved
        cells.sort(key=lambda cell: _grade_id(cell) != imports)
    for place, cell in enumerate(cells):
        cell.id = f"received-{place}"
    return new_notebook(cells=cells, metadata={"kernelspec": release.metadata["kernelspec"]})


def _unfenced(source: str) -> str:
    return re.sub(r"\A\s*```(?:python|py)?\n|\n```\s*\Z", "", source)


def _is_python(source: str) -> bool:
    try:
        ast.parse(_unfenced(source))
    except SyntaxError:
        return False
    return True


# --------------------------------------------------------------------------------------- when


def _stamp(place: Path, target: Path, received: Received) -> None:
    """timestamp.txt as nbgrader reads it; one that cannot be told is noted, and counts as none."""
    path = place / STAMP
    (target / STAMP).unlink(missing_ok=True)
    if not path.is_file():
        return
    text = text_of(path.read_bytes()).strip()
    moment = moment_of(text)
    if moment is None:
        received.notes.append(
            f"{STAMP} says {text[:40]!r}: ask when it came, and write 2026-11-02 18:05:00 UTC there"
        )
    else:
        (target / STAMP).write_text(moment, encoding="utf-8")


def moment_of(text: str) -> str | None:
    """A moment as nbgrader reads it; None if it could be read in two ways, or in none.

    >>> moment_of("02.11.2026 18:05")
    '2026-11-02 18:05'
    """
    from dateutil import parser

    dotted, slashed = DAY_FIRST.search(text), SLASHES.search(text)
    if dotted:
        day, month, year = dotted.groups()
        text = text.replace(dotted[0], f"{year}-{month:0>2}-{day:0>2}")
    elif slashed:
        first, second = int(slashed[1]), int(slashed[2])
        if first <= 12 and second <= 12 and first != second:
            return None
        day, month = (first, second) if first > 12 else (second, first)
        text = text.replace(slashed[0], f"{slashed[3]}-{month:02}-{day:02}")
    try:
        early, late = (
            parser.parse(text, default=datetime.datetime(year, 1, 1)) for year in (2000, 2001)
        )
    except (ValueError, OverflowError):
        return None
    return text if early == late else None  # without a year it is no moment
