"""Builds an nbgrader course from the exercises, and grades what was handed in.

FOLDER/nbgrader_config.py     grades come from GradeApart
FOLDER/source/ch02/           the instructor's notebook: solutions, hidden lines
FOLDER/release/ch02/          the students' notebook
FOLDER/handout/NAME/ch02/     the same with a student's own twists, where a roster was given
FOLDER/submitted/NAME/ch02/   where their work goes; received/ has it mended, autograded/ graded
FOLDER/feedback/NAME/ch02/    what the student is told
FOLDER/gradebook.db           nbgrader's: the points; grades.csv and others are written from it
FOLDER/remarks.json           what keeps work from being graded, and what a teacher should look at
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import secrets
import shutil
import sysconfig
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import nbformat
from tqdm.auto import tqdm

from tutorial_lib.classroom.grades_table import Score, write_csv
from tutorial_lib.classroom.received import Refused, receive
from tutorial_lib.classroom.roster import Student, find, folder_name, read_roster, write_exports
from tutorial_lib.exercises.discovery import chapters
from tutorial_lib.files import write_whole

CONFIG = '''\
"""What nbgrader needs to know of this course. Your own settings can go below."""

import os

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from tutorial_lib.classroom.feedback import ForStudents, named
from tutorial_lib.classroom.mended import ForgetCopies, PutBack
from tutorial_lib.classroom.preprocessor import GradeApart

c = get_config()
c.CourseDirectory.course_id = "from-pixels-to-codes"
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.ClearSolutions.code_stub = {"python": "____"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.OverwriteCells.add_missing_cells = True

# Cells that a student copied, deleted or retyped cost nobody the whole assignment.
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    ForgetCopies,
    OverwriteKernelspec,
    PutBack,
    CheckCellMetadata,
]
# Grades come from a process that never runs the student's code: GradeApart stands where nbgrader
# has Execute, which runs notebook and hidden tests in one kernel. Keep it in this list.
c.Autograde.autograde_preprocessors = [
    GradeApart,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.GenerateFeedback.preprocessors = [GetGrades, ForStudents, CSSHTMLHeaderPreprocessor]
c.GenerateFeedback.post_convert_hook = named
c.GradeApart.cell_seconds = 30.0  # for one cell of a submission
c.GradeApart.memory_mib = 2048  # for a submission, on top of what torch needs
'''
ERROR = re.compile(r"\s*[\w.]+(Error|Exception)\b")
NOTHING = "nothing was handed in"
NO_NBGRADER = (
    "A course needs nbgrader and psutil. Install them in the project's folder with: "
    'pip install -c constraints.txt -e ".[course]"'
)


class CourseError(ValueError):
    """What keeps a course from being built or graded, in a sentence."""


def build_course(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    practice: bool = False,
    variant_seed: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> list[str]:
    """Write the course and its release version; returns the names of the assignments.

    names         chapters, as "ch02" or "02"; default: all
    practice      the chapters' own exercises, not variants: their solutions are a click away
    variant_seed  draws the variants; default: drawn once for a course, and kept in its folder
    overwrite     make assignments anew that are there already (submissions stay as they are)

    Raises CourseError, before anything is written, for an unknown chapter, for assignments that
    are there already, and without nbgrader or the model answers.
    """
    from tutorial_lib.classroom.written_questions import model_answers

    chosen = _chosen(names)
    need_nbgrader()
    try:
        model_answers()
    except FileNotFoundError as missing:
        raise CourseError(str(missing)) from None
    there = [name for name in chosen if (folder / "source" / name).exists()]
    if there and not overwrite:
        raise CourseError(
            f"{folder} holds {', '.join(there)} already. Choose another folder or other chapters, "
            "or pass --overwrite: it makes the assignments anew, with other hidden inputs. What "
            "you changed in their notebooks is lost then."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "nbgrader_config.py").exists():
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    seed = None if practice else _variant_seed(folder, variant_seed)
    for name, chapter in tqdm(chosen.items(), "assignments", disable=not progress):
        _write_source(folder, name, chapter, seed)
        with _quiet():
            made = _api(folder).generate_assignment(name, force=True, create=True)
        if not made["success"]:
            raise CourseError(f"nbgrader could not make the release of {name}: {_why(made)}")
    return list(chosen)


def _variant_seed(folder: Path, given: int | None) -> int:
    """The course's seed of variants, drawn once."""
    path = folder / "variant_seed.txt"
    if given is None and path.exists():
        return int(path.read_text(encoding="utf-8"))
    seed = secrets.randbelow(10**9) if given is None else given
    path.write_text(f"{seed}\n", encoding="utf-8")
    return seed


