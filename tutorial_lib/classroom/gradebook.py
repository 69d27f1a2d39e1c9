"""What is known of every submission, and the tables that are written from it.

The points are nbgrader's, in gradebook.db; why work was not graded, and what a teacher should look
at, stand in remarks.json.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tutorial_lib.classroom.grades_table import Score, write_csv
from tutorial_lib.classroom.nbgrader_api import api_of
from tutorial_lib.classroom.roster import Student, write_exports
from tutorial_lib.files import write_whole

NOTHING = "nothing was handed in"


class Remarks:
    """What was noted of each submission, in FOLDER/remarks.json.

    of[assignment][student]: problem, notes, and the folder in submitted/ that it came from.
    """

    def __init__(self, folder: Path):
        self.path = folder / "remarks.json"
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            self.of, self.last_table = dict(kept["of"]), str(kept["last_table"])
        except (OSError, ValueError, KeyError, TypeError):
            self.of, self.last_table = {}, ""
        for assignment, students in self.of.items():
            place = "submitted/{}/" + assignment
            gone = [
                n
                for n, t in students.items()
                if not (folder / place.format(t["came_from"])).is_dir()
            ]
            for name in gone:
                del students[name]

    def note(self, assignment: str, student: str, came_from: str, problem: str, notes: list):
        told = {"problem": problem, "notes": notes, "came_from": came_from}
        self.of.setdefault(assignment, {})[student] = told

    def name_of(self, assignment: str, came_from: str) -> str:
        """The student's name in the gradebook."""
        known = self.of.get(assignment, {}).items()
        return next((n for n, told in known if told["came_from"] == came_from), came_from)

    def save(self) -> None:
        kept = {"of": self.of, "last_table": self.last_table}
        write_whole(self.path, json.dumps(kept, indent=1, ensure_ascii=False).encode())


def write_tables(folder: Path, scores, remarks: Remarks, students: Sequence[Student]) -> None:
    """Write grades.csv, the files for Canvas and Moodle, and the feedback as one zip."""
    path = folder / "grades.csv"
    remarks.last_table, _ = write_csv(path, scores, remarks.last_table)
    remarks.save()
    if students:
        write_exports(folder, students, {(s.assignment, s.student): s.points for s in scores})
    pages = sorted((folder / "feedback").glob("*/*/*.html"))
    with zipfile.ZipFile(folder / "feedback.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for page in pages:
            archive.write(page, f"{page.parts[-3]}/{page.name}")


def all_scores(folder: Path, remarks: Remarks, students: Sequence[Student] = ()) -> list[Score]:
    """Everything that the gradebook knows, what could not be graded, and who handed in nothing."""
    scores = {}
    with api_of(folder).gradebook as gradebook:
        for assignment in gradebook.assignments:
            name, noted = assignment.name, remarks.of.get(assignment.name, {})
            if not (folder / "source" / name).is_dir():
                continue
            for found in gradebook.assignment_submissions(name):
                told = noted.get(found.student_id, {})
                late = found.late_submission_penalty or 0.0
                points = None if told.get("problem") else max(0.0, found.score - late)
                scores[name, found.student_id] = Score(
                    name, found.student_id, points, found.max_score, _unread(found), *_said(told)
                )
            out_of = assignment.max_score
            for student, told in noted.items():
                row = Score(name, student, None, out_of, False, *_said(told))
                scores.setdefault((name, student), row)
            for student in students:
                row = Score(name, student.name, 0.0, out_of, False, NOTHING)
                scores.setdefault((name, student.name), row)
    return [scores[key] for key in sorted(scores)]


def _said(told: dict) -> tuple[str, str]:
    return told.get("problem", ""), "; ".join(told.get("notes", []))


def _unread(submission) -> bool:
    """Is there an answer to which nobody has given points?

    nbgrader's own flag says so of every answer that was read, once its notebook is graded again.
    """
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return any(grade.manual_score is None and grade.auto_score is None for grade in grades)
