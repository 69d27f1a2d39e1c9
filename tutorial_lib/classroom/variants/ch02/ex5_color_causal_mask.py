"""Variants of exercise 2.5: other orders of the colours, other places of their channels."""

import itertools
from functools import partial

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask

color_causal_mask = Variants(
    ch02.color_causal_mask,
    asked=(
        "The causal mask for colour: at the centre tap, a colour reads those that are drawn "
        "before it."
    ),
    out_channels="multiples of n_colors: {groups}",
    n_colors="3 for R, G, B",
    by_hand=(
        "3 outputs and 3 inputs, centre tap, rows are outputs R, G, B\n"
        "type A   {a[0]}        type B   {b[0]}\n"
        "         {a[1]}                 {b[1]}\n"
        "         {a[2]}                 {b[2]}{more}"
    ),
    groups=("the first third of the channels belongs to R, the next to G, the last to B"),
    more="",
    examples=tuple(
        f"color_causal_mask({n}, {n}, 1, n_colors=3, include_center={kind})[:, :, 0, 0]"
        for n, kind in ((3, False), (3, True), (6, False))
    ),
)


def _rows(include_center: bool, right) -> list[str]:
    mask = right(3, 3, 1, n_colors=3, include_center=include_center)
    return [" ".join(f"{tap:.0f}" for tap in row) for row in mask[:, :, 0, 0].tolist()]


def _read_by_green(right) -> str:
    mask = right(6, 6, 1, n_colors=3, include_center=False)[4, :, 0, 0]
    read = " and ".join(f"{i} ({'RGB'[i % 3]})" for i in mask.nonzero().flatten().tolist())
    return f"\n\nwith 6 and 6 channels, type A: output 4 (G) reads {read or 'no input'}"


def _ordered(order: tuple[int, int, int], *, interleaved: bool = False):
    """order: the colours 0, 1, 2 as they are drawn."""

    def color_of(channel, n_channels, n_colors):
        return channel % n_colors if interleaved else channel * n_colors // n_channels

    names = ", ".join("RGB"[color] for color in order)
    says = f"The colours of a pixel are drawn in the order {names}."
    words = {"a": partial(_rows, False), "b": partial(_rows, True)}
    if interleaved:
        says += " Their channels are interleaved: R, G, B, R, G, B, ..."
        words |= {
            "groups": (
                "channel 0 belongs to R, channel 1 to G, "
                "channel 2 to B, channel 3 to R again, and so on"
            ),
            "more": _read_by_green,
        }

    @color_causal_mask.twist(says, **words)
    def right(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        mask = causal_mask(kernel_size, include_center=False).repeat(
            out_channels, in_channels, 1, 1
        )
        for out in range(out_channels):
            for into in range(in_channels):
                reader = order.index(color_of(out, out_channels, n_colors))
                read = order.index(color_of(into, in_channels, n_colors))
                is_open = read < reader or (include_center and read == reader)
                mask[out, into, kernel_size // 2, kernel_size // 2] = float(is_open)
        return mask

    @color_causal_mask.right
    def other(out_channels, in_channels, kernel_size, *, n_colors, include_center):
        ranks = torch.tensor(order).argsort()
        out, into = (color_of(torch.arange(n), n, n_colors) for n in (out_channels, in_channels))
        gap = ranks[out][:, None] - ranks[into]
        center = torch.zeros(kernel_size, kernel_size)
        center[kernel_size // 2, kernel_size // 2] = 1
        table = (gap >= 1 - include_center).float()
        return causal_mask(kernel_size, include_center=False) + table[:, :, None, None] * center


for order in itertools.permutations(range(3)):
    if order != (0, 1, 2):
        _ordered(order)
    _ordered(order, interleaved=True)

SIZES = ((6, 9, 3), (9, 3, 5), (6, 6, 1))


def _trials(sizes, *types: bool) -> list[Trial]:
    return [
        Trial((out, into, k), {"n_colors": 3, "include_center": kind})
        for out, into, k in sizes
        for kind in types
    ]


color_causal_mask.trials("type A: groups of one, two and three channels", points=2)(
    lambda _: _trials(SIZES, False)
)
color_causal_mask.trials("type B")(lambda _: _trials(SIZES, True))
color_causal_mask.trials("larger kernels and more channels")(
    lambda _: _trials(((12, 6, 7), (6, 15, 5)), False, True)
)
