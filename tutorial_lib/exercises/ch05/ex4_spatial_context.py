"""Exercise 5.4: a coarse map as a condition, equation 5."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.ch05.references import spatial_context as reference
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare

STUB = '''\
def spatial_context(
    coarse: torch.Tensor, weight: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What a coarse map adds to the gates: V * s of equation 5, at every pixel.

    coarse   (B, S, h, w): S numbers for each block of pixels; stays as it is
    weight   (2C, S): V, the weights of a 1x1 convolution without bias
    size     (H, W) of the image, multiples of h and w
    returns  (B, 2C, H, W): at each pixel V times the numbers of the block that it lies in

    By hand: coarse = [[1, 2]], weight = [[10]] and size = (2, 4) give [[10, 10, 20, 20],
                                                                        [10, 10, 20, 20]]
    """
    ____
'''

HINTS = (
    """Two things happen: each cell becomes a block of equal pixels, and at every pixel S numbers
    become 2C by a matrix. No pixel needs to know another cell than its own.""",
    """`coarse.repeat_interleave(n, dim=2)` repeats every row n times in a row;
    `torch.einsum("cs,bshw->bchw", weight, ...)` is a 1x1 convolution, and so is `F.conv2d` with
    `weight[:, :, None, None]`.""",
    """If the map shows up several times side by side, you have tiled it. If the edges between
    blocks are soft, an interpolation or a larger kernel has mixed neighbouring cells.""",
)


def _times(weight, s):
    return F.conv2d(s, weight[:, :, None, None])


def _enlarged(coarse, size):
    return F.interpolate(coarse, size=size, mode="nearest")


def _tiled(coarse, weight, size):
    height, width = coarse.shape[2:]
    return _times(weight, coarse.repeat(1, 1, size[0] // height, size[1] // width))


def _bilinear(coarse, weight, size):
    return _times(weight, F.interpolate(coarse, size=size, mode="bilinear", align_corners=False))


def _rows_and_columns_exchanged(coarse, weight, size):
    return _times(weight, _enlarged(coarse.transpose(2, 3), size))


def _upside_down(coarse, weight, size):
    return _times(weight, _enlarged(coarse.flip(2), size))


def _one_vector(coarse, weight, size):
    return _times(weight, _enlarged(coarse.mean(dim=(2, 3), keepdim=True), size))


def _corner_pixels(coarse, weight, size):
    height, width = size[0] // coarse.shape[2], size[1] // coarse.shape[3]
    s = coarse.new_zeros(*coarse.shape[:2], *size)
    s[:, :, ::height, ::width] = coarse
    return _times(weight, s)


def _neighbours(coarse, weight, size):
    smeared = F.avg_pool2d(_enlarged(coarse, size), 3, stride=1, padding=1, count_include_pad=False)
    return _times(weight, smeared)


def _moved_by_a_pixel(coarse, weight, size):
    s = _enlarged(coarse, size)
    return _times(weight, F.pad(s, (1, -1, 1, -1)))


def _first_image(coarse, weight, size):
    return _times(weight, _enlarged(coarse[:1].expand_as(coarse), size))


def _sum_of_the_map(coarse, weight, size):
    s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
    return _times(weight[:, :1], s)


def _one_factor(coarse, weight, size):
    factor = size[0] // coarse.shape[2]
    return _times(weight, F.interpolate(coarse, scale_factor=factor, mode="nearest"))


NOT_SQUARE = "Height and width each have a factor of their own: the blocks need not be square."
MISCONCEPTIONS = (
    Misconception(
        "tiled",
        _tiled,
        "The map is tiled, small and several times, over the image. Each cell has to grow into a "
        "block of its own.",
    ),
    Misconception(
        "bilinear",
        _bilinear,
        "Neighbouring cells are blended into each other: the enlargement interpolates.",
    ),
    Misconception(
        "rows and columns exchanged",
        _rows_and_columns_exchanged,
        "Rows and columns of the map are exchanged.",
    ),
    Misconception("upside down", _upside_down, "The map is upside down."),
    Misconception(
        "one vector for all pixels",
        _one_vector,
        "All pixels get the same numbers: a mean over the map has lost where things are. That "
        "would be equation 4.",
    ),
    Misconception(
        "corner pixels",
        _corner_pixels,
        "Only the first pixel of each block is told. The others get zeros.",
    ),
    Misconception(
        "neighbours",
        _neighbours,
        "Pixels at the border of a block hear of the next cell, too: the kernel is larger than "
        "1x1.",
    ),
    Misconception(
        "moved by a pixel",
        _moved_by_a_pixel,
        "The map has moved one pixel down and to the right. Only the image needs such a shift: the "
        "map is known in full beforehand, so a pixel may read its own cell.",
    ),
    Misconception(
        "the map of the first image",
        _first_image,
        "All images get the map of the first one. Every image has its own.",
    ),
    Misconception(
        "channels added up",
        _sum_of_the_map,
        "The channels of the map are added up before V sees them. V has a column for each.",
    ),
    Misconception("one factor for both", _one_factor, NOT_SQUARE),
)


def _trial(shape: tuple[int, ...], out: int, scale: tuple[int, int], rng: torch.Generator) -> Trial:
    coarse = torch.randn(shape, generator=rng)
    weight = torch.randn(out, shape[1], generator=rng)
    return Trial((coarse, weight, (shape[2] * scale[0], shape[3] * scale[1])))


def _read(value: object, trial: Trial) -> Tensor:
    coarse, weight, size = trial.args

    def advice(shape: tuple[int, ...]) -> str:
        fits = [got == want for got, want in zip(shape[2:], size, strict=False)]
        return NOT_SQUARE if len(shape) == 4 and sum(fits) == 1 else ""

    return tensor_result(value, (len(coarse), len(weight), *size), advice=advice)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    coarse, _, size = trial.args
    b, channel, row, column = place = first_difference(got, want)
    cell = row * coarse.shape[2] // size[0], column * coarse.shape[3] // size[1]
    return (
        f"A map of {coarse.shape[2]}x{coarse.shape[3]} cells for {size[0]}x{size[1]} pixels. Pixel "
        f"{(row, column)} of image {b} lies in cell {cell}, and V gives its channel {channel} "
        f"{number(want[place])}. Your function says {number(got[place])}."
    )


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=[_trial((2, 3, 2, 3), 4, (3, 2), rng), _trial((3, 2, 3, 2), 2, (2, 4), rng)],
        otherwise="Some pixels get other numbers than those of their own block.",
    )


def _check_one_map(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial((1, 1, 2, 2), 1, (2, 2), rng)], rng)


def _check_channels(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial((3, 3, 2, 3), 4, (2, 2), rng)], rng)


def _check_blocks_that_are_not_square(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial((1, 2, 1, 3), 6, (4, 1), rng)], rng)


def _matrix_first(coarse, weight, size):
    moved = torch.einsum("cs,bshw->bchw", weight, coarse)
    rows = torch.arange(size[0]) * coarse.shape[2] // size[0]
    columns = torch.arange(size[1]) * coarse.shape[3] // size[1]
    return moved[:, :, rows][..., columns]


def _by_kronecker(coarse, weight, size):
    block = torch.ones(size[0] // coarse.shape[2], size[1] // coarse.shape[3])
    return torch.tensordot(torch.kron(coarse, block), weight, dims=([1], [1])).movedim(-1, 1)


spatial_context = Exercise(
    number="5.4",
    name="spatial_context",
    title="A coarse map as a condition",
    goal="Write V * s of equation 5 for a map that has one cell for each block of pixels.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("one image, a map of 2x2 cells", 1, _check_one_map),
        Check("several images, and maps of three channels", 1, _check_channels),
        Check("blocks that are not square", 1, _check_blocks_that_are_not_square),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_matrix_first, _by_kronecker),
)
