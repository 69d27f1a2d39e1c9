"""Run every unit test, then every notebook: what `make test` calls, the same on every system.

python tools/run_tests.py                  both; the second also when the first failed
python tools/run_tests.py units -k masks   only the unit tests, with arguments for pytest
python tools/run_tests.py notebooks        only the notebooks, under the smoke profile
python tools/run_tests.py changed          for half a minute the unit tests of what was changed
python tools/run_tests.py all              all unit tests, also those that are marked as long
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from changed_tests import changed_files, files_to_test
from notebook_pairs import NOTEBOOKS, ROOT

WORKERS = "2"
CELL_TIMEOUT = "300"  # seconds
TIME_FOR_CHANGED = "30"  # seconds
# Two workers share the cores: one thread each, or they fight.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
# The shapes and types of every call are checked only in the other parts: that takes half as long
# again, and a learner in a notebook has no such checks.
AS_IN_A_NOTEBOOK = ["--jaxtyping-packages="]
# Every test that starts a Python would compile the library again.
KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
UNITS = {**ONE_THREAD, **KEEP_BYTECODE, "MPLBACKEND": "Agg"}


def notebooks_to_run(folder: Path = NOTEBOOKS) -> list[Path]:
    """Every notebook, found by looking, so that none can be forgotten."""
    return sorted(
        path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )


def unit_command(extra: list[str]) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal"]
    return [*command, "--durations=8", "--durations-min=5", "-rs", *extra]


def notebook_command(paths: list[Path], extra: list[str]) -> list[str]:
    """nbval in lax mode: errors fail, and outputs count only where a cell asks for it.

    The project's own pytest options are dropped: its warnings filter is meant for our code in this
    process, not for the kernels' plumbing.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "loadfile"]
    command += ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    command += ["-o", "addopts=", "-W", "default", "-p", "no:cacheprovider"]
    return [*command, "--durations=8", "--durations-min=5", *extra, *map(str, paths)]


def timed(name: str, command: list[str], environment: dict[str, str]) -> tuple[str, int]:
    """Run one part of the tests; returns its last words, which name every test that failed."""
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [*command, f"--junitxml={report}"]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
        failed = failed_tests(report)
    outcome = "passed" if code == 0 else f"FAILED (exit {code})"
    return "\n  ".join(
        [f"{name}: {outcome} after {time.monotonic() - started:.0f} s", *failed]
    ), code


def failed_tests(report: Path) -> list[str]:
    """The names of the tests that failed, from pytest's report; none if it did not come so far."""
    if not report.exists():
        return []
    cases = ElementTree.parse(report).iter("testcase")
    bad = [case for case in cases if {each.tag for each in case} & {"failure", "error"}]
    return [f"{case.get('classname')}::{case.get('name')}" for case in bad]


def run_units(extra: list[str]) -> tuple[str, int]:
    return timed("unit tests", unit_command([*AS_IN_A_NOTEBOOK, *extra]), UNITS)


def run_all(extra: list[str]) -> tuple[str, int]:
    chosen = ["-m", "not browser and not colab"]
    return timed("all unit tests", unit_command([*chosen, *extra]), UNITS)


def run_changed(extra: list[str]) -> tuple[str, int]:
    changed = changed_files()
    chosen = [str(path.relative_to(ROOT)) for path in files_to_test(changed)]
    if not chosen:
        return f"unit tests: {len(changed)} files were changed, and none has tests", 0
    print("\n".join(["Tests of what was changed:", *chosen]), flush=True)
    command = unit_command([f"--seconds={TIME_FOR_CHANGED}", *extra, *chosen])
    return timed("tests of what was changed", command, UNITS)


def run_notebooks(extra: list[str]) -> tuple[str, int]:
    paths = notebooks_to_run()
    if not paths:
        return "notebooks: none yet", 0
    with tempfile.TemporaryDirectory() as state:
        own = {"TUTORIAL_PROFILE": "smoke", "TUTORIAL_RUNS_DIR": "", "TUTORIAL_STATE_DIR": state}
        environment = {**ONE_THREAD, **KEEP_BYTECODE, **own}
        return timed(f"{len(paths)} notebooks", notebook_command(paths, extra), environment)


USUAL = {"units": run_units, "notebooks": run_notebooks}
PARTS = {**USUAL, "changed": run_changed, "all": run_all}


def main(argv: list[str]) -> int:
    chosen, extra = list(USUAL), argv
    if argv and argv[0] in PARTS:
        chosen, extra = [argv[0]], argv[1:]
    results = [PARTS[part](extra) for part in chosen]
    print("", *(summary for summary, _ in results), sep="\n")
    return 1 if any(code for _, code in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