def hand_out(folder: Path, roster: Path) -> list[str]:
    """Write FOLDER/handout/STUDENT/ch02/ch02.ipynb, with twists of the student's own, for each
    student of the roster and each assignment that has variants; returns the names."""
    from tutorial_lib.classroom.assignment import made_for
    from tutorial_lib.classroom.hidden import plan_of

    students = read_roster(roster)
    for source in sorted((folder / "source").glob("*/*.ipynb")):
        name = source.stem
        cells = nbformat.read(source, as_version=4).cells
        plans = [plan for c in cells if c.cell_type == "code" and (plan := plan_of(c.source))]
        if not plans or any(plan.variant_seed is None for plan in plans):
            continue
        release = nbformat.read(folder / "release" / name / source.name, as_version=4)
        for student in students:
            target = folder / "handout" / student.name / name
            target.mkdir(parents=True, exist_ok=True)
            nbformat.write(made_for(release, plans, student.name), target / source.name)
    return [student.name for student in students]


def grade_course(
    folder: Path,
    *,
    names: Sequence[str] | None = None,
    student: str | None = None,
    exercise: str | None = None,
    roster: Path | None = None,
    progress: bool = True,
) -> list[Score]:
    """Grade what lies in FOLDER/submitted; write feedback, FOLDER/grades.csv and its like.

    names     chapters; default: all
    student   this one alone, by the name of the folder
    exercise  this one alone ("2.1" or "ch02.causal_mask"); the points of the others stay
    roster    a CSV of the students: those who handed in nothing get their row as well, and
              canvas.csv and moodle.csv are written

    Work that can't be graded has its reason and no points; the others are graded. Work that was
    graded before is graded again, from the same hidden inputs; points and comments that a person
    gave stay. grades.csv holds all that the gradebook knows.
    """
    need_nbgrader()
    if not (folder / "nbgrader_config.py").exists():
        raise CourseError(f"{folder} is no course: it holds no nbgrader_config.py")
    students = [] if roster is None else read_roster(roster)
    only = "" if exercise is None else _address(exercise)
    asked = _chosen([only.partition(".")[0]] if only else names)
    handed_in = [
        pair
        for pair in submissions(folder)
        if pair[0] in asked and student in (None, pair[1], folder_name(pair[1]))
    ]
    if not handed_in and not students:
        of = "" if names is None else f" of {', '.join(asked)}"
        of += "" if student is None else f" by {student}"
        example = folder / "submitted" / "STUDENT" / "ch02" / "ch02.ipynb"
        raise CourseError(
            f"Nothing to grade{of}. Work belongs into {example}, for the chapters that this course "
            "holds."
        )
    remarks = Remarks(folder)
    for assignment, name in tqdm(handed_in, "submissions", disable=not progress):
        with _quiet():
            _grade(folder, assignment, name, only, students, remarks)
    scores = all_scores(folder, remarks, students)
    _write_tables(folder, scores, remarks, students)
    graded = {(assignment, remarks.name_of(assignment, name)) for assignment, name in handed_in}
    return [s for s in scores if (s.assignment, s.student) in graded or s.problem == NOTHING]


def _address(exercise: str) -> str:
    """ "ch02.causal_mask" of this, or of "2.1". CourseError if there is no such exercise."""
    from tutorial_lib.exercises.discovery import all_exercises

    known = {name: e.address for e in all_exercises() for name in (e.number, e.address)}
    if exercise not in known:
        raise CourseError(f"there is no exercise {exercise!r}: write 2.1 or ch02.causal_mask")
    return known[exercise]


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


def _write_tables(folder: Path, scores, remarks: Remarks, students: Sequence[Student]) -> None:
    path = folder / "grades.csv"
    remarks.last_table, _ = write_csv(path, scores, remarks.last_table)
    remarks.save()
    if students:
        write_exports(folder, students, {(s.assignment, s.student): s.points for s in scores})
    pages = sorted((folder / "feedback").glob("*/*/*.html"))
    with zipfile.ZipFile(folder / "feedback.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for page in pages:
            archive.write(page, f"{page.parts[-3]}/{page.name}")


def submissions(folder: Path) -> Iterator[tuple[str, str]]:
    """(assignment, student) of everything handed in."""
    for path in sorted((folder / "submitted").glob("*/*")):
        if path.is_dir() and (folder / "source" / path.name).is_dir():
            yield path.name, path.parent.name


def misplaced(folder: Path) -> list[Path]:
    """What lies in FOLDER/submitted, but not where it would be graded."""
    known = set(submissions(folder))
    found = []
    for path in sorted((folder / "submitted").glob("[!.]*")):
        inside = sorted(path.glob("[!.]*")) if path.is_dir() else [path]
        found += [each for each in inside if (each.name, path.name) not in known]
    return found


def _chosen(names: Sequence[str] | None) -> dict[str, ModuleType]:
    known = chapters()
    if names is None:
        return known
    asked = [name if name.startswith("ch") else f"ch{name.zfill(2)}" for name in names]
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise CourseError(
            f"there are no exercises of {', '.join(unknown) or 'no chapter'}; "
            f"chapters: {', '.join(name[2:] for name in known)}"
        )
    return {name: known[name] for name in dict.fromkeys(asked)}


def need_nbgrader() -> None:
    """Raises CourseError where nbgrader, or what it takes to watch a process, is not installed."""
    try:
        import nbgrader  # noqa: F401
        import psutil  # noqa: F401
    except ImportError:
        raise CourseError(NO_NBGRADER) from None


def _write_source(folder: Path, name: str, chapter: ModuleType, variant_seed: int | None) -> None:
    from tutorial_lib.classroom.assignment import assignment_notebook

    secret = random.Random(secrets.randbits(64))
    notebook = assignment_notebook(chapter, secret=secret, variant_seed=variant_seed)
    target = folder / "source" / name
    target.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target / f"{name}.ipynb")


