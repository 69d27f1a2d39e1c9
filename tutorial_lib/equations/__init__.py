"""Every numbered equation of the papers: what it says, and the cell and the name that compute it.

`python -m tutorial_lib equations` prints the table of equations.json. A test opens the notebooks
and sees that each cell stands where the table says, and that each name exists.

References: van den Oord et al. 2016, Pixel Recurrent Neural Networks (PixelRNN); van den Oord et
al. 2016, Conditional Image Generation with PixelCNN Decoders (Gated PixelCNN); van den Oord et al.
2017, Neural Discrete Representation Learning (VQ-VAE).
"""

import json
from collections.abc import Iterator
from importlib import resources
from typing import NamedTuple


class Equation(NamedTuple):
    """One numbered equation: the chapter that computes it, a line of its cell, a library name."""

    paper: str
    number: int
    says: str
    notebook: str
    cell: str
    library: str


TABLE = json.loads(resources.files(__package__).joinpath("equations.json").read_text("utf-8"))
EQUATIONS = tuple(Equation(**each) for each in TABLE)


def lines() -> Iterator[str]:
    """The table as text: a heading for each paper, four lines for each equation."""
    paper = None
    for each in EQUATIONS:
        if each.paper != paper:
            paper = each.paper
            yield paper
        yield f"  eq. {each.number}  {each.says}"
        yield f"         notebook  notebooks/{each.notebook}.ipynb"
        yield f"         cell      {each.cell}"
        yield f"         library   tutorial_lib.{each.library}"
