"""Variants of exercise 5.3: which cell of the coarse map a pixel listens to."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch05
from tutorial_lib.exercises.ch05.ex3_spatial_context import draw_trial

spatial_context = Variants(
    ch05.spatial_context,
    returns="(B, 2C, H, W): {result}",
    by_hand=(
        "h = [[1]], the picture [[1, 2], [3, 4]], weight = [[10]] and size = (4, 4) give\n"
        "{rows[0]}\n"
        "{rows[1]}\n"
        "{rows[2]}\n"
        "{rows[3]}"
    ),
    examples=(
        "spatial_context(torch.tensor([[1.0]]), torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), "
        "torch.tensor([[10.0]]), (4, 4))",
    ),
)


def _blocks(coarse, n, m):
    return coarse.repeat_interleave(n, dim=2).repeat_interleave(m, dim=3)


def _first_of_each_block(coarse, n, m):
    first = torch.zeros(n, m, dtype=coarse.dtype)
    first[0, 0] = 1
    return torch.kron(coarse, first)


def _twist(says: str, returns: str, enlarged, cell):
    """enlarged(coarse, n, m) is the map as large as the image, for blocks of n x m pixels;
    cell(i, n, h) the row of the map that row i listens to, or None for none; so the columns."""

    def rows(right):
        seed = torch.tensor([[[[1.0, 2], [3, 4]]]])
        large = right(torch.ones(1, 1), seed, torch.tensor([[10.0]]), (4, 4))
        return large[0, 0].long().tolist()

    @spatial_context.twist(says, result=returns, rows=rows)
    def right(h, seed, weight, size):
        coarse = torch.einsum("bd,dshw->bshw", h, seed)
        blocks = (big // small for big, small in zip(size, coarse.shape[2:], strict=True))
        return F.conv2d(enlarged(coarse, *blocks), weight[:, :, None, None])

    @spatial_context.right
    def pixel_by_pixel(h, seed, weight, size):
        moved = torch.einsum("bd,dshw,cs->bchw", h, seed, weight)
        (height, width), (n, m) = size, seed.shape[2:]
        out = moved.new_zeros(*moved.shape[:2], height, width)
        for i in range(height):
            for j in range(width):
                row, column = cell((i, j), (height // n, width // m), (n, m))
                if row is not None:
                    out[:, :, i, j] = moved[:, :, row, column]
        return out


_twist(
    "The map is not enlarged but laid out like tiles, again and again: pixel (i, j) listens to "
    "cell (i mod h, j mod w).",
    "at each pixel V times the numbers of its cell",
    lambda coarse, n, m: coarse.repeat(1, 1, n, m),
    lambda at, block, cells: (at[0] % cells[0], at[1] % cells[1]),
)
_twist(
    "Only the first pixel of each block, at its top left, listens to the map; the others get 0.",
    "V times the numbers of the block at its first pixel, else 0",
    _first_of_each_block,
    lambda at, block, cells: (
        (at[0] // block[0], at[1] // block[1])
        if at[0] % block[0] == at[1] % block[1] == 0
        else (None, None)
    ),
)
_twist(
    "A block listens to the cell above its own, which is known before it; the top blocks get 0.",
    "at each pixel V times the numbers of the block above",
    lambda coarse, n, m: _blocks(F.pad(coarse[:, :, :-1], (0, 0, 1, 0)), n, m),
    lambda at, block, cells: (
        (at[0] // block[0] - 1, at[1] // block[1]) if at[0] >= block[0] else (None, None)
    ),
)
_twist(
    "The map lies mirrored: the block at the left listens to the cell at the right, and the "
    "other way round.",
    "at each pixel V times the numbers of the mirrored block",
    lambda coarse, n, m: _blocks(coarse.flip(3), n, m),
    lambda at, block, cells: (at[0] // block[0], cells[1] - 1 - at[1] // block[1]),
)


spatial_context.trials("one image, two pictures of 2x2 cells")(
    lambda r: [draw_trial(1, 2, (1, 2, 2), 1, (2, 2), r)]
)
spatial_context.trials("several images, and maps of three channels")(
    lambda r: [draw_trial(3, 3, (3, 2, 3), 4, (2, 2), r)]
)
spatial_context.trials("blocks that are not square")(
    lambda r: [
        draw_trial(1, 4, (2, 2, 3), 6, (4, 1), r),
        draw_trial(1, 2, (2, 3, 2), 2, (1, 3), r),
    ]
)
