"""Variants of exercise 2.2: what lies outside the image, and which way the kernel is turned."""

from __future__ import annotations

import random

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.classroom.variants.twists import Twist, draw_twist
from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.ch02.ex2_masked_conv2d import gradients_of
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Check, Failure
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask, color_causal_mask

STUB = '''\
def masked_conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Convolve x with the masked kernel; a masked weight gets no gradient.

    {twist}

    x        (B, in, H, W)
    weight   (out, in, kh, kw), with odd kh and kw; stays as it is
    bias     (out,)
    mask     zeros and ones, (kh, kw) or (out, in, kh, kw)
    returns  (B, out, H, W)

    By hand: x = [[1, 2, 4]], weight = [[1, 1, 1]], bias = [0] and mask = [[1, 0, 0]] give
             {by_hand}
    """
    ____
'''


def _edge(says: str, by_hand: str, padded, beside) -> Twist:
    """padded(x, up, left) is the image with its surroundings; beside(i, n) the place that stands
    for place i, or None where it is a number: `beside` alone."""

    def right(x, weight, bias, mask):
        kh, kw = weight.shape[-2:]
        return F.conv2d(padded(x, kh // 2, kw // 2), weight * mask, bias)

    def tap_by_tap(x, weight, bias, mask):
        (height, width), (kh, kw) = x.shape[-2:], weight.shape[-2:]
        kernel = torch.where(mask.expand_as(weight) > 0, weight, 0.0)
        out = bias[:, None, None]
        for row in range(kh):
            for column in range(kw):
                moved = beside(beside(x, row - kh // 2, height, 2), column - kw // 2, width, 3)
                out = out + torch.einsum("oi,bihw->bohw", kernel[..., row, column], moved)
        return out

    return Twist(says, right, (tap_by_tap,), {"by_hand": by_hand})


def _periodic() -> Twist:
    return _edge(
        "The image is periodic: beyond an edge it goes on from the opposite edge.",
        "[[4, 1, 2]]: each place reads its left neighbour, the first place the last",
        lambda x, up, left: F.pad(x, (left, left, up, up), mode="circular"),
        lambda x, step, n, axis: x.roll(-step, axis),
    )


def _repeated() -> Twist:
    return _edge(
        "Outside the image its nearest edge pixel is repeated.",
        "[[1, 1, 2]]: each place reads its left neighbour, the first place itself",
        lambda x, up, left: F.pad(x, (left, left, up, up), mode="replicate"),
        lambda x, step, n, axis: x.index_select(axis, (torch.arange(n) + step).clamp(0, n - 1)),
    )


def _filled(outside: float) -> Twist:
    def moved(x, step, n, axis):
        places = torch.arange(n) + step
        inside = ((places >= 0) & (places < n)).view([-1 if d == axis else 1 for d in range(4)])
        return torch.where(inside, x.index_select(axis, places.clamp(0, n - 1)), outside)

    return _edge(
        f"Outside the image all channels are {outside:g}, not 0.",
        f"[[{outside:g}, 1, 2]]: each place reads its left neighbour",
        lambda x, up, left: F.pad(x, (left, left, up, up), value=outside),
        moved,
    )


def _turned() -> Twist:
    def right(x, weight, bias, mask):
        return F.conv2d(x, (weight * mask).flip(-2, -1), bias, padding="same")

    def other(x, weight, bias, mask):
        kh, kw = weight.shape[-2:]
        turned = x.rot90(2, (2, 3))
        out = F.conv2d(turned, weight * mask, bias, padding=(kh // 2, kw // 2))
        return out.rot90(2, (2, 3))

    return Twist(
        "Kernel and mask are turned round by 180 degrees before they slide, as in the "
        "mathematical convolution; outside the image there are zeros.",
        right,
        (other,),
        {"by_hand": "[[2, 4, 0]]: turned round, each place reads its right neighbour"},
    )


TWISTS = (_periodic(), _repeated(), _filled(-1.0), _turned())


def _trial(size: tuple[int, int], mask: Tensor, rng: torch.Generator) -> Trial:
    out_channels, in_channels = mask.shape[:2] if mask.ndim == 4 else (4, 3)
    shapes = (2, in_channels, *size), (out_channels, in_channels, *mask.shape[-2:]), (out_channels,)
    return Trial((*(torch.randn(shape, generator=rng) for shape in shapes), mask))


def _square(rng: torch.Generator) -> list[Trial]:
    masks = [causal_mask(size, include_center=kind) for size, kind in ((3, False), (5, True))]
    return [_trial(tuple(mask.shape), mask, rng) for mask in masks]


def _non_square(rng: torch.Generator) -> list[Trial]:
    color = color_causal_mask(6, 3, (3, 5), n_colors=3, include_center=True)
    return [
        _trial((5, 7), mask, rng) for mask in (causal_mask((5, 3), include_center=False), color)
    ]


def _gradients(twist: Twist) -> Check:
    def check(candidate, rng: torch.Generator) -> Failure | None:
        mask = causal_mask(3, include_center=False)
        args = _trial((4, 5), mask, rng).args
        got = candidate.measure(gradients_of, *args)
        want = gradients_of(twist.right, *(each.clone() for each in args))
        if got[0] is None:
            return Failure("No gradient reaches the weights.")
        leaks = (got[0] * (1 - mask) != 0).nonzero().tolist()
        if leaks:
            return Failure("A masked weight gets a gradient.", f"weight{leaks[0]} is masked.")
        for name, mine, right in zip(("weight", "bias"), got, want, strict=True):
            if mine is None or not agree(mine, right):
                place = first_difference(mine, right) if mine is not None else (0,)
                told = f"{name}{list(place)}: expected {number(right[place])}."
                return Failure(
                    f"The gradients are not those that the twist gives: {twist.says}", told
                )
        return None

    return Check("which weights get a gradient, and which gradient", 2, check)


def masked_conv2d(rng: random.Random) -> Variant:
    """A masked convolution with another edge, or turned round."""
    call = (
        "masked_conv2d(torch.tensor([[[[1.0, 2.0, 4.0]]]]), torch.ones(1, 1, 1, 3), "
        "torch.zeros(1), torch.tensor([[{mask}]]))"
    )
    return draw_twist(
        rng,
        ch02.masked_conv2d,
        TWISTS,
        stub=STUB,
        checks=(
            ("3x3 and 5x5 kernels on images of their own size", 2, _square),
            (
                "kernels and images that are not square, and a mask for each channel",
                1,
                _non_square,
            ),
            _gradients,
        ),
        examples=tuple(call.format(mask=mask) for mask in ("1.0, 0.0, 0.0", "1.0, 1.0, 0.0")),
    )
