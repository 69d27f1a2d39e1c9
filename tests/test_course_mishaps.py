"""What goes wrong in a real course: copied and lost cells, other names, late work, second hands."""

import datetime
import shutil

import nbformat
import pytest
from submissions import hand_in, library_s_own

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook  # noqa: E402

from tutorial_lib.classroom import course, worker_process  # noqa: E402
from tutorial_lib.cli import main  # noqa: E402
from tutorial_lib.exercises import ch11  # noqa: E402
from tutorial_lib.exercises.discovery import exercises_of  # noqa: E402

EXERCISES = exercises_of(ch11)
REFERENCE = {e.name: library_s_own("ch11", e.name) for e in EXERCISES}
FULL = sum(e.points for e in EXERCISES)
FIRST = EXERCISES[0]


def path_of(folder, student):
    return folder / "submitted" / student / "ch11" / "ch11.ipynb"


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def changed(folder, student, change):
    """A right submission, but for what `change(cells)` does to the list of its cells."""
    hand_in(folder, "ch11", student, REFERENCE)
    path = path_of(folder, student)
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, path)


def copy_every_cell(cells):
    """As a student does who wants to keep what was there: the copy stands behind the cell."""
    for cell in list(cells):
        copied = nbformat.from_dict({**cell, "id": f"{cell.id}-copy"})
        cells.insert(cells.index(cell) + 1, copied)


def keep_an_old_stub(cells):
    place = next(i for i, c in enumerate(cells) if grade_id(c) == f"ch11-{FIRST.name}")
    old = nbformat.from_dict({**cells[place], "id": "old", "source": FIRST.stub})
    cells.insert(place, old)


def retype_the_written_answer(cells):
    place = next(i for i, c in enumerate(cells) if c.source == "*Your answer here.*")
    cells[place] = nbformat.v4.new_markdown_cell("The rate is what the codes cost.")


def retype_an_exercise_without_its_check(cells):
    names = (f"ch11-{FIRST.name}", f"ch11-{FIRST.name}-check")
    stub, check = (next(c for c in cells if grade_id(c) == name) for name in names)
    cells[cells.index(stub)] = nbformat.v4.new_code_cell(stub.source)
    cells.remove(check)


def lose_all_metadata(cells):
    for cell in cells:
        cell.metadata.pop("nbgrader", None)


MISHAPS = {
    each.__name__: each
    for each in (
        copy_every_cell,
        keep_an_old_stub,
        retype_the_written_answer,
        retype_an_exercise_without_its_check,
        lose_all_metadata,
    )
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The course of chapter 11, to be copied: building takes seconds."""
    folder = tmp_path_factory.mktemp("built")
    course.build_course(folder, names=["11"], practice=True, progress=False)
    return folder


@pytest.fixture(scope="module")
def graded(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "ours"
    shutil.copytree(built, folder)
    for name, change in MISHAPS.items():
        changed(folder, name, change)
    hand_in(folder, "ch11", "renamed", REFERENCE)
    path_of(folder, "renamed").rename(path_of(folder, "renamed").with_name("Copy_of_ch11.ipynb"))
    return folder, {s.student: s for s in course.grade_course(folder, progress=False)}


@pytest.mark.long
@pytest.mark.parametrize("student", MISHAPS)
def test_what_happens_to_cells_costs_no_points(graded, student):
    _, scores = graded
    assert (scores[student].points, scores[student].problem) == (FULL, "")


@pytest.mark.long
def test_an_answer_in_a_cell_of_its_own_is_still_to_be_read(graded):
    _, scores = graded
    assert scores["retype_the_written_answer"].to_be_read


@pytest.mark.long
def test_a_notebook_of_another_name_is_graded_and_told(graded):
    _, scores = graded
    assert (scores["renamed"].points, scores["renamed"].problem) == (FULL, "")
    assert "handed in as Copy_of_ch11.ipynb" in scores["renamed"].flags


def read_answer(folder, student, points):
    """What the formgrader does when a person gives points."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission("ch11", student)
        (grade,) = (g for n in submission.notebooks for g in n.grades if g.cell_type == "markdown")
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


@pytest.fixture
def empty_course(built, tmp_path):
    """Chapter 11, and nothing handed in."""
    return shutil.copytree(built, tmp_path / "course")


@pytest.fixture
def small_course(empty_course):
    """Chapter 11, and one student who has answered everything."""

    def answer(cells):
        next(c for c in cells if c.source == "*Your answer here.*").source = "The rate."

    changed(empty_course, "ana", answer)
    return empty_course


def test_after_reading_and_grading_again_the_points_count_and_nothing_is_to_be_read(small_course):
    (before,) = course.grade_course(small_course, progress=False)
    assert before.to_be_read and before.points == FULL
    read_answer(small_course, "ana", 3.0)
    (after,) = course.grade_course(small_course, progress=False)
    assert not after.to_be_read and after.points == FULL + 3
    assert f"ch11,ana,{after.points}," in (small_course / "grades.csv").read_text()


@pytest.mark.long
def test_late_work_loses_what_the_course_takes_from_it(small_course):
    course.grade_course(small_course, progress=False)
    due = datetime.datetime(2026, 11, 1, 12)
    with Gradebook(f"sqlite:///{small_course / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment("ch11", duedate=due)
    config = small_course / "nbgrader_config.py"
    zero = 'c.LateSubmissionPlugin.penalty_method = "zero"\n'
    config.write_text(config.read_text(encoding="utf-8") + zero, encoding="utf-8")
    stamp = path_of(small_course, "ana").with_name("timestamp.txt")
    for day, points in (("2026-10-31", FULL), ("2026-11-02", 0)):
        stamp.write_text(f"{day} 18:05:00 UTC")
        (score,) = course.grade_course(small_course, progress=False)
        assert score.points == points


def test_a_grader_that_cannot_start_is_not_the_student_s_fault(small_course, monkeypatch):
    def too_busy(self):
        raise worker_process.WorkerEnded("Your code took more than 120 seconds and was stopped.")

    monkeypatch.setattr(worker_process.WorkerProcess, "_launch", too_busy)
    (score,) = course.grade_course(small_course, progress=False)
    assert "grader's own process did not start" in score.problem


def test_what_lies_in_the_wrong_place_is_named(small_course, capsys):
    submitted = small_course / "submitted"
    (submitted / "ana" / "11").mkdir()
    (submitted / "ben.ipynb").write_text("{}")
    (submitted / ".DS_Store").write_text("")
    main(["course", "grade", str(small_course)])
    told = capsys.readouterr().out
    for path in (submitted / "ana" / "11", submitted / "ben.ipynb"):
        assert f"Not graded, as it is not STUDENT/CHAPTER of this course: {path}" in told
    assert "DS_Store" not in told


def test_nothing_to_grade_says_where_work_belongs(empty_course):
    with pytest.raises(course.CourseError, match=r"Nothing to grade\. Work belongs into .*ch02\.i"):
        course.grade_course(empty_course, progress=False)
    with pytest.raises(course.CourseError, match="Nothing to grade of ch02"):
        course.grade_course(empty_course, names=["02"], progress=False)
