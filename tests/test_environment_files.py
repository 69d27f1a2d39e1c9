"""The files that say what to install agree with each other.

The conda route can only be compared by name here: whether conda-forge can solve environment.yml is
not tested, since CI has no conda. pip resolves pyproject.toml with constraints.txt on every set-up.
"""

import re
import subprocess
from pathlib import Path, PurePath

import machine_checks
import nbformat
import pytest
import set_up
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pin_versions import constraint_lines, needing_newer_python
from project_address import tomllib
from run_tests import notebooks_to_run
from set_up import torch_pin
from widget_cells import cells_with_widgets

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
NAME_ON_CONDA_FORGE = {"torch": "pytorch"}


def requirements(*extras):
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return [Requirement(line) for line in lines]


def constraint_entries():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def conda_entries():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return environment["dependencies"]


def as_pair(requirement):
    name = NAME_ON_CONDA_FORGE.get(requirement.name, requirement.name)
    return canonicalize_name(name), str(requirement.specifier)


def test_conda_installs_what_pyproject_asks_for():
    bare = ("python=", "pip")
    named = [each for each in conda_entries() if isinstance(each, str)]
    conda = {as_pair(Requirement(each)) for each in named if not each.startswith(bare)}
    assert conda == {as_pair(each) for each in requirements("lab")}


def test_conda_installs_the_package_itself_and_a_python_that_it_supports():
    assert {"pip": ["-e ."]} in conda_entries()
    (python,) = (entry for entry in conda_entries() if str(entry).startswith("python="))
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])


def test_constraints_are_exact_versions_and_nothing_else():
    odd = [e for e in constraint_entries() if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", e)]
    assert odd == []


def test_constraints_cover_every_direct_dependency_within_its_bounds():
    pins = dict(entry.split("==") for entry in constraint_entries())
    for each in requirements("lab", "test", "course", "site"):
        if each.marker is None or each.marker.evaluate({"python_version": "3.11"}):
            assert pins[canonicalize_name(each.name)] in each.specifier, each


def test_torch_is_pinned_once():
    assert [e for e in constraint_entries() if e.startswith("torch==")] == [torch_pin()]


def test_a_pin_without_local_label_is_made_from_a_cpu_build():
    installs = [{"metadata": {"name": n, "version": v}} for n, v in (("Torch", "2.9.0+cpu"),)]
    installs.append({"metadata": {"name": "my_project", "version": "1"}})
    assert constraint_lines(installs, project="my-project") == ["torch==2.9.0"]


@pytest.mark.parametrize(
    ("bound", "too_new"), [(">=3.9", False), (">=3.11.5", True), (None, False)]
)
def test_a_release_that_an_older_python_3_11_cannot_install_is_named(bound, too_new):
    installs = [{"metadata": {"name": "soup", "version": "4", "requires_python": bound}}]
    assert bool(needing_newer_python(installs, "3.11.0")) is too_new


def tracked_package_files():
    files = ("--cached", "--others", "--exclude-standard")
    command = ["git", "ls-files", *files, "tutorial_lib"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout to list the files of the package")
    return [PurePath(name).relative_to("tutorial_lib") for name in listed.stdout.splitlines()]


def matches(path, pattern):
    """`**/x` as setuptools reads it: in the package's folder or in any folder below."""
    return path.match(pattern.removeprefix("**/"))


def test_everything_in_the_package_folder_is_installed_with_it():
    patterns = [*PYPROJECT["tool"]["setuptools"]["package-data"]["tutorial_lib"], "**/*.py"]
    left_out = [
        str(path)
        for path in tracked_package_files()
        if not any(matches(path, pattern) for pattern in patterns)
    ]
    assert left_out == []


# -- the workflow --------------------------------------------------------------------------------


def workflow_job():
    path = ROOT / ".github" / "workflows" / "ci.yml"
    (job,) = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return job


def test_the_workflow_runs_every_python_from_the_oldest_that_is_supported_to_3_13():
    versions = workflow_job()["strategy"]["matrix"]["python-version"]
    assert versions == [f"3.{minor}" for minor in range(machine_checks.OLDEST[1], 14)]
    assert all(each in SpecifierSet(PROJECT["requires-python"]) for each in versions)
    setup = next(each for each in workflow_job()["steps"] if "setup-python" in each.get("uses", ""))
    assert setup["with"]["python-version"] == "${{ matrix.python-version }}"


def test_each_python_of_the_workflow_runs_one_command_that_exists():
    commands = {each["run"]: each["if"] for each in workflow_job()["steps"] if "run" in each}
    assert set(commands) == {"bash .ci/run", "make test"} and (ROOT / ".ci" / "run").is_file()
    assert re.search("^test:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    conditions = [re.fullmatch(r"matrix.python-version (..) '(.*)'", c) for c in commands.values()]
    assert {each[1] for each in conditions} == {"==", "!="}
    (pinned,) = {each[2] for each in conditions}  # the constraints hold from this Python on
    assert pinned == ".".join(map(str, set_up.PINNED_FROM))
    assert pinned in workflow_job()["strategy"]["matrix"]["python-version"]


def test_ci_tries_notebooks_that_exist_and_both_kinds_of_widgets():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    patterns = re.findall(r"notebooks/\S+?\.ipynb", script)
    assert patterns and all([*ROOT.glob(pattern)] for pattern in patterns)
    words = re.search("-k '(.*?)'", script)[1].split(" or ")
    visited = [path for path in notebooks_to_run() if any(word in path.stem for word in words)]
    assert len(visited) == 2
    assert all(cells_with_widgets(nbformat.read(path, as_version=4)) for path in visited)
