"""The list of a course's students, and tables of grades that a learning platform takes.

A roster is any CSV with a row a student: one column of names, or what Canvas (*Grades, Export*) or
Moodle (*Grades, Export*; or an assignment's grading worksheet) hands out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMED = (
    *("student", "sis login id", "username", "login", "user name", "student id", "id number"),
    *("email address", "email", "sis user id", "identifier", "full name", "name", "id"),
)
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Username", "ID number", "Email address", "First name", "Last name")
ODD = re.compile(r'[\[\]*?/\\:"<>|+]|^\.')  # to nbgrader or a file system


class RosterError(ValueError):
    """What is wrong with a list of students, in a sentence."""


@dataclass(frozen=True)
class Student:
    """name: of the folder of what was handed in; row: as the roster has it."""

    name: str
    row: Mapping[str, str]

    def is_called(self, name: str) -> bool:
        """Is it this student's name, in any column, or the number that a platform gives?"""
        told = {plain_name(value.removeprefix("Participant ")) for value in self.row.values()}
        return plain_name(name) in {plain_name(self.name), *told} - {""}


def plain_name(name: str) -> str:
    """Letters and digits, as Canvas writes a name into that of a file: "Doe, Jane" as "doejane"."""
    return "".join(each for each in name.casefold() if each.isalnum())


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV, whatever program wrote it: commas, semicolons or tabs; any encoding."""
    rows = list(csv.reader(io.StringIO(text_of(path.read_bytes())), delimiter=_delimiter(path)))
    rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    if not rows:
        return []
    head = rows[0]
    if not any(each.casefold() in NAMED for each in head):
        head, rows = ["student"], [[], *rows]
    return [dict(zip(head, row, strict=False)) for row in rows[1:]]


def text_of(data: bytes) -> str:
    """Bytes as text: UTF-8 or UTF-16 with their marks, or what old spreadsheets write."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _delimiter(path: Path) -> str:
    first = text_of(path.read_bytes()).partition("\n")[0]
    return max(",;\t", key=first.count)


def read_roster(path: Path) -> list[Student]:
    """The students in order. RosterError for no such file, no names, or a name twice."""
    if not path.is_file():
        raise RosterError(f"there is no roster {path}")
    found = [_student(row) for row in read_table(path)]
    students = [each for each in found if each.name and "points possible" not in each.name.lower()]
    if not students:
        raise RosterError(f"{path} names no students: it needs a column `student`")
    names = [each.name.casefold() for each in students]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RosterError(f"{path} names these twice: {', '.join(sorted(twice))}")
    return students


def _student(row: dict[str, str]) -> Student:
    columns = {column.casefold(): column for column in row if column}
    # Canvas has the full name in "Student", and a login beside it that no other student has.
    order = NAMED[1:] + NAMED[:1] if "sis login id" in columns else NAMED
    named = (row[columns[each]] for each in order if each in columns)
    return Student(folder_name(next((each for each in named if each), "")), row)


def folder_name(name: str) -> str:
    """The name, fit for a folder that nbgrader finds again."""
    return ODD.sub("_", name.strip())


def find(students: Sequence[Student], name: str) -> Student | None:
    """The one student who is called that; None for nobody, or for several."""
    found = [each for each in students if each.is_called(name)]
    exact = [each for each in found if each.name == name]
    return (exact or found)[0] if len(exact or found) == 1 else None


def write_exports(
    folder: Path, students: Sequence[Student], points: Mapping[tuple[str, str], float | None]
) -> list[Path]:
    """FOLDER/canvas.csv and FOLDER/moodle.csv: a column an assignment, empty where there is no
    grade yet. `points`: (assignment, student) -> points."""
    assignments = sorted({assignment for assignment, _ in points})
    written = []
    for name, columns in (("canvas.csv", CANVAS), ("moodle.csv", MOODLE)):
        rows = [_exported(each, columns, assignments, points) for each in students]
        path = folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*columns, *assignments])
            writer.writerows(rows)
        written.append(path)
    return written


def _exported(student: Student, columns, assignments, points) -> list[str]:
    given = {column.casefold(): value for column, value in student.row.items() if column}
    own = [given.get(column.casefold(), "") for column in columns]
    if not any(own[1:4] if columns is CANVAS else own[:3]):  # nothing to know the student by
        own[3 if columns is CANVAS else 0] = student.name
    own[0] = own[0] or student.name
    grades = [points.get((each, student.name)) for each in assignments]
    return [*own, *("" if each is None else f"{each:g}" for each in grades)]
