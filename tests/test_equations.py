"""The table of equations against the notebooks and the library."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import nbformat
import pytest

from tutorial_lib import cli
from tutorial_lib.equations import EQUATIONS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
EACH = pytest.mark.parametrize("equation", EQUATIONS, ids=lambda e: f"{e.paper}-{e.number}")


def test_no_numbered_equation_is_left_out():
    numbers = {}
    for each in EQUATIONS:
        numbers.setdefault(each.paper, []).append(each.number)
    assert numbers == {
        "PixelRNN": [1, 2, 3],
        "Gated PixelCNN": [1, 2, 3, 4, 5],
        "VQ-VAE": [1, 2, 3, 4, 5, 6, 7, 8],
    }


@EACH
def test_the_cell_stands_in_its_notebook_and_ran(equation):
    notebook = nbformat.read(NOTEBOOKS / f"{equation.notebook}.ipynb", 4)
    cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and equation.cell in map(str.strip, cell.source.splitlines())
    ]
    assert cells and all(cell.execution_count for cell in cells)


@EACH
def test_the_closing_table_of_its_chapter_names_it(equation):
    notebook = nbformat.read(NOTEBOOKS / f"{equation.notebook}.ipynb", 4)
    named = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            named |= equations_named(cell.source, equation.paper)
    assert equation.number in named


def equations_named(text, paper):
    """The numbers of a paper's equations in the first column of the tables of a text.

    A row names the paper itself, or the heading of its table does: | paper (VQ-VAE) | ...
    """
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    of_all = bool(rows) and f"({paper})" in rows[0]
    numbers = set()
    for row in rows:
        if of_all or paper in row:
            told = row.rsplit(paper, 1)[-1] if paper in row else row
            found = re.search(r"eqs?\. (\d+)(?:(,| to) (\d+))?", told)
            if found:
                first, last = int(found[1]), int(found[3] or found[1])
                numbers |= set(range(first, last + 1))
    return numbers


def test_equations_are_read_out_of_tables_as_they_are_written():
    rows = "| {} | what |\n|---|---|\n| {} | x |"
    assert equations_named(rows.format("paper", "PixelRNN eq. 3"), "PixelRNN") == {3}
    assert equations_named(rows.format("paper", "PixelRNN eq. 3"), "VQ-VAE") == set()
    assert equations_named(rows.format("paper (VQ-VAE)", "app., eqs. 6 to 8"), "VQ-VAE") == {
        6,
        7,
        8,
    }
    both = "PixelRNN eq. 1, Gated PixelCNN eq. 2"
    assert equations_named(rows.format("paper", both), "Gated PixelCNN") == {2}


@EACH
def test_its_name_is_in_the_library(equation):
    module, name = equation.library.rsplit(".", 1)
    assert getattr(importlib.import_module(f"tutorial_lib.{module}"), name).__doc__


def test_the_command_prints_every_equation_with_its_cell_and_name(capsys):
    cli.main(["equations"])
    printed = capsys.readouterr().out
    for each in EQUATIONS:
        assert f"eq. {each.number}  {each.says}" in printed
        assert each.cell in printed and f"tutorial_lib.{each.library}" in printed
    assert "notebooks/10_the_codebook_quantizer.ipynb" in printed
