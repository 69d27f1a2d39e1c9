"""The command line, python -m tutorial_lib COMMAND: one function for each command.

Options come from the signatures and dataclasses (tyro); a wrong argument or a missing file is told
in one line, with exit status 2, and without a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.extras import SubcommandApp

from tutorial_lib.train_commands import Profile, train_app

DEFAULT_WEIGHTS = "two-stage-fashion-mnist"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exits with 2 on an error its user can mend, with 1 if the doctor objects."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    from tutorial_lib.checkpoint import CheckpointError
    from tutorial_lib.data import DataUnavailable
    from tutorial_lib.out_of_memory import OutOfMemory, memory_explained
    from tutorial_lib.processes import complain
    from tutorial_lib.training import TrainingDiverged

    known = (ValueError, OSError, CheckpointError, DataUnavailable, OutOfMemory, TrainingDiverged)
    try:
        with memory_explained(lambda: "here: ask for less at a time, or close other programs"):
            build_app(arguments).cli(prog="python -m tutorial_lib", args=arguments)
    except known as error:
        complain(f"error: {error}")
        raise SystemExit(2) from error


def build_app(arguments: Sequence[str]) -> SubcommandApp:
    """All commands; `train` takes its defaults from the profile named in the arguments."""
    app = SubcommandApp()
    app.command(doctor)
    app.command(_data_app(), name="data", help="List, fetch or show data sets.")
    app.command(train_app(arguments), name="train", help="Train a stage, or both.")
    app.command(reproduce)
    app.command(equations)
    app.command(sample)
    app.command(_exercises_app(), name="exercises", help="List the exercises, or audit them.")
    app.command(_course_app(), name="course", help="Build a course for nbgrader, or grade it.")
    return app


def doctor() -> None:
    """Check this machine: versions, device, speed, data, weights."""
    from tutorial_lib.doctor import report

    if not report():
        raise SystemExit(1)


def _data_app() -> SubcommandApp:
    app = SubcommandApp()

    @app.command(name="list")
    def list_() -> None:
        """Table of the data sets: size, licence, whether they are here already."""
        from tutorial_lib.data.commands import list_datasets

        list_datasets()

    @app.command
    def fetch(name: Annotated[str, tyro.conf.Positional]) -> None:
        """Download a data set into the cache and verify it."""
        from tutorial_lib.data.commands import fetch_dataset

        fetch_dataset(name)

    @app.command
    def show(name: Annotated[str, tyro.conf.Positional], out: Path | None = None) -> None:
        """Describe a data set and draw a sheet of examples (default: NAME.png)."""
        from tutorial_lib.data.commands import show_dataset

        show_dataset(name, out)

    return app


def _exercises_app() -> SubcommandApp:
    app = SubcommandApp()

    @app.command(name="list")
    def list_() -> None:
        """Table of the exercises: title, minutes, points."""
        from tutorial_lib.exercises.audit import list_all
        from tutorial_lib.exercises.discovery import all_exercises

        list_all(all_exercises())

    @app.command
    def audit() -> None:
        """Check the exercises: misconceptions recognised, references and alternatives accepted."""
        from tutorial_lib.exercises.audit import audit_all
        from tutorial_lib.exercises.discovery import all_exercises

        if not audit_all(all_exercises()):
            raise SystemExit(1)

    return app


def _course_app() -> SubcommandApp:
    app = SubcommandApp()

    @app.command
    def build(
        folder: Annotated[Path, tyro.conf.Positional],
        chapters: str | None = None,
        variant_seed: int | None = None,
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

        names = None if chapters is None else [each.strip() for each in chapters.split(",")]
        options = {"variant_seed": variant_seed, "overwrite": overwrite}
        built = build_course(folder, names=names, **options)
        print(f"Built {', '.join(built)} in {folder}.")
        print(f"Hand out {folder / 'release'}; put what comes back into {folder / 'submitted'}")
        print(
            f"as STUDENT/CHAPTER/CHAPTER.ipynb, then: python -m tutorial_lib course grade {folder}"
        )

    @app.command
    def grade(folder: Annotated[Path, tyro.conf.Positional], chapters: str | None = None) -> None:
        """Grade what was handed in, and write feedback and grades.csv.

        Args:
            folder: Of the course.
            chapters: For example 02,04; default: all.
        """
        from tutorial_lib.classroom import landlock
        from tutorial_lib.classroom.course import grade_course, misplaced
        from tutorial_lib.classroom.grades_table import table

        names = None if chapters is None else [each.strip() for each in chapters.split(",")]
        print(table(grade_course(folder, names=names)))
        for path in misplaced(folder):
            print(f"Not graded, as it is not STUDENT/CHAPTER of this course: {path}")
        print(f"Feedback is in {folder / 'feedback'}, the table in {folder / 'grades.csv'}.")
        if not landlock.version():
            print("This system has no Landlock: see docs/teaching.md, How grades are kept safe.")

    return app


def reproduce(
    name: Annotated[str, tyro.conf.Positional],
    out: Path | None = None,
    minutes: float | None = None,
    preset: Literal["cpu", "gpu"] | None = None,
    profile: Profile | None = None,
) -> None:
    """Run a long training of the series again; "list" shows which there are.

    Goes on where it was if the folder holds an unfinished run.

    Args:
        name: Name of the recipe, or "list".
        out: Folder of the run; default: NAME in TUTORIAL_RUNS_DIR, or else in runs.
        minutes: Train for so long instead.
        preset: Sizes for two CPU cores or for a GPU; default: what this machine has.
        profile: "smoke" takes a few steps on a few images.
    """
    from tutorial_lib import reproduce as recipes_of_long_runs
    from tutorial_lib.processes import say

    if name == "list":
        for each, recipe in recipes_of_long_runs.RECIPES.items():
            say(f"{each:26} {recipe.title}")
        return
    smoke = profile == "smoke"
    folder, history, result = recipes_of_long_runs.reproduce(
        name, out, minutes=minutes, preset=preset, smoke=smoke
    )
    if not result:
        say(f"Interrupted after {history.step} steps. The same command goes on from {folder}.")
        return
    say(f"{history.step} steps, {history.seconds:.0f} s")
    for split in ("valid", "test"):
        for name, value in result[split].items():
            say(f"{split:5} {name.replace('_', ' '):28} {value:.6g}")
    say(f"Weights and result.json are in {folder}.")


def equations() -> None:
    """Every numbered equation of the papers: the cell and the name that compute it."""
    from tutorial_lib.equations import lines

    print("\n".join(lines()))


def sample(
    run: Path | None = None,
    weights: str = DEFAULT_WEIGHTS,
    n: int = 64,
    label: int | Literal["all"] | None = None,
    out: Path = Path("samples.png"),
    temperature: float = 1.0,
    pixels: Literal["mean", "sample"] = "mean",
    seed: int = 0,
) -> None:
    """Draw new images into a PNG grid.

    Args:
        run: Folder of a finished two-stage run; without it, the shipped weights are used.
        weights: Name of the shipped weights.
        n: Images in a grid.
        label: Class to draw; "all" writes a grid for each class; without it, a row for each class.
        out: PNG to write; with --label all, the class is added to its name.
        temperature: Of the prior; 1 is the model, lower is safer.
        pixels: The decoder's mean image, or a true draw of every pixel.
        seed: Of the draw.
    """
    from tutorial_lib import grids
    from tutorial_lib.pretrained import load_pretrained
    from tutorial_lib.recipes import load_run

    model = load_run(run) if run is not None else load_pretrained(weights)
    options = {"temperature": temperature, "pixels": pixels, "seed": seed}
    for path in grids.write_sample_grids(model, n=n, label=label, out=out, **options):
        print(f"Wrote {path}.")
