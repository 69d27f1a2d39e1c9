"""Variants of exercise 4.2: reading to the right, with gaps, or beyond the edge."""

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


def _zeros(x, n):
    return F.pad(x, (n, n))


def _twist(says: str, padded, offset, **words: str):
    """offset(tap, n, skip) is the column that a tap reads, seen from the pixel; padded(x, n) adds
    n columns on both sides. skip: 1 for type A, 0 for type B."""

    def row(kind, right):
        x, weight = torch.tensor([[[[1.0, 2, 4, 8]]]]), torch.tensor([[[[10.0, 1]]]])
        return right(x, weight, mask_type=kind)[0, 0].long().tolist()

    @horizontal_conv.twist(says, **words, a=partial(row, "A"), b=partial(row, "B"))
    def right(x, weight, *, mask_type):
        n, width, skip = weight.shape[-1], x.shape[-1], int(mask_type == "A")
        wide, out = padded(x, 2 * n + 1), 0
        for tap in range(n):
            first = 2 * n + 1 + offset(tap, n, skip)
            window = wide[..., first : first + width]
            out = out + torch.einsum("oi,bihw->bohw", weight[:, :, 0, tap], window)
        return out

    @horizontal_conv.right
    def by_one_kernel(x, weight, *, mask_type):
        n, skip = weight.shape[-1], int(mask_type == "A")
        middle = 2 * n + 1
        kernel = weight.new_zeros(*weight.shape[:3], 2 * middle + 1)
        for tap in range(n):
            kernel[..., middle + offset(tap, n, skip)] = weight[..., tap]
        return F.conv2d(padded(x, middle), kernel)


_twist(
    "Rows are drawn from right to left: the pixels drawn before lie to the right. To the right "
    "of the image there are zeros.",
    _zeros,
    lambda tap, n, skip: tap + skip,
    nearest="weight[..., 0] is the nearest",
    neighbour="on the right neighbour",
)
_twist(
    "The taps are two pixels apart (dilation 2): in type A they lie 1, 3, 5, ... pixels to the "
    "left, in type B 0, 2, 4, ... To the left of the image there are zeros.",
    _zeros,
    lambda tap, n, skip: -2 * (n - 1 - tap) - skip,
)
_twist(
    "To the left of the image its first column is repeated, in place of zeros.",
    lambda x, n: F.pad(x, (n, n, 0, 0), mode="replicate"),
    lambda tap, n, skip: -(n - 1 - tap) - skip,
)


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
