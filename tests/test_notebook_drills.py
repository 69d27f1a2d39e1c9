"""The drills on notebooks see what they look for: each is shown a notebook that would not pass."""

from itertools import cycle, islice
from random import Random

import pytest
from drills import notebooks
from drills.notebook_kernel import comparable
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_pairs import write_notebook

GOOD = ("x = 1", "print(x)")


@pytest.fixture
def made(tmp_path):
    """A function that writes a notebook of these cells."""

    def make(*sources):
        path = tmp_path / "01_tiny.ipynb"
        write_notebook(new_notebook(cells=[new_code_cell(each) for each in sources]), path)
        notebooks.FIRST_RUNS.clear()
        return path

    return make


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (("n = globals().get('n', 0) + 1; print(n)",), "shows '2' instead of '1'"),
        (("x = 1", "print(x + y)"), "ends in error: NameError"),
        (("open('samples.png', 'w').close()",), "it left ['samples.png']"),
    ],
    ids=["a counter that grows", "an error", "a file left behind"],
)
def test_a_second_run_all_is_compared_with_the_first(made, cells, complaint):
    assert complaint in notebooks.run_all_twice(made(*cells), Random(0))


@pytest.mark.long
def test_another_kernel_must_draw_the_same(made):
    notebook = made("import os; print(os.getpid())")
    assert "instead of" in notebooks.restart_and_run_all(notebook, Random(0))


@pytest.mark.long
def test_a_cell_that_appends_is_no_cell_to_press_twice(made):
    notebook = made("rows = []", "rows.append(1); print(rows)", "print(len(rows))")
    told = notebooks.each_cell_twice(notebook, Random(0))
    assert "run again, cell 1" in told and "shows '[1, 1]' instead of '[1]'" in told
    assert "run once, cell 2" in told and "shows '2' instead of '1'" in told


@pytest.mark.long
def test_drawing_anew_is_allowed(made):
    assert (
        notebooks.each_cell_twice(
            made("import torch; torch.manual_seed(0);", "print(torch.rand(3))"), Random(0)
        )
        is None
    )


def outcomes(look, notebook, rounds):
    return list(islice(look(notebook, Random(0)), rounds))


@pytest.mark.long
def test_a_wrong_figure_out_of_order_is_told_and_a_missing_name_is_not(made):
    asks, guesses = "print(x)", "print(globals().get('x', 0))"
    told = outcomes(notebooks.late_cell_first, made("pass", "x = 1", asks, guesses), 12)
    assert None in told
    assert {each for each in told if each} == {f"cell 3 ({guesses}) shows '0' instead of '1'"}


@pytest.mark.long
def test_axes_without_a_curve_below_the_name_that_is_missing_are_no_wrong_figure(made):
    begun = "import matplotlib.pyplot as plt; ax = plt.subplots()[1]; ax.plot([0, x]);"
    told = outcomes(notebooks.late_cell_first, made("pass", "x = 1", begun), 6)
    assert told == [None] * 6
    assert "ends in error: NameError" in notebooks.run_all_twice(made(begun), Random(0))


@pytest.mark.long
def test_a_name_with_two_meanings_is_found_by_going_back(made):
    notebook = made("x = 1", "print(x)", "x = 2", "print(x)")
    told = outcomes(notebooks.there_and_back, notebook, 16)
    assert any(each and "shows '2' instead of '1'" in each for each in told)


@pytest.mark.long
def test_a_good_notebook_passes(made):
    notebook = made(*GOOD)
    assert notebooks.run_all_twice(notebook, Random(0)) is None
    assert notebooks.each_cell_twice(notebook, Random(0)) is None


@pytest.mark.long
def test_pictures_are_compared_whatever_the_tests_draw_with(made, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plot = "import matplotlib.pyplot as plt; plt.plot([0, n]);"
    notebook = made(f"n = globals().get('n', 0) + 1; {plot}")
    assert "shows 'image/png" in notebooks.run_all_twice(notebook, Random(0))


def test_what_no_seed_decides_is_not_compared():
    texts = "12 s for 4 images\n", "9.5 s for 4 images\n 40%|████  | 4/10 [00:01, 3.1it/s]\n"
    one, other = ([new_output("stream", text=text)] for text in texts)
    assert comparable(one) == comparable(other) == ["<time> for 4 images"]
    assert comparable([new_output("stream", text="3.1 bits/dim")]) == ["3.1 bits/dim"]


def test_the_quickest_notebook_comes_first_and_all_take_their_turn():
    order = notebooks.quickest_first()
    assert order[0].stem == notebooks.QUICKEST and len(order) == notebooks.N
    seen = []
    drill = notebooks.once(lambda path, rng: seen.append(path))
    assert list(drill(notebooks.N + 1, Random(0))) == [None] * (notebooks.N + 1)
    assert seen == [*order, order[0]]


def test_each_notebook_has_so_many_rounds_before_the_next():
    drill = notebooks.in_turn(lambda path, rng: (path.stem for _ in cycle([0])), times=3)
    stems = [path.stem for path in notebooks.quickest_first()]
    assert list(drill(4, Random(0))) == [f"{stems[i]}: {stems[i]}" for i in (0, 0, 0, 1)]
