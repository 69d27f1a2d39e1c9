"""What `make test` says last, which tests `make check` runs, and where those that take long run."""

from __future__ import annotations

import inspect
import re
import sys

import pytest
import run_tests
from changed_tests import files_to_test
from few import few
from notebook_pairs import ROOT
from run_tests import failed_tests, timed

PYTEST = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
LEAN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # starts at once


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("def test_it():\n    assert 0\ndef test_other():\n    pass\n", "::test_it"),
        ("import no_such_module\n", "test_of_a_learner"),
        ("def setup_module():\n    1 / 0\ndef test_it():\n    pass\n", "::test_it"),
    ],
    ids=["wrong", "not even imported", "not even set up"],
)
def test_a_test_that_fails_is_named_last(tmp_path, source, named):
    path = tmp_path / "test_of_a_learner.py"
    path.write_text(source)
    words, code = timed("unit tests", [*PYTEST, str(path)], LEAN)
    first, *failed = words.splitlines()
    assert code != 0
    assert first.startswith("unit tests: FAILED (exit ")
    assert len(failed) == 1
    assert named in failed[0]


def test_all_is_well(tmp_path):
    path = tmp_path / "test_of_a_learner.py"
    path.write_text("def test_it():\n    pass\n")
    words, code = timed("unit tests", [*PYTEST, str(path)], LEAN)
    assert code == 0
    assert words.startswith("unit tests: passed after ")
    assert "\n" not in words


def test_a_run_without_a_report_names_nothing(tmp_path):
    assert failed_tests(tmp_path / "none.xml") == []


# ------------------------------------------------------------------------ tests of what was changed

PAGE = """import lazy_loader
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"masks": ["mask"]})
"""
PROJECT = {
    "tutorial_lib/pixels/__init__.py": PAGE,
    "tutorial_lib/pixels/masks.py": "def mask():\n    pass\n",
    "tutorial_lib/pixels/bayes.py": "",
    "tutorial_lib/exercises/discovery.py": "",
    "tutorial_lib/exercises/ch02/__init__.py": "",
    "tutorial_lib/exercises/ch02/ex1.py": "",
    "tools/stamping.py": "",
    "tests/small_models.py": "from tutorial_lib.pixels.bayes import x\n",
    "tests/test_masks.py": "from tutorial_lib.pixels.masks import mask\n",
    "tests/test_page.py": "from tutorial_lib.pixels import mask\n",
    "tests/test_module.py": "import tutorial_lib.pixels.masks\n",
    "tests/test_inside.py": "def test_it():\n    from tutorial_lib.pixels import masks\n",
    "tests/test_small.py": "from small_models import x\n",
    "tests/test_tools.py": "import stamping\n",
    "tests/test_exercises.py": "from tutorial_lib.exercises import discovery\n",
    "tests/test_ch02.py": "from tutorial_lib.exercises import ch02\n",
    "tests/test_torch.py": "import torch\nfrom torch import nn\n",
}


@pytest.mark.parametrize(
    ("changed", "chosen"),
    [
        ("tutorial_lib/pixels/masks.py", "masks page module inside"),
        ("tutorial_lib/pixels/bayes.py", "small"),
        ("tests/small_models.py", "small"),
        ("tests/test_torch.py", "torch"),
        ("tools/stamping.py", "tools"),
        ("tutorial_lib/exercises/ch02/ex1.py", "exercises ch02"),
        ("README.md", ""),
    ],
)
def test_what_was_changed_is_tested_by_what_imports_it(tmp_path, changed, chosen):
    for name, source in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    found = {
        path.stem.removeprefix("test_") for path in files_to_test({tmp_path / changed}, tmp_path)
    }
    assert found == set(chosen.split())


def test_the_tests_named_after_a_module_and_those_that_were_changed_come_first(tmp_path):
    test_what_was_changed_is_tested_by_what_imports_it(tmp_path, "README.md", "")
    changed = {tmp_path / "tutorial_lib/pixels/masks.py", tmp_path / "tests/test_tools.py"}
    chosen = [path.stem for path in files_to_test(changed, tmp_path)]
    assert set(chosen[:2]) == {"test_masks", "test_tools"} and len(chosen) == 5


# ------------------------------------------------------------------------------ what takes long


def test_what_takes_long_runs_only_under_make_faults():
    options = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search('"-m=.*not long', options)
    rule = re.search("^faults:(?:.*\n)(?:\t.*\n)+", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert "run_tests.py all" in rule[0]


def test_all_unit_tests_are_those_of_make_test_and_the_long_ones():
    (options,) = re.findall('"-m=(.*?)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with_long = [each for each in options.split(" and ") if each != "not long"]
    assert f'"{" and ".join(with_long)}"' in inspect.getsource(run_tests.run_all)


def test_a_few_cases_are_kept_and_all_others_are_long():
    first, *others = few(["a", "b", ("c", 1)], 1)
    assert first == "a" and [each.values for each in others] == [("b",), ("c", 1)]
    assert all(each.marks[0].name == "long" for each in others)


def test_after_its_seconds_nothing_begins_and_what_was_skipped_is_told(tmp_path, capfd):
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    path = tmp_path / "test_of_a_learner.py"
    path.write_text("def test_it():\n    pass\n")
    _, code = timed("unit tests", [*PYTEST, "-rs", "--seconds=0", str(path)], LEAN)
    assert code == 0 and "after 0 seconds: `make test` runs it" in capfd.readouterr().out
