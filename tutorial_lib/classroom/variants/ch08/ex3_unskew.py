"""Variants of exercise 8.3: another lean, and what becomes of the numbers beside the image."""

import itertools

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Twist, Variants
from tutorial_lib.exercises import ch08
from tutorial_lib.exercises.trials import Trial

unskew = Variants(
    ch08.unskew,
    asked="Move the rows back to the left: undoes a skew.",
    by_hand=("1 2 3 7 9    ->   {rows[0]}\n8 4 5 6 0         {rows[1]}"),
    examples=("unskew(torch.arange(1.0, 28.0).view(1, 1, 3, 9))",),
)


def _unskewed(last_row_stays: bool, folded: bool, step: int):
    lean = "The skew leaned the other way: the last row stayed, and row i moves back by H - 1 - i."
    beside = (
        "What lies beside the image is not dropped but folded in: a number that would come to lie "
        "in a column j outside of 0 .. W-1 is added to column j mod W."
    )
    far = f"The skew moved by {step} places in place of one: all moves are {step}-fold."
    says = [lean] * last_row_stays + [beside] * folded + [far] * (step > 1)

    def rows(right):
        image = right(torch.tensor([[[[1.0, 2, 3, 7, 9], [8, 4, 5, 6, 0]]]]))[0, 0]
        return [" ".join(f"{each:.0f}" for each in row) for row in image.tolist()]

    @unskew.twist(" ".join(says), rows=rows, step=step)
    def right(skewed):
        height, columns = skewed.shape[2:]
        width = columns - step * (height - 1)
        out = skewed.new_zeros(*skewed.shape[:3], width)
        for i in range(height):
            start = step * (height - 1 - i if last_row_stays else i)
            for column in range(columns) if folded else range(start, start + width):
                out[:, :, i, (column - start) % width] += skewed[:, :, i, column]
        return out

    @unskew.right
    def other(skewed):
        height, columns = skewed.shape[2:]
        width = columns - step * (height - 1)
        rows = []
        for i in range(height):
            row, start = skewed[:, :, i], step * (height - 1 - i if last_row_stays else i)
            if folded:
                before = -start % width  # so that a multiple of the width ends where the row starts
                after = -(columns + before) % width
                rows.append(F.pad(row, (before, after)).unflatten(-1, (-1, width)).sum(dim=-2))
            else:
                rows.append(row[..., start : start + width])
        return torch.stack(rows, dim=2)


for _stays, _folded, _step in itertools.product((False, True), (False, True), (1, 2, 3)):
    if (_stays, _folded, _step) != (False, False, 1):
        _unskewed(_stays, _folded, _step)


def _trial(rng: torch.Generator, twist: Twist, height: int, width: int) -> Trial:
    shape = (2, 3, height, width + twist.words["step"] * (height - 1))
    return Trial((torch.randint(1, 9, shape, generator=rng).float(),))


unskew.trials("a square image")(lambda rng, twist: [_trial(rng, twist, 4, 4)])
unskew.trials("images that are not square")(
    lambda rng, twist: [_trial(rng, twist, 3, 6), _trial(rng, twist, 6, 3)]
)
unskew.trials("a single row, a single column")(
    lambda rng, twist: [_trial(rng, twist, 1, 4), _trial(rng, twist, 5, 1)]
)
