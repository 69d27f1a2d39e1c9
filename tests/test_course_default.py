"""The default course: twists of each student's own, and no points for what was not written."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader")

from submissions import hand_in  # noqa: E402

from tutorial_lib.classroom import course  # noqa: E402
from tutorial_lib.classroom.hidden import plan_of  # noqa: E402
from tutorial_lib.cli import main  # noqa: E402
from tutorial_lib.exercises import ch02  # noqa: E402
from tutorial_lib.exercises.discovery import exercises_of  # noqa: E402

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
EXERCISES = exercises_of(ch02)
STUDENTS = ("ana", "ben", "import", "check", "chapter", "nothing", "whole-class")
OF_THE_LIBRARY = {
    e.name: f"from {e.reference.__module__} import {e.reference.__name__} as {e.name}"
    for e in EXERCISES
}


def plans(folder):
    cells = nbformat.read(folder / "source" / "ch02" / "ch02.ipynb", as_version=4).cells
    return [plan for c in cells if c.cell_type == "code" and (plan := plan_of(c.source))]


def right_answer(folder, student):
    """To the student's own twist of causal_mask."""
    exercise = plans(folder)[0].made_for(student).exercise()
    rows = {
        (n, centre): exercise.reference(n, include_center=centre).tolist()
        for n in range(1, 22, 2)
        for centre in (True, False)
    }
    return (
        f"ROWS = {rows}\ndef causal_mask(kernel_size, *, include_center):\n"
        "    return torch.tensor(ROWS[kernel_size, include_center])"
    )


def path_of(folder, student, kind="submitted"):
    return folder / kind / student / "ch02" / "ch02.ipynb"


def hand_in_own(folder, student, answers, made_for=None):
    """Fill in the notebook that was handed out to a student."""
    notebook = nbformat.read(path_of(folder, made_for or student, "handout"), as_version=4)
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for name, source in answers.items():
        by_id[f"ch02-{name}"].source = source(by_id[f"ch02-{name}"].source)
    path = path_of(folder, student)
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    roster = folder / "students.csv"
    roster.write_text("student\n" + "\n".join(STUDENTS), encoding="utf-8")
    main(["course", "build", str(folder), "--chapters", "02", "--roster", str(roster)])
    own = right_answer(folder, "ana")
    hand_in_own(folder, "ana", {"causal_mask": lambda stub: own})
    hand_in_own(folder, "ben", {"causal_mask": lambda stub: own}, made_for="ana")
    imports = {name: lambda stub, line=line: line for name, line in OF_THE_LIBRARY.items()}
    hand_in_own(folder, "import", imports)
    checks = {
        name: lambda stub, name=name: f"{stub}\n\n{name} = ch02.{name}.check({name})"
        for name in OF_THE_LIBRARY
    }
    hand_in_own(folder, "check", checks)
    path = path_of(folder, "chapter")
    path.parent.mkdir(parents=True)
    path.write_bytes(next(NOTEBOOKS.glob("02_*.ipynb")).read_bytes())
    hand_in(folder, "ch02", "whole-class", {})
    hand_in(folder, "ch02", "stranger", {})
    scores = course.grade_course(folder, roster=roster, progress=False)
    return folder, {s.student: s for s in scores}


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("import", "the library's own function"),
        ("check", "what `check` hands out in its place earns no points"),
        ("chapter", "none of the assignment's own cells is in it"),
    ],
)
def test_what_a_student_has_not_written_earns_nothing_and_is_flagged(graded, way, told):
    _, scores = graded
    assert (scores[way].points, scores[way].problem) == (0, "")
    assert told in scores[way].flags
    assert way == "chapter" or all(name in scores[way].flags for name in OF_THE_LIBRARY)


def test_each_student_has_twists_of_his_own_and_is_graded_by_them(graded):
    folder, scores = graded
    notebooks = {name: path_of(folder, name, "handout").read_text() for name in STUDENTS}
    assert len(set(notebooks.values())) == len(STUDENTS)
    assert scores["ana"].points == ch02.causal_mask.points and not scores["ana"].flags
    card = next(
        c.source
        for c in nbformat.read(path_of(folder, "ana", "autograded"), as_version=4).cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == "ch02-causal_mask-card"
    )
    assert plans(folder)[0].made_for("ana").variant().twist in card


def test_a_notebook_that_was_made_for_another_is_flagged(graded):
    _, scores = graded
    assert "the notebook was made for ana" in scores["ben"].flags


def test_whom_nothing_was_handed_out_to_and_who_has_the_wrong_notebook_are_asked(graded):
    _, scores = graded
    assert scores["stranger"].points is None and "hand one out" in scores["stranger"].problem
    assert scores["whole-class"].points is None
    assert "ask for the one of his own" in scores["whole-class"].problem


def test_who_handed_in_nothing_has_a_row_and_platforms_get_their_tables(graded):
    folder, scores = graded
    assert (scores["nothing"].points, scores["nothing"].problem) == (0, course.NOTHING)
    for name in ("canvas.csv", "moodle.csv"):
        assert (folder / name).read_text(encoding="utf-8").count("\n") == len(STUDENTS) + 1


def test_one_student_or_one_exercise_is_graded_again(graded):
    folder, scores = graded
    (again,) = course.grade_course(folder, student="ana", exercise="2.1", progress=False)
    assert again == scores["ana"]
    with pytest.raises(course.CourseError, match="no exercise '2.99'"):
        course.grade_course(folder, exercise="2.99", progress=False)


def test_feedback_names_the_exercises_and_hides_what_is_the_graders(graded):
    folder, _ = graded
    page = (folder / "feedback" / "ana" / "ch02" / "ch02.html").read_text(encoding="utf-8")
    assert '<a href="#ch02-causal_mask-check">2.1 causal_mask</a>' in page
    for hidden in ("Test cell", "Out[1]", "For the reader", "Grade cell"):
        assert hidden not in page, hidden
    reader = path_of(folder, "ana", "autograded").read_text(encoding="utf-8")
    assert "For the reader: a model answer" in reader and "**Points.**" in reader


@pytest.mark.long
def test_a_spreadsheets_table_changes_no_grade(graded):
    folder, scores = graded
    (folder / "grades.csv").write_bytes(b"\xef\xbb\xbfASSIGNMENT;STUDENT\nch02;\xe7elik;17,5\n")
    course.grade_course(folder, student="ana", progress=False)
    told = (folder / "grades.csv").read_text(encoding="utf-8")
    assert f"ch02,ana,{scores['ana'].points}," in told and "ch02,ben," in told
    (kept,) = (folder / "grades-backup").iterdir()
    assert b"17,5" in kept.read_bytes()
