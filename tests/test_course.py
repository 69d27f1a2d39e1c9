"""The course for nbgrader: what students get, and points that are exactly as deserved."""

import csv
import json
import random
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from submissions import hand_in, library_s_own

pytest.importorskip("nbgrader")

from tutorial_lib.classroom import course  # noqa: E402
from tutorial_lib.cli import main  # noqa: E402
from tutorial_lib.exercises import ch02  # noqa: E402
from tutorial_lib.exercises.discovery import exercises_of  # noqa: E402

EXERCISES = exercises_of(ch02)
WRITTEN = 4  # points of the written question, which nobody has read


def points_of(misconception: tuple[str, int]) -> int:
    """What this wrong answer deserves, by the checks themselves."""
    name, place = misconception
    exercise = getattr(ch02, name)
    return exercise.grade(exercise.misconceptions[place].wrong, 0).points


REFERENCE = {e.name: library_s_own("ch02", e.name) for e in EXERCISES}
ONE_WRONG, OTHER_WRONG = ("causal_mask", 1), ("unread_fraction", 0)
STUDENTS = {
    "reference": REFERENCE,
    "untouched": {},
    "one-wrong": {
        **REFERENCE,
        "causal_mask": library_s_own("ch02", "causal_mask", "misconceptions[1].wrong"),
    },
    "other-wrong": {
        **REFERENCE,
        "unread_fraction": library_s_own("ch02", "unread_fraction", "misconceptions[0].wrong"),
    },
    "half": {e.name: REFERENCE[e.name] for e in EXERCISES[:2]},
}
FULL = sum(e.points for e in EXERCISES)
DESERVED = {
    "reference": FULL,
    "untouched": 0,
    "one-wrong": FULL - ch02.causal_mask.points + points_of(ONE_WRONG),
    "other-wrong": FULL - ch02.unread_fraction.points + points_of(OTHER_WRONG),
    "half": sum(e.points for e in EXERCISES[:2]),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The course of chapter 02, to be copied: building takes seconds."""
    folder = tmp_path_factory.mktemp("built")
    course.build_course(folder, names=["02"], practice=True, progress=False)
    return folder


@pytest.fixture(scope="module")
def graded(built, tmp_path_factory):
    """The course of chapter 02, with five submissions, graded."""
    folder = shutil.copytree(built, tmp_path_factory.mktemp("course") / "ours")
    for student, answers in STUDENTS.items():
        hand_in(folder, "ch02", student, answers)
    return folder, {s.student: s for s in course.grade_course(folder, progress=False)}


@pytest.mark.parametrize("student", STUDENTS)
def test_five_submissions_get_exactly_what_they_deserve(graded, student):
    _, scores = graded
    score = scores[student]
    assert (score.points, score.out_of, score.problem) == (DESERVED[student], FULL + WRITTEN, "")


def test_the_five_deserve_different_points():
    assert DESERVED["untouched"] < DESERVED["half"] < DESERVED["reference"]
    assert 0 < points_of(ONE_WRONG) < ch02.causal_mask.points
    assert points_of(OTHER_WRONG) < ch02.unread_fraction.points


@pytest.mark.parametrize("student", STUDENTS)
def test_feedback_is_written_and_names_the_mistake(graded, student):
    folder, _ = graded
    page = (folder / "feedback" / student / "ch02" / "ch02.html").read_text(encoding="utf-8")
    assert "Exercise 2.1 causal_mask" in page
    if student == "one-wrong":
        assert "Type B leaves out the centre" in page
    assert "graded(" not in page  # no seed of hidden inputs


def test_the_table_of_grades_is_a_file(graded):
    folder, scores = graded
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: float(row["points"]) for row in csv.DictReader(file)}
    assert rows == {student: score.points for student, score in scores.items()}


@pytest.mark.long
def test_grading_again_gives_the_same_points(graded):
    folder, scores = graded
    again = course.grade_course(folder, names=["02"], progress=False)
    assert {s.student: s.points for s in again} == {k: s.points for k, s in scores.items()}


def cells_of(folder, version):
    return nbformat.read(folder / version / "ch02" / "ch02.ipynb", as_version=4).cells


def test_students_get_no_solution_no_seed_and_no_marking_scheme(graded):
    folder, _ = graded
    released = "\n".join(cell.source for cell in cells_of(folder, "release"))
    source = "\n".join(cell.source for cell in cells_of(folder, "source"))
    for secret in ("graded(", "seed", "BEGIN", "reference", "1 the number is no"):
        assert secret not in released, secret
        assert secret in source, secret


def test_model_answers_are_not_in_the_package_that_students_install():
    from tutorial_lib.classroom.written_questions import QUESTIONS, model_answers

    package = Path(course.__file__).resolve().parents[1]
    text = " ".join(" ".join(p.read_text("utf-8") for p in package.rglob("*.py")).split())
    assert QUESTIONS.keys() == model_answers().keys()
    for answer in model_answers().values():
        assert " ".join(answer.split())[:60] not in text
        assert "**Points.**" in answer


def test_students_get_a_stub_a_card_and_visible_checks_for_every_exercise(graded):
    folder, _ = graded
    released = [cell.source for cell in cells_of(folder, "release")]
    for exercise in EXERCISES:
        assert exercise.stub.strip() in released
        assert f"{exercise.address}.check({exercise.name});" in released
        assert any(exercise.title in each and exercise.goal in each for each in released)


def test_all_chapters_can_be_built_with_and_without_variants(tmp_path):

    from tutorial_lib.classroom.assignment import assignment_notebook
    from tutorial_lib.exercises.discovery import chapters

    for seed in (None, 3):
        for chapter in chapters().values():
            notebook = assignment_notebook(chapter, secret=random.Random(0), variant_seed=seed)
            graded_cells = [c for c in notebook.cells if "graded(" in c.source]
            assert len(graded_cells) == len(exercises_of(chapter))
            assert json.dumps(notebook).count("Not as in the chapter") == (
                len(graded_cells) if seed else 0
            )


def test_hidden_inputs_differ_between_two_courses(built, tmp_path):
    course.build_course(tmp_path, names=["ch02"], practice=True, progress=False)
    one, two = (
        (folder / "source" / "ch02" / "ch02.ipynb").read_text(encoding="utf-8")
        for folder in (built, tmp_path)
    )
    assert one != two


def test_an_assignment_is_not_overwritten_unless_asked(graded, tmp_path, capsys):
    folder, _ = graded
    before = (folder / "source" / "ch02" / "ch02.ipynb").read_bytes()
    with pytest.raises(SystemExit):
        main(["course", "build", str(folder), "--chapters", "02"])
    assert "holds ch02 already" in capsys.readouterr().err
    assert (folder / "source" / "ch02" / "ch02.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "NEW", "--chapters", "02,40"], "no exercises of ch40"),
        (["grade", "NEW"], "is no course"),
    ],
)
def test_a_wrong_command_is_told_in_one_line_and_writes_nothing(arguments, said, tmp_path, capsys):
    new = tmp_path / "new"
    with pytest.raises(SystemExit):
        main(["course", *(str(new) if each == "NEW" else each for each in arguments)])
    assert said in capsys.readouterr().err
    assert not new.exists()


def test_a_submission_that_is_no_notebook_is_reported_and_the_others_are_graded(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "course")
    hand_in(folder, "ch02", "good", {"causal_mask": REFERENCE["causal_mask"]})
    hand_in(folder, "ch02", "broken", {})
    (folder / "submitted" / "broken" / "ch02" / "ch02.ipynb").write_text("{ half a file")
    scores = {s.student: s for s in course.grade_course(folder, progress=False)}
    assert scores["good"].points == ch02.causal_mask.points and not scores["good"].problem
    assert scores["broken"].points is None and "Ask for ch02.ipynb" in scores["broken"].problem


def test_the_teachers_guide_counts_tasks_minutes_and_points_right():
    from tutorial_lib.classroom.written_questions import QUESTIONS
    from tutorial_lib.exercises.discovery import chapters

    guide = Path(__file__).resolve().parents[1] / "docs" / "teaching.md"
    rows = re.findall(
        r"^\| (\d\d) \| (\d+) \+ (\d+) \| (\d+) \| (\d+) \+ (\d+) \|",
        guide.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    for (number, *counted), (name, chapter) in zip(rows, chapters().items(), strict=True):
        done, asked = exercises_of(chapter), [QUESTIONS[name]]
        minutes, points = (
            [sum(getattr(x, what) for x in xs) for xs in (done, asked)]
            for what in ("minutes", "points")
        )
        assert f"ch{number}" == name
        assert [*map(int, counted)] == [len(done), len(asked), sum(minutes), *points]
