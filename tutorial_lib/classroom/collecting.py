"""Sorts a learning platform's download into submitted/STUDENT/ch02/.

Canvas, *Download Submissions*: `doejane_LATE_4711_90210_ch02-1.ipynb`, where 4711 is the student's
number. Moodle, *Download all submissions*: `Jane Doe_815_assignsubmission_file_/ch02.ipynb`, or the
same without a folder. Any other archive: `STUDENT/ch02.ipynb` or `STUDENT_ch02.ipynb`.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tutorial_lib.classroom.roster import Student, find, folder_name

FORMS = (
    re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>\w+?)_/?(?P<file>.*)"),
    re.compile(r"(?P<name>[^_/]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]+)"),
    re.compile(r"(?P<name>[^/]+)/(?P<file>.+)"),
    re.compile(r"(?P<name>.+)_(?P<file>[^_/]+)"),
)
MOST_BYTES = 64 << 20  # of one file


def collect(
    folder: Path, archive: Path, assignment: str, students: Sequence[Student] = ()
) -> tuple[list[str], list[str]]:
    """(names of the students, what was left out and why). What is there of a student is replaced.

    Without a roster the folder bears the platform's name of the student, and the number behind it.
    """
    new: dict[str, list[tuple[str, zipfile.ZipInfo]]] = {}
    left_out = []
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            name, file = _whose(info.filename, students)
            if info.is_dir() or PurePosixPath(info.filename).name.startswith((".", "__MACOSX")):
                continue
            if not name or not file or info.file_size > MOST_BYTES:
                told = "too large" if name and file else "whose is it?"
                left_out.append(f"{info.filename} ({told})")
            elif not file.endswith("onlinetext.html"):
                new.setdefault(name, []).append((file, info))
        for name, files in new.items():
            target = folder / "submitted" / name / assignment
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for file, info in files:
                with opened.open(info) as source, (target / file).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    return sorted(new), left_out


def _whose(path: str, students: Sequence[Student]) -> tuple[str, str]:
    """(the student's folder, the name of the file); "" for what cannot be told."""
    for form in FORMS:
        match = form.fullmatch(path)
        if match:
            given = match.groupdict()
            number, file = given.get("number") or "", PurePosixPath(given["file"]).name
            known = [find(students, each) for each in (number, given["name"]) if each]
            student = next((each for each in known if each), None)
            if student:
                return student.name, file
            if students and number == "":
                continue
            return folder_name(f"{given['name']}_{number}".rstrip("_")), file
    return "", ""
