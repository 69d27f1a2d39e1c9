"""Every notebook of the repository passes the gate, and every one is run by `make test`."""

import pytest
from notebook_gate import pair_problems
from notebook_pairs import NOTEBOOKS, find_pairs
from run_tests import notebook_command, notebooks_to_run


def test_the_search_looks_into_the_notebooks_folder():
    assert NOTEBOOKS.is_dir()
    assert {pair.notebook for pair in find_pairs()} == set(notebooks_to_run())


def test_every_notebook_is_handed_to_nbval():
    command = notebook_command(notebooks_to_run(), [])
    assert "--nbval-lax" in command
    assert {str(path) for path in NOTEBOOKS.glob("*.ipynb")} <= set(command)


@pytest.mark.parametrize("pair", find_pairs(), ids=lambda pair: pair.name)
def test_notebook_and_text_are_in_step_and_outputs_are_fit_to_store(pair):
    assert pair_problems(pair) == []
