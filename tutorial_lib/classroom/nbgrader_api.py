"""nbgrader with a course's own configuration, and what it says when it fails."""

from __future__ import annotations

import contextlib
import os
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

ERROR = re.compile(r"\s*[\w.]+(Error|Exception)\b")
NO_NBGRADER = (
    "A course needs nbgrader and psutil. Install them in the project's folder with: "
    'pip install -c constraints.txt -e ".[course]"'
)


class CourseError(ValueError):
    """What keeps a course from being built or graded, in a sentence."""


def need_nbgrader() -> None:
    """Raises CourseError where nbgrader, or what it takes to watch a process, is not installed."""
    try:
        import nbgrader  # noqa: F401
        import psutil  # noqa: F401
    except ImportError:
        raise CourseError(NO_NBGRADER) from None


def api_of(folder: Path, **grading: object):
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of nbgrader's own libraries, which nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def why(outcome: dict) -> str:
    """The first error in nbgrader's log, in one line."""
    lines = f"{outcome.get('log') or ''}\n{outcome.get('error') or ''}".splitlines()
    errors = [line.strip() for line in lines if ERROR.match(line)]
    said = [line.strip() for line in lines if line.strip()]
    return next(iter(errors), said[-1] if said else "nbgrader gave no reason")
