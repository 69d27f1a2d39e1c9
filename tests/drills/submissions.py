"""Submissions damaged as students and programs damage them: graded, and no point is lost."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from submissions import hand_in, library_s_own

from drills import Drill
from tutorial_lib.classroom import course
from tutorial_lib.exercises import ch08
from tutorial_lib.exercises.discovery import exercises_of

CHAPTER = "ch08"  # the chapter with the fewest exercises that build on each other
EXERCISES = exercises_of(ch08)
ANSWERS = {e.name: library_s_own(CHAPTER, e.name) for e in EXERCISES}
FULL = sum(e.points for e in EXERCISES)
IDS = {f"{CHAPTER}-{name}" for name in ANSWERS}
BATCH = 10
NAMES = ("ana", "[x]", "Ben O'Neil", "çelik", "d.d.", "e+e", "f*", "Doe, Jane", "名前", "j j")


def is_answer(cell: NotebookNode) -> bool:
    return cell.source in ANSWERS.values()


# -------------------------------------------------------------------------- what happens to cells


def delete_one(cells: list, rng: Random) -> None:
    others = [cell for cell in cells if not is_answer(cell)]
    if others:
        cells.remove(rng.choice(others))


def copy_one(cells: list, rng: Random) -> None:
    cells.insert(rng.randrange(len(cells) + 1), copy.deepcopy(rng.choice(cells)))


def copy_the_stub(cells: list, rng: Random) -> None:
    name = rng.choice(list(ANSWERS))
    stub = next(e.stub for e in EXERCISES if e.name == name)
    marks = {"nbgrader": {"grade_id": f"{CHAPTER}-{name}", "solution": True, "grade": False}}
    cells.insert(rng.randrange(len(cells) + 1), new_code_cell(stub, metadata=marks))


def retype_one(cells: list, rng: Random) -> None:
    rng.choice(cells).metadata = {}


def turn_to_markdown(cells: list, rng: Random) -> None:
    place = rng.randrange(len(cells))
    cell, make = cells[place], rng.choice([new_markdown_cell, new_raw_cell])
    if not is_answer(cell) or cell.metadata.get("nbgrader"):
        cells[place] = make(cell.source, metadata=cell.metadata)


def move_one(cells: list, rng: Random) -> None:
    cell = cells.pop(rng.randrange(len(cells)))
    cells.insert(rng.randrange(len(cells) + 1), cell)


def add_one_that_fails(cells: list, rng: Random) -> None:
    source = rng.choice(["1/0", "raise SystemExit", "(", "%no_such_magic", "!ls", "input()"])
    cells.insert(rng.randrange(len(cells) + 1), new_code_cell(source))


def spoil_the_marks(cells: list, rng: Random) -> None:
    marked = [cell for cell in cells if isinstance(cell.metadata.get("nbgrader"), dict)]
    if marked:
        marks = rng.choice(marked).metadata["nbgrader"]
        marks.update(rng.choice([{"points": 99}, {"grade": False}, {"schema_version": 1}]))
        marks.pop(rng.choice(["checksum", "locked", "cell_type"]), None)


CHANGES = (
    *(delete_one, copy_one, copy_the_stub, retype_one, turn_to_markdown, move_one),
    *(add_one_that_fails, spoil_the_marks),
)

# -------------------------------------------------------------------------- and to the file


def as_script(notebook: NotebookNode) -> bytes:
    parts = []
    for cell in notebook.cells:
        lines = cell.source.splitlines()
        is_code = cell.cell_type == "code"
        parts.append("\n".join(["# In[ ]:", *(lines if is_code else [f"# {x}" for x in lines])]))
    return "\n\n\n".join(parts).encode()


def plain(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def old_format(notebook: NotebookNode) -> bytes:
    return nbformat.writes(nbformat.convert(notebook, 3), version=3).encode()


FILES = {
    "ch08.ipynb": plain,
    "Copy of ch08.ipynb": plain,
    "ch08 (1).ipynb": lambda notebook: b"\xef\xbb\xbf" + plain(notebook),
    "my work/ch08.ipynb": lambda notebook: plain(notebook).replace(b"\n", b"\r\n"),
    "CH08.IPYNB": lambda notebook: nbformat.writes(notebook).encode("utf-16"),
    "ch08-1.ipynb": old_format,
    "ch08.py": as_script,
}


def damaged(rounds: int, rng: Random) -> Iterator[str | None]:
    """Each submission had every answer right, and still has it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        course.build_course(folder, names=[CHAPTER], practice=True, progress=False)
        for first in range(0, rounds, BATCH):
            told = {}
            for number in range(first, min(first + BATCH, rounds)):
                student = f"{NAMES[number % len(NAMES)]} {number}"
                told[student] = _hand_in_damaged(folder, student, rng)
            scores = course.grade_course(folder, progress=False)
            by_name = {s.student: s for s in scores}
            for student, what in told.items():
                score = by_name.get(course.folder_name(student))
                good = score is not None and score.points == FULL and not score.problem
                yield None if good else f"{what}: {score}"
            for path in (folder / "submitted").iterdir():
                path.rename(folder / f"graded {path.name}")


def _hand_in_damaged(folder: Path, student: str, rng: Random) -> str:
    """Hand it in; what was done to it, in words."""
    hand_in(folder, CHAPTER, student, ANSWERS)
    original = folder / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(original, as_version=4)
    name = rng.choice([*FILES, "ch08.ipynb", "ch08.ipynb"])
    # In a script Markdown is a comment: an answer there is one that its author took out.
    possible = [each for each in CHANGES if name != "ch08.py" or each is not turn_to_markdown]
    changes = rng.choices(possible, k=rng.randint(1, 4))
    for change in changes:
        change(notebook.cells, rng)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    data = FILES[name](notebook)
    original.unlink()
    target = original.parent / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)
    return f"{', '.join(change.__name__ for change in changes)}; {name}"


try:
    course.need_nbgrader()
    UNAVAILABLE = ""
except course.CourseError as missing:
    UNAVAILABLE = str(missing)

DRILLS = (Drill("a damaged submission", damaged, rounds=300, short=12, unavailable=UNAVAILABLE),)
