"""Run every notebook as Colab would, each alone in an empty folder: what `make colab` calls.

    python tools/colab_run.py                      all of them, under the smoke profile
    python tools/colab_run.py 03_pixelcnn          only this one

The package is built as a wheel, and an environment made that has the versions which Colab ships and
lacks the package. The setup cell of the first notebook installs it; every package that was there
before must stay untouched, the other notebooks must find it, and none may leave a file behind.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from colab_machine import (
    PACKAGE,
    MachineError,
    build_wheel,
    environment_variables,
    installed,
    kernel_manager,
    make_environment,
    touched,
)
from notebook_pairs import NOTEBOOKS, PairError, find_pairs, read_notebook
from notebook_run import RunError, execute
from set_up import torch_pin

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NOT_TO_BE_INSTALLED = "a-second-install-would-fail.whl"


class Result(NamedTuple):
    """How one notebook fared."""

    name: str
    seconds: float
    problems: list[str]


class Machine(NamedTuple):
    """The environment, the wheel that its first notebook installs, and a folder for the rest."""

    python: Path
    environment: Path
    wheel: Path
    folder: Path


def prepare(folder: Path, report: Callable[[str], None]) -> Machine:
    report("building the wheel")
    wheel = build_wheel(folder / "wheel")
    report(f"making an environment with {torch_pin()} and Colab's versions (a minute or two)")
    environment = folder / "environment"
    return Machine(make_environment(environment), environment, wheel, folder)


def run_alone(notebook: Path, machine: Machine, package: Path | str, timeout: float) -> list[str]:
    """Run a copy in an empty folder; say what went wrong, and what it left there."""
    alone = machine.folder / "alone" / notebook.stem
    alone.mkdir(parents=True)
    shutil.copy(notebook, alone)
    try:
        execute(
            read_notebook(alone / notebook.name),
            alone,
            profile="smoke",
            timeout=timeout,
            environment=environment_variables(machine.folder, package),
            kernel_manager=kernel_manager(machine.python, machine.folder / "kernels"),
        )
    except RunError as problem:
        return [str(problem)]
    left = sorted(str(path.relative_to(alone)) for path in alone.rglob("*"))
    return [f"it left {name} behind" for name in left if name != notebook.name]


def install_problems(before: dict, after: dict, *, first: bool) -> list[str]:
    """What the setup cell did to the environment that it should not have done."""
    problems = touched(before, after)
    if (PACKAGE in before) == first:
        problems.append(f"{PACKAGE} was there too early" if first else f"{PACKAGE} is missing")
    if PACKAGE not in after:
        problems.append(f"its setup cell did not install {PACKAGE}")
    return problems


def run_all(notebooks: list[Path], machine: Machine, timeout: float) -> Iterator[Result]:
    """The notebooks one after another, as a learner would open them in one session."""
    for number, notebook in enumerate(notebooks):
        before, began = installed(machine.environment), time.monotonic()
        package = NOT_TO_BE_INSTALLED if PACKAGE in before else machine.wheel
        problems = run_alone(notebook, machine, package, timeout)
        after = installed(machine.environment)
        problems += install_problems(before, after, first=number == 0)
        yield Result(notebook.stem, time.monotonic() - began, problems)


def table(results: list[Result], before: dict, after: dict) -> str:
    lines = ["", f"{'notebook':34} {'seconds':>7}  outcome"]
    for each in results:
        outcome = "; ".join(last_line(p) for p in each.problems) or "ran to its end"
        lines.append(f"{each.name:34} {each.seconds:7.0f}  {outcome}")
    new = sorted(set(after) - set(before))
    kept = "untouched" if not touched(before, after) else "NOT all untouched"
    failed = sum(bool(each.problems) for each in results)
    return "\n".join(
        [
            *lines,
            f"{len(before)} packages that were there: {kept}; installed: {', '.join(new)}",
            f"{len(results) - failed} passed, {failed} failed",
        ]
    )


def last_line(problem: str) -> str:
    """Of a traceback the line that names the error, without its colours."""
    return COLOURS.sub("", problem).strip().splitlines()[-1]


def colab_run(notebooks: list[Path], timeout: float, report: Callable[[str], None]) -> int:
    """Prepare, run, report; returns how many notebooks failed."""
    results = []
    with tempfile.TemporaryDirectory(prefix="colab-") as folder:
        machine = prepare(Path(folder), report)
        before = installed(machine.environment)
        for result in run_all(notebooks, machine, timeout):
            results.append(result)
            outcome = "FAILED" if result.problems else "ok"
            place = f"[{len(results):>2}/{len(notebooks)}]"
            report(f"{place} {result.name:34} {result.seconds:5.0f} s  {outcome}")
            for problem in result.problems:
                report(COLOURS.sub("", problem))
        report(table(results, before, installed(machine.environment)))
    return sum(bool(each.problems) for each in results)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NOTEBOOK")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one cell")
    options = parser.parse_args()
    try:
        notebooks = [pair.notebook for pair in find_pairs(NOTEBOOKS, options.names)]
        failed = colab_run(notebooks, options.timeout, lambda line: print(line, flush=True))
    except (PairError, MachineError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
