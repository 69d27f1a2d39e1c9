"""The commands of `python -m tutorial_lib` by name: a function each, its options in order.

torch is imported inside a command, once its options are found to be right.
"""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tutorial_lib.cli.model_commands import Picture, decode, encode, reconstruct, sample
from tutorial_lib.cli.options import maybe
from tutorial_lib.cli.train_commands import train_commands
from tutorial_lib.contracts import Positive
from tutorial_lib.recipes.settings import Profile

DatasetName = Annotated[Positional[str], arg(metavar="NAME", help="Name of the data set.")]
Folder = Annotated[Positional[Path], arg(metavar="FOLDER")]


def commands(arguments: Sequence[str]) -> dict:
    """All commands by name; `train` takes its defaults from the profile named in the arguments."""
    return {
        "doctor": doctor,
        "data": {"list": data_list, "fetch": data_fetch, "show": data_show},
        "train": train_commands(arguments),
        "reproduce": reproduce,
        "sample": sample,
        "reconstruct": reconstruct,
        "encode": encode,
        "decode": decode,
        "equations": equations,
        "exercises": {"list": exercises_list, "audit": exercises_audit},
        "course": {
            "build": course_build,
            "hand-out": course_hand_out,
            "collect": course_collect,
            "grade": course_grade,
            "report": course_report,
        },
    }


def doctor() -> None:
    """Check this machine: versions, device, speed, data, weights."""
    from tutorial_lib.recipes.doctor import report

    if not report():
        raise SystemExit(1)


# -------------------------------------------------------------------------------------- data


def data_list() -> None:
    """Table of the data sets: kind, size, licence, whether they are here already."""
    from tutorial_lib.data.commands import list_datasets

    list_datasets()


def data_fetch(name: DatasetName) -> None:
    """Download a data set into the cache and verify it."""
    from tutorial_lib.data.commands import fetch_dataset

    fetch_dataset(name)


def data_show(
    name: DatasetName, out: maybe(Picture, text="PNG to write.", default="NAME.png") = None
) -> None:
    """Describe a data set; if it is here, draw examples. Downloads nothing."""
    from tutorial_lib.data.commands import show_dataset

    show_dataset(name, out)


# ------------------------------------------------------------------------- exercises, course


def exercises_list() -> None:
    """Table of the exercises: title, minutes, points."""
    from tutorial_lib.exercises.audit import list_all
    from tutorial_lib.exercises.discovery import all_exercises

    list_all(all_exercises())


def exercises_audit() -> None:
    """Check the exercises: misconceptions recognised, references and alternatives accepted."""
    from tutorial_lib.exercises.audit import audit_all
    from tutorial_lib.exercises.discovery import all_exercises

    if not audit_all(all_exercises()):
        raise SystemExit(1)


def course_build(
    folder: Folder,
    chapters: maybe(str) = None,
    roster: maybe(Path) = None,
    practice: bool = False,
    variant_seed: maybe(int) = None,
    overwrite: bool = False,
) -> None:
    """Write an nbgrader course made from variants of the exercises.

    Args:
        folder: Of the course; made if it is not there.
        chapters: For example 02,04; default: all.
        roster: CSV of the students: each gets a notebook with twists of his own.
        practice: The chapters' own exercises, whose solutions are a click away.
        variant_seed: Draws the variants; default: drawn once for a course.
        overwrite: Make assignments anew that are there already.
    """
    from tutorial_lib.classroom.course import build_course

    options = {"practice": practice, "variant_seed": variant_seed, "overwrite": overwrite}
    built = build_course(folder, names=_chapters(chapters), **options)
    print(f"Built {', '.join(built)} in {folder}.")
    if roster is not None:
        course_hand_out(folder, roster)
    else:
        print(f"Hand out {folder / 'release'}, the same notebook for all.")
        if not practice:
            print("For twists of each student's own: python -m tutorial_lib course hand-out")
    print(f"Put what comes back into {folder / 'submitted'} as STUDENT/CHAPTER/CHAPTER.ipynb,")
    print(f"then: python -m tutorial_lib course grade {folder}")


def course_hand_out(
    folder: Folder, roster: Annotated[Positional[Path], arg(metavar="ROSTER")]
) -> None:
    """Write a notebook for each student, with twists of his own.

    Args:
        folder: Of the course.
        roster: CSV of the students; those who have a notebook get the same again.
    """
    from tutorial_lib.classroom.course import hand_out

    names = hand_out(folder, roster)
    print(f"Hand out to each student what lies in {folder / 'handout'}: {', '.join(names)}.")


