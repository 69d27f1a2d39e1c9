"""Variants of exercise 4.1: reading from below, with gaps, or beyond the edge."""

import itertools
from functools import partial

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.trials import Trial

CALL = (
    "vertical_conv(torch.tensor([1.0, 2.0, 4.0, 8.0]).view(1, 1, 4, 1), "
    "torch.tensor([10.0, 1.0]).view(1, 1, 2, 1), mask_type='{kind}')"
)
vertical_conv = Variants(
    ch04.vertical_conv,
    asked="Convolve with n rows drawn before the pixel's own (type A), or n - 1 and its own (B).",
    x="(B, in, H, W)",
    weight="(out, in, n, k), k odd: its middle column lies on the pixel's own column; {nearest}",
    mask_type='"A": the nearest row of the kernel lies {neighbour}. "B": on the pixel\'s own',
    by_hand="the column x = [1, 2, 4, 8] and the kernel [10, 1] give\ntype A {a}\ntype B {b}",
    nearest="weight[:, :, -1] is the nearest row",
    neighbour="on the row above",
    examples=tuple(CALL.format(kind=kind) for kind in "AB"),
)


REACH = 3  # rows a tap, at most


def _twist(says: str, padded, offset, **words: str):
    """offset(tap, n, skip) is the row that a row of the kernel reads, seen from the pixel;
    padded(x, n) adds n rows above and below. skip: 1 for type A, 0 for type B."""

    def column(kind, right):
        x = torch.tensor([1.0, 2, 4, 8]).view(1, 1, 4, 1)
        weight = torch.tensor([10.0, 1]).view(1, 1, 2, 1)
        return right(x, weight, mask_type=kind).flatten().long().tolist()

    @vertical_conv.twist(says, **words, a=partial(column, "A"), b=partial(column, "B"))
    def right(x, weight, *, mask_type):
        n, k = weight.shape[2:]
        height, skip = x.shape[2], int(mask_type == "A")
        high, out = padded(x, REACH * n + 1), 0
        for tap in range(n):
            first = REACH * n + 1 + offset(tap, n, skip)
            rows = high[:, :, first : first + height]
            out = out + F.conv2d(F.pad(rows, (k // 2, k // 2)), weight[:, :, tap : tap + 1])
        return out

    @vertical_conv.right
    def by_one_kernel(x, weight, *, mask_type):
        n, k = weight.shape[2:]
        skip, middle = int(mask_type == "A"), REACH * n + 1
        kernel = weight.new_zeros(*weight.shape[:2], 2 * middle + 1, k)
        for tap in range(n):
            kernel[:, :, middle + offset(tap, n, skip)] = weight[:, :, tap]
        return F.conv2d(padded(x, middle), kernel, padding=(0, k // 2))


SIDES = {"above": -1, "below": 1}
OUTSIDE = {"constant": "there are zeros", "replicate": "its nearest row is repeated"}


def _reading(side: str, gap: int, mode: str):
    sign = SIDES[side]
    says = f"Above and below the image {OUTSIDE[mode]}."
    if side == "below":
        says = (
            "Images are drawn from the bottom row to the top row: the rows drawn before lie below. "
            f"{says}"
        )
    if gap > 1:
        a, b = (", ".join(str(skip + gap * i) for i in range(3)) for skip in (1, 0))
        says = (
            f"The rows of the kernel lie {gap} apart (dilation {gap}): in type A they are {a}, "
            f"... rows away, in type B {b}, ... {says}"
        )

    def offset(tap, n, skip):
        return sign * (skip + gap * (n - 1 - tap if sign < 0 else tap))

    _twist(
        says,
        lambda x, n: F.pad(x, (0, 0, n, n), mode=mode),
        offset,
        nearest=f"weight[:, :, {'-1' if sign < 0 else '0'}] is the nearest row",
        neighbour=f"on the row {side}",
    )


for _side, _gap, _mode in itertools.product(SIDES, (1, 2, 3), OUTSIDE):
    if (_side, _gap, _mode) != ("above", 1, "constant"):
        _reading(_side, _gap, _mode)


def _trials(rng: torch.Generator, *kinds: str, channels=(1, 1), sizes=((2, 3), (3, 1))):
    return [
        Trial(
            (
                torch.randn((2, channels[0], 6, 5), generator=rng),
                torch.randn((channels[1], channels[0], *size), generator=rng),
            ),
            {"mask_type": kind},
        )
        for kind in kinds
        for size in sizes
    ]


vertical_conv.trials("type A: one channel, two and three rows", points=2)(
    lambda rng: _trials(rng, "A")
)
vertical_conv.trials("type B: the same")(lambda rng: _trials(rng, "B"))
vertical_conv.trials("several channels, one to three rows")(
    lambda rng: _trials(rng, "A", "B", channels=(3, 4), sizes=((1, 3), (2, 5), (3, 3)))
)
