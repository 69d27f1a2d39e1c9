"""Variants of exercise 2.2: what lies outside the image, and which way the kernel is turned."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch02
from tutorial_lib.exercises.ch02.ex2_masked_conv2d import gradients_of
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask, color_causal_mask

CALL = (
    "masked_conv2d(torch.tensor([[[[1.0, 2.0, 4.0]]]]), torch.ones(1, 1, 1, 3), "
    "torch.zeros(1), torch.tensor([[{mask}]]))"
)
masked_conv2d = Variants(
    ch02.masked_conv2d,
    asked="Convolve x with the masked kernel; a masked weight gets no gradient.",
    by_hand=(
        "x = [[1, 2, 4]], weight = [[1, 1, 1]], bias = [0] and mask = [[1, 0, 0]] give {outcome}"
    ),
    examples=tuple(CALL.format(mask=mask) for mask in ("1.0, 0.0, 0.0", "1.0, 1.0, 0.0")),
)


def _edge(says: str, by_hand: str, padded, beside):
    """padded(x, up, left) is the image with its surroundings; beside(i, n) the place that stands
    for place i, or None where it is a number: `beside` alone."""

    @masked_conv2d.twist(says, outcome=by_hand)
    def right(x, weight, bias, mask):
        kh, kw = weight.shape[-2:]
        return F.conv2d(padded(x, kh // 2, kw // 2), weight * mask, bias)

    @masked_conv2d.right
    def tap_by_tap(x, weight, bias, mask):
        (height, width), (kh, kw) = x.shape[-2:], weight.shape[-2:]
        kernel = torch.where(mask.expand_as(weight) > 0, weight, 0.0)
        out = bias[:, None, None]
        for row in range(kh):
            for column in range(kw):
                moved = beside(beside(x, row - kh // 2, height, 2), column - kw // 2, width, 3)
                out = out + torch.einsum("oi,bihw->bohw", kernel[..., row, column], moved)
        return out


_edge(
    "The image is periodic: beyond an edge it goes on from the opposite edge.",
    "[[4, 1, 2]]: each place reads its left neighbour, the first place the last",
    lambda x, up, left: F.pad(x, (left, left, up, up), mode="circular"),
    lambda x, step, n, axis: x.roll(-step, axis),
)

_edge(
    "Outside the image its nearest edge pixel is repeated.",
    "[[1, 1, 2]]: each place reads its left neighbour, the first place itself",
    lambda x, up, left: F.pad(x, (left, left, up, up), mode="replicate"),
    lambda x, step, n, axis: x.index_select(axis, (torch.arange(n) + step).clamp(0, n - 1)),
)


def _filled(outside: float):
    def moved(x, step, n, axis):
        places = torch.arange(n) + step
        inside = ((places >= 0) & (places < n)).view([-1 if d == axis else 1 for d in range(4)])
        return torch.where(inside, x.index_select(axis, places.clamp(0, n - 1)), outside)

    _edge(
        f"Outside the image all channels are {outside:g}, not 0.",
        f"[[{outside:g}, 1, 2]]: each place reads its left neighbour",
        lambda x, up, left: F.pad(x, (left, left, up, up), value=outside),
        moved,
    )


_filled(-1.0)


@masked_conv2d.twist(
    "Kernel and mask are turned round by 180 degrees before they slide, as in the "
    "mathematical convolution; outside the image there are zeros.",
    outcome="[[2, 4, 0]]: turned round, each place reads its right neighbour",
)
def turned(x, weight, bias, mask):
    return F.conv2d(x, (weight * mask).flip(-2, -1), bias, padding="same")


@masked_conv2d.right
def turned_again(x, weight, bias, mask):
    kh, kw = weight.shape[-2:]
    turned = x.rot90(2, (2, 3))
    out = F.conv2d(turned, weight * mask, bias, padding=(kh // 2, kw // 2))
    return out.rot90(2, (2, 3))


def _trial(size: tuple[int, int], mask: Tensor, rng: torch.Generator) -> Trial:
    out_channels, in_channels = mask.shape[:2] if mask.ndim == 4 else (4, 3)
    shapes = (2, in_channels, *size), (out_channels, in_channels, *mask.shape[-2:]), (out_channels,)
    return Trial((*(torch.randn(shape, generator=rng) for shape in shapes), mask))


@masked_conv2d.trials("3x3 and 5x5 kernels on images of their own size", points=2)
def square(rng):
    masks = [causal_mask(size, include_center=kind) for size, kind in ((3, False), (5, True))]
    return [_trial(tuple(mask.shape), mask, rng) for mask in masks]


@masked_conv2d.trials("kernels and images that are not square, and a mask for each channel")
def non_square(rng):
    color = color_causal_mask(6, 3, (3, 5), n_colors=3, include_center=True)
    return [
        _trial((5, 7), mask, rng) for mask in (causal_mask((5, 3), include_center=False), color)
    ]


@masked_conv2d.judge("which weights get a gradient, and which gradient", points=2)
def gradients(candidate, rng, twist) -> Failure | None:
    mask = causal_mask(3, include_center=False)
    args = _trial((4, 5), mask, rng).args
    got = candidate.measure(gradients_of, *args)
    want = gradients_of(twist.right, *(each.clone() for each in args))
    if got[0] is None:
        return Failure("No gradient reaches the weights.")
    leaks = (got[0] * (1 - mask) != 0).nonzero().tolist()
    if leaks:
        return Failure("A masked weight gets a gradient.", f"weight{leaks[0]} is masked.")
    for name, mine, right in zip(("weight", "bias", "x"), got, want, strict=True):
        if mine is None or not agree(mine, right):
            place = first_difference(mine, right) if mine is not None else (0,) * right.ndim
            told = f"{name}{list(place)}: expected {number(right[place])}."
            return Failure(f"The gradients are not those that the twist gives: {twist.says}", told)
    return None