def course_collect(
    folder: Folder,
    archive: Annotated[Positional[Path], arg(metavar="ZIP")],
    chapter: Annotated[Positional[str], arg(metavar="CHAPTER")],
    roster: maybe(Path) = None,
) -> None:
    """Sort a learning platform's download (Canvas, Moodle) into submitted/.

    Args:
        folder: Of the course.
        archive: The zip that the platform gives.
        chapter: For example 02.
        roster: CSV of the students, who are then called as in it.
    """
    from tutorial_lib.classroom.collecting import collect
    from tutorial_lib.classroom.roster import read_roster

    (name,) = _chapters(chapter)
    name = name if name.startswith("ch") else f"ch{name.zfill(2)}"
    students = [] if roster is None else read_roster(roster)
    found, left_out = collect(folder, archive, name, students)
    print(f"Work of {len(found)} is in {folder / 'submitted'}: {', '.join(found)}.")
    for each in left_out:
        print(f"Left out: {each}")


def course_grade(
    folder: Folder,
    chapters: maybe(str) = None,
    student: maybe(str) = None,
    exercise: maybe(str) = None,
    roster: maybe(Path) = None,
) -> None:
    """Grade what was handed in, and write feedback and tables of grades.

    Args:
        folder: Of the course.
        chapters: For example 02,04; default: all.
        student: This one alone, by the name of the folder.
        exercise: This one alone, for example 2.1; points of the others stay.
        roster: CSV of the students: a row for each, and tables for Canvas and Moodle.
    """
    from tutorial_lib.classroom import landlock
    from tutorial_lib.classroom.course import grade_course, misplaced
    from tutorial_lib.classroom.grades_table import table

    options = {"student": student, "exercise": exercise, "roster": roster}
    print(table(grade_course(folder, names=_chapters(chapters), **options)))
    for path in misplaced(folder):
        print(f"Not graded, as it is not STUDENT/CHAPTER of this course: {path}")
    print(f"Feedback is in {folder / 'feedback'}, the table in {folder / 'grades.csv'}.")
    if not landlock.version():
        print("This system has no Landlock: see docs/teaching.md, How grades are kept safe.")


def course_report(folder: Folder) -> None:
    """Write what the class got right and wrong: report.html and report.csv.

    Args:
        folder: Of the course, graded.
    """
    from tutorial_lib.classroom.class_report import write_report

    print(f"Wrote {' and '.join(map(str, write_report(folder)))}.")


def _chapters(listed: str | None) -> list[str] | None:
    return None if listed is None else [each.strip() for each in listed.split(",")]


# --------------------------------------------------------------------------- results, papers


def reproduce(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    out: maybe(Path) = None,
    minutes: maybe(Positive) = None,
    preset: maybe(Literal["cpu", "gpu"]) = None,
    profile: maybe(Profile) = None,
) -> None:
    """Run a long training of the series again; "reproduce list" shows which there are.

    Goes on where it was if the folder holds an unfinished run.

    Args:
        name: Name of the recipe, or "list".
        out: Folder of the run; default: NAME in TUTORIAL_RUNS_DIR, or else in runs.
        minutes: Train for so long instead.
        preset: Sizes for two CPU cores or for a GPU; default: what this machine has.
        profile: "smoke" takes a few steps on a few images.
    """
    from tutorial_lib.recipes import named

    if name == "list":
        for each, recipe in named.RECIPES.items():
            print(f"{each:26} {recipe.title}")
        return
    named.find(name)
    from tutorial_lib.recipes import reproduction as recipes_of_long_runs
    from tutorial_lib.training.distributed import say

    folder, history, result = recipes_of_long_runs.reproduce(
        name, out, minutes=minutes, preset=preset, smoke=profile == "smoke"
    )
    if not result:
        say(f"Interrupted after {history.step} steps. The same command goes on from {folder}.")
        raise SystemExit(128 + (history.stopped_by or signal.SIGINT))
    say(f"{history.step} steps, {history.seconds:.0f} s")
    for split in ("valid", "test"):
        for number, value in result[split].items():
            say(f"{split:5} {number.replace('_', ' '):28} {value:.6g}")
    say(f"Weights and result.json are in {folder}.")


def equations() -> None:
    """Every numbered equation of the papers: the cell and the name that compute it."""
    from tutorial_lib.equations import lines

    print("\n".join(lines()))
