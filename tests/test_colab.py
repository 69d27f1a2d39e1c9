"""Every notebook runs alone, on Colab's versions, and the run would notice if one did not."""

import os
import sys

import colab_machine
import colab_run
import pytest
from colab_machine import PACKAGE, touched
from nbformat.v4 import new_code_cell, new_notebook
from notebook_pairs import find_pairs, write_notebook

BEFORE = {"torch": ("2.13.0", 1), "numpy": ("2.0.2", 1)}
INSTALLED = {**BEFORE, PACKAGE: ("0.1.0", 2), "tyro": ("1.0", 2)}


@pytest.mark.colab
def test_every_notebook_runs_alone_and_leaves_colabs_packages_as_they_were(capsys):
    notebooks = [pair.notebook for pair in find_pairs()]
    assert colab_run.colab_run(notebooks, 300, print) == 0
    printed = capsys.readouterr().out
    assert f"{len(notebooks)} passed, 0 failed" in printed and "there: untouched" in printed


# -- what it looks at ----------------------------------------------------------------------------


def test_a_package_that_came_is_nothing_to_complain_of():
    assert touched(BEFORE, INSTALLED) == []


@pytest.mark.parametrize(
    ("torch", "complaint"),
    [
        (None, "torch 2.13.0 was removed"),
        (("2.14.0", 2), "torch 2.13.0 was replaced by 2.14.0"),
        (("2.13.0", 2), "torch 2.13.0 was installed again"),
    ],
)
def test_a_torch_that_was_touched_is_caught(torch, complaint):
    after = {name: each for name, each in {**INSTALLED, "torch": torch}.items() if each}
    assert touched(BEFORE, after) == [complaint]
    assert colab_run.install_problems(BEFORE, after, first=True) == [complaint]


def test_the_first_notebook_installs_the_package_and_no_other_does():
    problems = colab_run.install_problems
    assert problems(BEFORE, INSTALLED, first=True) == []
    assert problems(INSTALLED, INSTALLED, first=False) == []
    assert problems(BEFORE, BEFORE, first=True) == [
        f"its setup cell did not install {PACKAGE}",
    ]
    assert problems(INSTALLED, INSTALLED, first=True) == [f"{PACKAGE} was there too early"]
    again = {**INSTALLED, PACKAGE: ("0.1.0", 3)}
    assert problems(INSTALLED, again, first=False) == [f"{PACKAGE} 0.1.0 was installed again"]


def test_packages_are_read_from_the_environment_that_is_looked_at(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    folder = packages / "Some_Thing-1.2.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.2\n")
    (folder / "RECORD").write_text("Some_Thing-1.2.dist-info/RECORD,,\n")
    written = (folder / "RECORD").stat().st_mtime_ns
    assert colab_machine.installed(tmp_path) == {"some-thing": ("1.2", written)}


def test_nothing_of_this_environment_is_handed_on(monkeypatch, tmp_path):
    for name in ("PYTHONPATH", "TUTORIAL_PROFILE", "TUTORIAL_RUNS_DIR", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "mine")
    variables = colab_machine.environment_variables(tmp_path, "some.whl")
    assert "mine" not in variables.values() and variables["TUTORIAL_LIB_SPEC"] == "some.whl"
    assert "PATH" in variables


def test_colabs_versions_are_exact_and_torch_is_not_among_them():
    assert all(each.count("==") == 1 for each in colab_machine.VERSIONS)
    assert not any(each.startswith("torch") for each in colab_machine.VERSIONS)


# -- a notebook at work --------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path):
    """This environment in the place of one with Colab's versions, for what does not need them."""
    return colab_run.Machine(sys.executable, tmp_path, tmp_path / "some.whl", tmp_path)


def run(machine, source):
    notebook = machine.folder / "01_tiny.ipynb"
    write_notebook(new_notebook(cells=[new_code_cell(source)]), notebook)
    return colab_run.run_alone(notebook, machine, machine.wheel, timeout=60)


def test_a_notebook_finds_itself_alone_under_the_smoke_profile(here):
    source = "import os; assert os.listdir() == ['01_tiny.ipynb'], os.listdir()\n"
    source += "assert os.environ['TUTORIAL_PROFILE'] == 'smoke'\n"
    source += f"assert os.environ['TUTORIAL_LIB_SPEC'] == {str(here.wheel)!r}"
    assert run(here, source) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that only asks")
def test_its_kernel_ends_with_it(here):
    assert run(here, "import os; open('number', 'w').write(str(os.getpid()))")
    number = int((here.folder / "alone" / "01_tiny" / "number").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_what_a_notebook_leaves_behind_is_named(here):
    (problem,) = run(here, "open('samples.png', 'w').close()")
    assert problem == "it left samples.png behind"


def test_a_notebook_that_fails_is_told_with_its_error(here):
    (problem,) = run(here, "raise ValueError('not on Colab')")
    assert colab_run.last_line(problem) == "ValueError: not on Colab"


def test_the_table_counts_and_names_what_was_installed():
    results = [colab_run.Result("01_a", 3.2, []), colab_run.Result("02_b", 1.0, ["x\nbad"])]
    *_, packages, closing = colab_run.table(results, BEFORE, INSTALLED).splitlines()
    assert closing == "1 passed, 1 failed"
    assert packages == f"2 packages that were there: untouched; installed: {PACKAGE}, tyro"
    assert "NOT all untouched" in colab_run.table(results, BEFORE, {})
