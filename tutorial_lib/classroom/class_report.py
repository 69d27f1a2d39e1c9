"""What the class got right and wrong: a page, and the same as a table for a spreadsheet.

For each exercise the points, each mistake with the number of students who made it, and the lines of
the chapter to teach again; then answers that are the same up to names and spacing.
"""

from __future__ import annotations

import ast
import csv
import html
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tutorial_lib.exercises.definition import NOT_ATTEMPTED, PASSED
from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.engine import Exercise

TEXTS = Path(__file__).resolve().parents[2] / "notebooks" / "text"
COLUMNS = (
    "exercise",
    "name",
    "students",
    "mean_points",
    "out_of",
    "what",
    "told",
    "made_by",
    "read",
)
FEWEST_NODES = 40  # of a function's syntax: shorter ones are alike by themselves
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
 padding: 0 1rem; color: #222; background: #fff; }
h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; } table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-top: 1px solid #8884;
 overflow-wrap: anywhere; } td { font-variant-numeric: tabular-nums; } a { color: inherit; }
td.n { width: 5.5rem; white-space: nowrap; } summary { cursor: pointer; }
.again, .small { color: #666; font-size: .9rem; }
.bar { height: .5rem; background: #8883; } .bar div { height: 100%; background: #2a7f62; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; }
 .again, .small { color: #aaa; } }"""


@dataclass(frozen=True)
class Answer:
    """Of one student to one exercise: what GradeApart noted, and the source of the cell."""

    student: str
    graded: dict
    source: str

    @property
    def what(self) -> str:
        """The mistake's name, or what else came of it; nothing for a right answer."""
        if self.graded["outcome"] == PASSED:
            return ""
        return self.graded["mistake"] or self.graded["flag"] or self._outcome()

    def _outcome(self) -> str:
        outcome = self.graded["outcome"]
        return outcome if outcome == NOT_ATTEMPTED else f"{outcome}: {self.graded['says']}"


def write_report(folder: Path) -> list[Path]:
    """Write FOLDER/report.html and FOLDER/report.csv of all that is graded.

    Raises FileNotFoundError where nothing is.
    """
    answers = _answers(folder)
    if not answers:
        raise FileNotFoundError(f"nothing in {folder} is graded: course grade comes first")
    exercises = [each for each in all_exercises() if each.address in answers]
    page, rows = folder / "report.html", folder / "report.csv"
    page.write_text(_page(exercises, answers), encoding="utf-8")
    with rows.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for exercise in exercises:
            writer.writerows(_rows(exercise, answers[exercise.address]))
    return [page, rows]


def _answers(folder: Path) -> dict[str, list[Answer]]:
    """Address of an exercise -> its answers."""
    found = defaultdict(list)
    for path in sorted((folder / "autograded").glob("*/*/*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        sources = [cell.source for cell in cells if cell.cell_type == "code"]
        for graded in (cell.metadata["graded"] for cell in cells if "graded" in cell.metadata):
            name = graded["address"].partition(".")[2]
            defines = re.compile(rf"^(?:def|class) {name}\b|^{name}\s*=", flags=re.MULTILINE)
            source = next((each for each in reversed(sources) if defines.search(each)), "")
            found[graded["address"]].append(Answer(path.parts[-3], dict(graded), source))
    return found


def _mistakes(answers: Sequence[Answer]) -> Iterator[tuple[str, str, list[str]]]:
    """(what, sentence that was told, students), the most frequent first."""
    made = defaultdict(list)
    for answer in answers:
        if answer.what:
            made[answer.what].append(answer)
    for what, by in sorted(made.items(), key=lambda pair: -len(pair[1])):
        told = by[0].graded["says"]
        yield what, "" if told in what else told, [each.student for each in by]


def _rows(exercise: Exercise, answers: Sequence[Answer]) -> Iterator[tuple]:
    mean = sum(each.graded["points"] for each in answers) / len(answers)
    head = (exercise.number, exercise.name, len(answers), f"{mean:.2f}", exercise.points)
    yield (*head, "passed", "", sum(not each.what for each in answers), "")
    for what, told, students in _mistakes(answers):
        yield (*head, what, told, len(students), where_taught(exercise))


def where_taught(exercise: Exercise, texts: Path = TEXTS) -> str:
    """The chapter's text before the exercise: file, lines, heading; else the chapter alone."""
    for path in sorted(texts.glob(f"{exercise.chapter[2:]}_*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        card = f"{exercise.address}.card()"
        end = next((i for i, line in enumerate(lines, 1) if line.strip() == card), None)
        heads = [
            i for i, line in enumerate(lines[:end], 1) if re.match(r"# ##+ (?!Exercise)", line)
        ]
        if end and heads:
            heading = lines[heads[-1] - 1].lstrip("# ")
            return f'notebooks/text/{path.name}, lines {heads[-1]} to {end}, "{heading}"'
    return f"chapter {exercise.chapter[2:]}, exercise {exercise.number}"


# ------------------------------------------------------------------------------- the same answers


def shape_of(source: str, name: str) -> str:
    """The function's syntax without its own names, docstring and spacing; "" if there is none."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return ""
    kinds = ast.FunctionDef, ast.ClassDef
    found = [each for each in statements if isinstance(each, kinds) and each.name == name]
    if not found:
        return ""
    own, numbers = found[-1], {}
    bound = {node.arg for node in ast.walk(own) if isinstance(node, ast.arg)}
    names = [node for node in ast.walk(own) if isinstance(node, ast.Name)]
    bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in ast.walk(own):
        if isinstance(node, ast.arg):
            node.annotation = None
            node.arg = numbers.setdefault(node.arg, f"v{len(numbers)}")
        elif isinstance(node, ast.Name) and node.id in bound:
            node.id = numbers.setdefault(node.id, f"v{len(numbers)}")
        elif isinstance(node, kinds):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            node.returns = None if isinstance(node, ast.FunctionDef) else ()
    return ast.dump(own) if sum(1 for _ in ast.walk(own)) >= FEWEST_NODES else ""


def same_answers(answers: dict[str, list[Answer]]) -> list[tuple[str, str, list[str]]]:
    """(student, student, addresses of exercises that both answered alike); most alike first.

    An answer that a third of the class gives (and more than two students) says nothing.
    """
    alike = defaultdict(list)
    for address, given in answers.items():
        shapes = defaultdict(list)
        for answer in given:
            shape = shape_of(answer.source, address.partition(".")[2])
            if shape and answer.graded["outcome"] != NOT_ATTEMPTED:
                shapes[shape].append(answer.student)
        for students in shapes.values():
            if len(students) <= max(2, len(given) / 3):
                for pair in itertools.combinations(sorted(students), 2):
                    alike[pair].append(address)
    return sorted(((*pair, by) for pair, by in alike.items()), key=lambda e: (-len(e[2]), e))


# ---------------------------------------------------------------------------------------- the page


def _page(exercises: Sequence[Exercise], answers: dict[str, list[Answer]]) -> str:
    students = {each.student for given in answers.values() for each in given}
    parts = [f"<h1>What the class got right and wrong</h1><p>Students: {len(students)}.</p>"]
    head = "<th>exercise</th><th>points</th><th>most frequent mistake</th>"
    overview = [_overview(exercise, answers[exercise.address]) for exercise in exercises]
    parts.append(_rows_of([head, *overview]))
    parts += [_section(exercise, answers[exercise.address]) for exercise in exercises]
    parts.append("<h2>The same answers, up to names and spacing</h2>")
    pairs = same_answers(answers)
    often = [pair for pair in pairs if len(pair[2]) > 1]
    told = "No proof of anything: ask both about a line of their own." if pairs else "None."
    parts.append(f'<p class="small">{told}</p>{_rows_of(map(_pair, often))}')
    if len(pairs) > len(often):
        told = f"Pairs with a single such answer: {len(pairs) - len(often)}"
        once = _rows_of(map(_pair, pairs[len(often) :]))
        parts.append(f"<details><summary>{told}</summary>{once}</details>")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Class report</title>'
        '<meta name="viewport" content="width=device-width"><style>'
        f"{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _rows_of(rows: Iterable[str]) -> str:
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _pair(pair: tuple[str, str, list[str]]) -> str:
    one, other, by = pair
    return f"<td>{_text(one)}</td><td>{_text(other)}</td><td>{_text(', '.join(by))}</td>"


def _overview(exercise: Exercise, answers: Sequence[Answer]) -> str:
    """The mean, and what went wrong most often."""
    mean = sum(each.graded["points"] for each in answers) / len(answers)
    made = [(what, len(by)) for what, _, by in _mistakes(answers) if what != NOT_ATTEMPTED]
    told = f"{_text(made[0][0])} ({made[0][1]})" if made else ""
    return (
        f'<td><a href="#{exercise.name}">{exercise.number} {_text(exercise.title)}</a></td>'
        f'<td class="n">{100 * mean / exercise.points:.0f} %</td><td>{told}</td>'
    )


def _section(exercise: Exercise, answers: Sequence[Answer]) -> str:
    points = [each.graded["points"] for each in answers]
    mean, spread = sum(points) / len(points), Counter(points)
    told = ", ".join(f"{spread[n]} × {n}" for n in sorted(spread, reverse=True))
    rows = [
        f'<td class="n">{len(by)} of {len(answers)}</td><td>{_text(what)}'
        f'<div class="small">{_text(says)}</div>'
        f'<div class="small">{_text(", ".join(by))}</div></td>'
        for what, says, by in _mistakes(answers)
    ]
    again = f'<p class="again">To teach again: {_text(where_taught(exercise))}</p>' if rows else ""
    return (
        f'<h2 id="{exercise.name}">'
        f"{exercise.number} {_text(exercise.title)} (<code>{exercise.name}</code>)</h2>"
        f'<div class="bar"><div style="width:{100 * mean / exercise.points:.0f}%"></div></div>'
        f"<p>{mean:.1f} of {exercise.points} points in the mean; students × points: {told}.</p>"
        f"{_rows_of(rows)}{again}"
    )


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
