"""Variants of exercise 6.3: other taps of the own row."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

CALL = (
    "step_in_row(torch.tensor([[[2.0, 3.0, 9.0]]]), torch.tensor([[[10.0, 1.0]]]), "
    "torch.tensor([[[100.0, 200.0, 300.0]]]), {column})"
)
step_in_row = Variants(
    ch06.step_in_row,
    asked="A convolution at one pixel: the taps of its own row, and what the link brings.",
    row="(B, C, W) features of the present row. {leftovers} there are leftovers of an earlier row",
    kernel="(O, C, T) the taps in the own row; {taps}",
    returns="(B, O); beside the image there are zeros",
    by_hand=(
        "row = [[2, 3, 9]], kernel = [[10, 1]], link = [[100, 200, 300]] (B = C = O = 1) column "
        "1: {results[1]}        column 0: {results[0]}        column 2: {results[2]}"
    ),
    examples=tuple(CALL.format(column=column) for column in (1, 0, 2)),
)


def _twist(says: str, leftovers: str, taps: str, offset):
    """offset(tap, n) is the column that a tap reads, seen from `column`."""

    def results(right):
        tensors = [[[2.0, 3, 9]]], [[[10.0, 1]]], [[[100.0, 200, 300]]]
        args = [torch.tensor(each) for each in tensors]
        return [f"{right(*args, column).item():g}" for column in range(3)]

    @step_in_row.twist(says, leftovers=leftovers, taps=taps, results=results)
    def right(row, kernel, link, column):
        total, width = link[:, :, column].clone(), row.shape[2]
        for tap in range(kernel.shape[2]):
            read = column + offset(tap, kernel.shape[2])
            if 0 <= read < width:
                total = total + row[:, :, read] @ kernel[:, :, tap].T
        return total

    @step_in_row.right
    def whole_row_then_one_column(row, kernel, link, column):
        n = kernel.shape[2]
        far = 2 * n
        spread = kernel.new_zeros(*kernel.shape[:2], 2 * far + 1)
        for tap in range(n):
            spread[:, :, far + offset(tap, n)] = kernel[:, :, tap]
        return (link + F.conv1d(row, spread, padding=far))[:, :, column]


_twist(
    "The layer is of type A: the last tap lies on the left neighbour of `column`, not on it.",
    "At `column` and to its right",
    "the last lies left of `column`, the others before it",
    lambda tap, n: tap - n,
)
_twist(
    "Rows are drawn from right to left: the first tap lies on `column`, the others to its right.",
    "To the left of `column`",
    "the first lies on `column`, the others to its right",
    lambda tap, n: tap,
)
_twist(
    "The taps are two columns apart (dilation 2): the last lies on `column`, the one before it "
    "two columns to the left, and so on.",
    "To the right of `column`",
    "the last lies on `column`, the others to its left",
    lambda tap, n: 2 * (tap - n + 1),
)


def _draw(sizes: tuple[int, int, int, int, int], columns: tuple[int, ...]):
    """sizes: batch, channels in, width, channels out, taps."""
    batch, channels, width, out, taps = sizes
    shapes = (batch, channels, width), (out, channels, taps), (batch, out, width)

    def draw(rng: torch.Generator) -> list[Trial]:
        row, kernel, link = (torch.randn(shape, generator=rng) for shape in shapes)
        return [Trial((row, kernel, link, column)) for column in columns]

    return draw


step_in_row.trials("two taps, columns inside the row", points=2)(_draw((2, 3, 7, 4, 2), (3, 4, 2)))
step_in_row.trials("four taps, columns at both edges", points=2)(
    _draw((3, 2, 6, 4, 4), (0, 1, 2, 3, 4, 5))
)
step_in_row.trials("a kernel wider than the row")(_draw((1, 2, 3, 3, 6), (0, 1, 2)))
