"""Variants of exercise 4.2: reading to the right, with gaps, or beyond the edge."""

import itertools
from functools import partial

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch04
from tutorial_lib.exercises.trials import Trial

CALL = (
    "horizontal_conv(torch.tensor([[[[1.0, 2.0, 4.0, 8.0]]]]), "
    "torch.tensor([[[[10.0, 1.0]]]]), mask_type='{kind}')"
)
horizontal_conv = Variants(
    ch04.horizontal_conv,
    asked=(
        "Convolve along the own row: read n pixels drawn before (type A), or n - 1 and the centre "
        "(B)."
    ),
    x="(B, in, H, W)",
    weight="(out, in, 1, n): only taps that may be read; {nearest}",
    mask_type='"A": the nearest tap lies {neighbour}. "B": on the pixel itself',
    by_hand=("x = [[1, 2, 4, 8]] and weight = [[10, 1]] give\ntype A {a}\ntype B {b}"),
    nearest="weight[..., -1] is the nearest",
    neighbour="on the left neighbour",
    examples=tuple(CALL.format(kind=kind) for kind in "AB"),
)


REACH = 3  # columns a tap, at most


def _twist(says: str, padded, offset, **words: str):
    """offset(tap, n, skip) is the column that a tap reads, seen from the pixel; padded(x, n) adds
    n columns on both sides. skip: 1 for type A, 0 for type B."""

    def row(kind, right):
        x, weight = torch.tensor([[[[1.0, 2, 4, 8]]]]), torch.tensor([[[[10.0, 1]]]])
        return right(x, weight, mask_type=kind)[0, 0].long().tolist()

    @horizontal_conv.twist(says, **words, a=partial(row, "A"), b=partial(row, "B"))
    def right(x, weight, *, mask_type):
        n, width, skip = weight.shape[-1], x.shape[-1], int(mask_type == "A")
        wide, out = padded(x, REACH * n + 1), 0
        for tap in range(n):
            first = REACH * n + 1 + offset(tap, n, skip)
            window = wide[..., first : first + width]
            out = out + torch.einsum("oi,bihw->bohw", weight[:, :, 0, tap], window)
        return out

    @horizontal_conv.right
    def by_one_kernel(x, weight, *, mask_type):
        n, skip = weight.shape[-1], int(mask_type == "A")
        middle = REACH * n + 1
        kernel = weight.new_zeros(*weight.shape[:3], 2 * middle + 1)
        for tap in range(n):
            kernel[..., middle + offset(tap, n, skip)] = weight[..., tap]
        return F.conv2d(padded(x, middle), kernel)


SIDES = {"left": -1, "right": 1}
BESIDE = {"constant": "there are zeros", "replicate": "its nearest column is repeated"}


def _reading(side: str, gap: int, mode: str):
    sign = SIDES[side]
    says = f"Beside the image {BESIDE[mode]}."
    if side == "right":
        says = (
            f"Rows are drawn from right to left: the pixels drawn before lie to the right. {says}"
        )
    if gap > 1:
        a, b = (", ".join(str(skip + gap * i) for i in range(3)) for skip in (1, 0))
        says = (
            f"The taps are {gap} pixels apart (dilation {gap}): in type A they lie {a}, ... pixels "
            f"away, in type B {b}, ... {says}"
        )

    def offset(tap, n, skip):
        return sign * (skip + gap * (n - 1 - tap if sign < 0 else tap))

    _twist(
        says,
        lambda x, n: F.pad(x, (n, n, 0, 0), mode=mode),
        offset,
        nearest=f"weight[..., {'-1' if sign < 0 else '0'}] is the nearest",
        neighbour=f"on the {side} neighbour",
    )


for _side, _gap, _mode in itertools.product(SIDES, (1, 2, 3), BESIDE):
    if (_side, _gap, _mode) != ("left", 1, "constant"):
        _reading(_side, _gap, _mode)


def _trials(rng: torch.Generator, *kinds: str, channels=(1, 1), taps=(2, 3)) -> list[Trial]:
    return [
        Trial(
            (
                torch.randn((2, channels[0], 3, 7), generator=rng),
                torch.randn((channels[1], channels[0], 1, n), generator=rng),
            ),
            {"mask_type": kind},
        )
        for kind in kinds
        for n in taps
    ]


horizontal_conv.trials("type A: one channel, two and three taps", points=2)(
    lambda rng: _trials(rng, "A")
)
horizontal_conv.trials("type B: the same")(lambda rng: _trials(rng, "B"))
horizontal_conv.trials("several channels, one to four taps")(
    lambda rng: _trials(rng, "A", "B", channels=(3, 4), taps=(1, 2, 3, 4))
)
