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
        "course": {"build": course_build, "grade": course_grade},
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
    variant_seed: maybe(int) = None,
    overwrite: bool = False,
) -> None:
    """Write an nbgrader course made from the exercises.

    Args:
        folder: Of the course; made if it is not there.
        chapters: For example 02,04; default: all.
        variant_seed: Grade variants of the exercises, drawn by this number.
        overwrite: Make assignments anew that are there already.
    """
    from tutorial_lib.classroom.course import build_course

    options = {"variant_seed": variant_seed, "overwrite": overwrite}
    built = build_course(folder, names=_chapters(chapters), **options)
    print(f"Built {', '.join(built)} in {folder}.")
    print(f"Hand out {folder / 'release'}; put what comes back into {folder / 'submitted'}")
    print(f"as STUDENT/CHAPTER/CHAPTER.ipynb, then: python -m tutorial_lib course grade {folder}")


def course_grade(folder: Folder, chapters: maybe(str) = None) -> None:
    """Grade what was handed in, and write feedback and grades.csv.

    Args:
        folder: Of the course.
        chapters: For example 02,04; default: all.
    """
    from tutorial_lib.classroom import landlock
    from tutorial_lib.classroom.course import grade_course, misplaced
    from tutorial_lib.classroom.grades_table import table

    print(table(grade_course(folder, names=_chapters(chapters))))
    for path in misplaced(folder):
        print(f"Not graded, as it is not STUDENT/CHAPTER of this course: {path}")
    print(f"Feedback is in {folder / 'feedback'}, the table in {folder / 'grades.csv'}.")
    if not landlock.version():
        print("This system has no Landlock: see docs/teaching.md, How grades are kept safe.")


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
