"""Variants of exercise 2.1: other raster orders."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.trials import Trial

causal_mask = Variants(
    ch02.causal_mask,
    asked="1 for the taps that a convolution may read, 0 for the others.",
    by_hand=("kernel_size=3, type A      {rows[0]}\n{rows[1]}\n{rows[2]}"),
    examples=("causal_mask(3, include_center=False)", "causal_mask(5, include_center=True)"),
)
# order in words -> the rank of a tap, (row, column) -> a key that grows in the order of drawing
ORDERS = {
    "column by column, from left to right, each column from top to bottom": lambda r, c: (c, r),
    "column by column, from right to left, each column from top to bottom": lambda r, c: (-c, r),
    "row by row, from top to bottom, each row from right to left": lambda r, c: (r, -c),
    "row by row, from bottom to top, each row from left to right": lambda r, c: (-r, c),
    "column by column, from left to right, each column from bottom to top": lambda r, c: (c, -r),
    "column by column, from right to left, each column from bottom to top": lambda r, c: (-c, -r),
    "row by row, from bottom to top, each row from right to left": lambda r, c: (-r, -c),
}
CORNERS = {  # where diagonals begin -> what grows from one diagonal to the next
    "upper left": lambda r, c: r + c,
    "lower right": lambda r, c: -r - c,
    "lower left": lambda r, c: c - r,
    "upper right": lambda r, c: r - c,
}


def _rows(right) -> list[str]:
    mask = right(3, include_center=False)
    return [" ".join(f"{tap:.0f}" for tap in row) for row in mask.tolist()]


def _drawn(order: str, rank):
    @causal_mask.twist(f"Images are drawn {order}.", rows=_rows)
    def right(kernel_size, *, include_center):
        middle = kernel_size // 2
        mask = torch.zeros(kernel_size, kernel_size)
        for row in range(kernel_size):
            for column in range(kernel_size):
                mask[row, column] = float(rank(row, column) < rank(middle, middle))
        mask[middle, middle] = float(include_center)
        return mask

    @causal_mask.right
    def by_sorting(kernel_size, *, include_center):
        taps = [(r, c) for r in range(kernel_size) for c in range(kernel_size)]
        taps.sort(key=lambda tap: rank(*tap))
        n_open = kernel_size**2 // 2 + include_center
        mask = torch.zeros(kernel_size, kernel_size, dtype=torch.float64)
        for row, column in taps[:n_open]:
            mask[row, column] = 1
        return mask


for order, rank in ORDERS.items():
    _drawn(order, rank)
for corner, diagonal in CORNERS.items():
    start = f"diagonal by diagonal, from the {corner} corner to the opposite one"
    if corner != "upper left":  # which is the chapter's order, for a 3x3 kernel
        _drawn(f"{start}, each from top to bottom", lambda r, c, key=diagonal: (key(r, c), r))
    _drawn(f"{start}, each from bottom to top", lambda r, c, key=diagonal: (key(r, c), -r))


def _masks(*sizes: int, types=(False, True)) -> list[Trial]:
    return [Trial((size,), {"include_center": center}) for size in sizes for center in types]


causal_mask.trials("the 3x3 mask of type A")(lambda rng: _masks(3, types=(False,)))
causal_mask.trials("the 3x3 mask of type B")(lambda rng: _masks(3, types=(True,)))
causal_mask.trials("kernels of 1, 5, and one larger size")(
    lambda rng: _masks(1, 5, 2 * int(torch.randint(3, 8, (), generator=rng)) + 1)
)
