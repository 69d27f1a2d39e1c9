"""Variants of exercise 8.3: another lean, and what becomes of the numbers beside the image."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch08
from tutorial_lib.exercises.trials import Trial

unskew = Variants(
    ch08.unskew,
    asked="Move the rows back to the left: undoes a skew.",
    by_hand=("1 2 3 7    ->   {rows[0]}\n8 4 5 6         {rows[1]}"),
    examples=("unskew(torch.arange(1.0, 13.0).view(1, 1, 3, 4))",),
)


def _unskewed(last_row_stays: bool, folded: bool):
    lean = "The skew leaned the other way: the last row stayed, and row i moves back by H - 1 - i."
    beside = (
        "What lies beside the image is not dropped but folded in: a number that would come to lie "
        "in a column j outside of 0 .. W-1 is added to column j mod W."
    )
    says = [lean] * last_row_stays + [beside] * folded

    def rows(right):
        image = right(torch.tensor([[[[1.0, 2, 3, 7], [8, 4, 5, 6]]]]))[0, 0]
        return [" ".join(f"{each:.0f}" for each in row) for row in image.tolist()]

    @unskew.twist(" ".join(says), rows=rows)
    def right(skewed):
        height, columns = skewed.shape[2:]
        width = columns - height + 1
        out = skewed.new_zeros(*skewed.shape[:3], width)
        for i in range(height):
            start = height - 1 - i if last_row_stays else i
            for column in range(columns) if folded else range(start, start + width):
                out[:, :, i, (column - start) % width] += skewed[:, :, i, column]
        return out

    @unskew.right
    def other(skewed):
        height, columns = skewed.shape[2:]
        width = columns - height + 1
        rows = []
        for i in range(height):
            row, start = skewed[:, :, i], height - 1 - i if last_row_stays else i
            if folded:
                before = -start % width  # so that a multiple of the width ends where the row starts
                after = -(columns + before) % width
                rows.append(F.pad(row, (before, after)).unflatten(-1, (-1, width)).sum(dim=-2))
            else:
                rows.append(row[..., start : start + width])
        return torch.stack(rows, dim=2)


_unskewed(True, False)
_unskewed(False, True)
_unskewed(True, True)


def _trial(rng: torch.Generator, height: int, width: int) -> Trial:
    shape = (2, 3, height, width + height - 1)
    return Trial((torch.randint(1, 9, shape, generator=rng).float(),))


unskew.trials("a square image")(lambda rng: [_trial(rng, 4, 4)])
unskew.trials("images that are not square")(lambda rng: [_trial(rng, 3, 6), _trial(rng, 6, 3)])
unskew.trials("a single row, a single column")(lambda rng: [_trial(rng, 1, 4), _trial(rng, 5, 1)])
