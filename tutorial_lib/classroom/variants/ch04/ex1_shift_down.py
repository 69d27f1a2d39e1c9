"""Variants of exercise 4.1: the shift that other raster orders need."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.ch04.ex1_shift_down import draw_trial, gradient_of
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Failure

shift_down = Variants(
    ch04.shift_down,
    asked="Features moved by {amount}; elsewhere 0.",
    by_hand=(
        "[[1, 2, 3],    gives   {rows[0]}\n"
        "[4, 5, 6],            {rows[1]}\n"
        "[7, 8, 9]]            {rows[2]}"
    ),
    examples=("shift_down(torch.arange(1.0, 7.0).view(1, 1, 2, 3))",),
)


def _moved(says: str, amount: str, rows: int, columns: int):
    """rows, columns: how far down and to the right; negative for up and left."""

    def lines(right):
        first, second, third = right(torch.arange(1.0, 10).view(1, 1, 3, 3))[0, 0].long().tolist()
        return f"[{first},", f" {second},", f" {third}]"

    @shift_down.twist(says, amount=amount, rows=lines)
    def right(features):
        sides = (columns, -columns, rows, -rows)
        return F.pad(features, sides)

    @shift_down.right
    def by_rolling(features):
        height, width = features.shape[2:]
        row, column = torch.arange(height)[:, None], torch.arange(width)
        keep = (row >= rows) & (row < height + rows)
        keep = keep & (column >= columns) & (column < width + columns)
        return features.roll((rows, columns), (2, 3)) * keep.to(features.dtype)


_moved(
    "Images are drawn from the bottom row to the top row, so the finished rows lie below: row "
    "i of the result is row i + 1.",
    "one row, up",
    -1,
    0,
)
_moved(
    "Images are drawn column by column, from left to right: column j of the result is column "
    "j - 1.",
    "one column, to the right",
    0,
    1,
)
_moved(
    "Images are drawn column by column, from right to left: column j of the result is column "
    "j + 1.",
    "one column, to the left",
    0,
    -1,
)
_moved(
    "The pixel above and to the left is to be read: pixel (i, j) of the result is pixel "
    "(i - 1, j - 1).",
    "one row down and one column to the right",
    1,
    1,
)
for _rows, _columns, _order, _lie in (
    (2, 0, "two rows at a time, from the top", "two rows above"),
    (-2, 0, "two rows at a time, from the bottom", "two rows below"),
    (0, 2, "two columns at a time, from the left", "two columns to the left"),
    (0, -2, "two columns at a time, from the right", "two columns to the right"),
    (1, -1, "row by row, from the top, each from the right", "one above and one to the right"),
    (-1, 1, "row by row, from the bottom, each from the left", "one below and one to the left"),
    (-1, -1, "row by row, from the bottom, each from the right", "one below and one to the right"),
    (2, 1, "two rows at a time, from the top", "two rows above and one column to the left"),
):
    _moved(
        f"Images are drawn {_order}. Each pixel is to read the one that lies {_lie}.",
        f"{_rows} rows down and {_columns} columns to the right (negative: up, to the left)",
        _rows,
        _columns,
    )


shift_down.trials("which pixel each number of the result comes from, square images")(
    lambda rng: [draw_trial((2, 3, 5, 5), rng)]
)
shift_down.trials("the same for images that are not square")(
    lambda rng: [draw_trial(shape, rng) for shape in ((1, 2, 7, 5), (2, 2, 4, 6), (1, 1, 2, 3))]
)


@shift_down.judge("where the gradients go")
def gradient(candidate, rng, twist) -> Failure | None:
    (features,) = draw_trial((1, 2, 3, 4), rng).args
    want = gradient_of(twist.right, features.clone())
    got = candidate.measure(gradient_of, features)
    if got is None:
        return Failure("No gradient reaches the features.")
    if agree(got, want):
        return None
    place = first_difference(got, want)
    told = f"{number(want[place])} expected at features{list(place)}, got {number(got[place])}."
    return Failure("A gradient goes to the wrong pixel.", told)
