"""The last words of `make test` name the tests that failed."""

from __future__ import annotations

import sys

import pytest
from run_tests import failed_tests, timed

PYTEST = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]


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
    words, code = timed("unit tests", [*PYTEST, str(path)], {})
    first, *failed = words.splitlines()
    assert code != 0
    assert first.startswith("unit tests: FAILED (exit ")
    assert len(failed) == 1
    assert named in failed[0]


def test_all_is_well(tmp_path):
    path = tmp_path / "test_of_a_learner.py"
    path.write_text("def test_it():\n    pass\n")
    words, code = timed("unit tests", [*PYTEST, str(path)], {})
    assert code == 0
    assert words.startswith("unit tests: passed after ")
    assert "\n" not in words


def test_a_run_without_a_report_names_nothing(tmp_path):
    assert failed_tests(tmp_path / "none.xml") == []