def _api(folder: Path, **grading: object):
    """nbgrader with the course's own configuration; `grading`: of GradeApart.

    It starts `alembic` by name, which stands beside this Python, on the PATH or not.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    config = PyFileConfigLoader("nbgrader_config.py", path=str(folder.resolve())).load_config()
    config.CourseDirectory.submitted_directory = "received"
    config.GradeApart.update(grading)
    return NbGraderAPI(config=config)


def _grade(
    folder: Path,
    assignment: str,
    came_from: str,
    only: str,
    students: Sequence[Student],
    remarks: Remarks,
) -> None:
    """Grade one submission, and note what is to be said of it."""
    name, problem, notes = folder_name(came_from), "", []
    try:
        name = _gradebook_name(folder, assignment, came_from, students)
        notes = _received(folder, assignment, came_from, name)
        problem = _autograded(folder, assignment, name, only)
    except Refused as refused:
        problem = str(refused)
    if problem:
        shutil.rmtree(folder / "feedback" / name / assignment, ignore_errors=True)
    else:
        graded = graded_cells(folder / "autograded" / name / assignment / f"{assignment}.ipynb")
        for flag in dict.fromkeys(each["flag"] for each in graded if each["flag"]):
            names = [e["address"].partition(".")[2] for e in graded if e["flag"] == flag]
            notes.append(f"{', '.join(names)}: {flag}")
    remarks.note(assignment, name, came_from, problem, notes)


def _gradebook_name(folder, assignment: str, came_from: str, students: Sequence[Student]) -> str:
    """The student's name as roster and handout have it; Refused if it could be another's."""
    handed_out = [each.name for each in (folder / "handout").glob("*") if each.is_dir()]
    named = [Student(each, {}) for each in handed_out]
    known = find(named, came_from) or find(students, came_from)
    name = folder_name(came_from) if known is None else known.name
    if handed_out and name not in handed_out:
        raise Refused(
            f"no notebook was handed out to {came_from}: name the folder as in the roster, or hand "
            "one out with course hand-out"
        )
    others = {each for chapter, each in submissions(folder) if chapter == assignment}
    if any(folder_name(each) == name for each in others - {came_from}):
        raise Refused(f"another folder is called {name} as well: rename one of the two")
    return name


def _received(folder: Path, assignment: str, came_from: str, name: str) -> list[str]:
    received = receive(folder, assignment, came_from, name)
    if (folder / "handout" / name).is_dir() and received.made_for not in (None, name):
        if not received.made_for:
            raise Refused("this is the notebook of the whole class: ask for the one of his own")
        received.notes.append(f"the notebook was made for {received.made_for}")
    return received.notes


def _autograded(folder: Path, assignment: str, name: str, only: str) -> str:
    """Grade and write feedback; the reason if that fails."""
    done = folder / "autograded" / name / assignment / f"{assignment}.ipynb"
    kept = {each["address"]: each for each in graded_cells(done)} if only else {}
    api = _api(folder, only=only, kept=kept)
    outcome = api.autograde(assignment, name, force=True, create=True)
    if not outcome["success"]:
        return _why(outcome)
    told = api.generate_feedback(assignment, name, force=True)
    return "" if told["success"] else f"the feedback could not be written: {_why(told)}"


def graded_cells(path: Path) -> list[dict]:
    """What GradeApart noted in the graded cells of such a notebook; none where there is none."""
    if not path.exists():
        return []
    cells = nbformat.read(path, as_version=4).cells
    return [dict(cell.metadata["graded"]) for cell in cells if "graded" in cell.metadata]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of nbgrader's own libraries, which nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _why(outcome: dict) -> str:
    """The first error in nbgrader's log, in one line."""
    lines = f"{outcome.get('log') or ''}\n{outcome.get('error') or ''}".splitlines()
    errors = [line.strip() for line in lines if ERROR.match(line)]
    said = [line.strip() for line in lines if line.strip()]
    return next(iter(errors), said[-1] if said else "nbgrader gave no reason")


def all_scores(folder: Path, remarks: Remarks, students: Sequence[Student] = ()) -> list[Score]:
    """Everything that the gradebook knows, what could not be graded, and who handed in nothing."""
    scores = {}
    with _api(folder).gradebook as gradebook:
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
