"""Variants of exercise 3.1: other activations, and what is done to the sum."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.ch03.ex1_residual_block import gradient_of_x
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask

WEIGHTS = "torch.ones(1, 2, 1, 1), 3 * torch.ones(1, 1, 1, 1)"
CALL = "residual_block(torch.tensor({x}).view(1, 2, 1, 1), {weights}, torch.tensor({widen}))"
WIDEN = "[1.0, -1.0]).view(2, 1, 1, 1"
residual_block = Variants(
    ch03.residual_block,
    asked="{question} No biases.",
    by_hand=(
        "a single pixel, h = 1. x = [2, -1], shrink = [1, 1], a kernel with 3 in its centre and "
        "widen = [1, -1]: {outcome}"
    ),
    examples=tuple(
        CALL.format(x=x, weights=WEIGHTS, widen=WIDEN) for x in ([2.0, -1.0], [-3.0, 1.0])
    ),
)

RELU_FIRST = "x plus what three convolutions, each with a ReLU before it, make of it."


def _seen(h, kernel):
    mask = causal_mask(tuple(kernel.shape[-2:]), include_center=True).to(kernel)
    return F.conv2d(h, kernel * mask, padding="same")


def _pointwise(h, weight):
    return torch.einsum("oi,bihw->bohw", weight[..., 0, 0], h)


@residual_block.twist(
    "As in the first ResNet, a ReLU stands behind the first and the second convolution and "
    "behind the sum; none stands before the first.",
    question="x plus what three convolutions make of it.",
    outcome=(
        "1, behind the ReLU 1, then 3, [3, -3], and with x added [5, -4], behind the ReLU [5, 0]"
    ),
)
def relu_after(x, shrink, kernel, widen):
    h = F.relu(F.conv2d(x, shrink))
    return F.relu(x + F.conv2d(F.relu(_seen(h, kernel)), widen))


@residual_block.right
def relu_after_again(x, shrink, kernel, widen):
    h = _seen(_pointwise(x, shrink).clamp(min=0), kernel).clamp(min=0)
    return (_pointwise(h, widen) + x).clamp(min=0)


@residual_block.twist(
    "The sum is divided by the square root of 2, so that its variance does not grow from "
    "block to block.",
    question=RELU_FIRST,
    outcome=(
        "ReLU gives [2, 0], then 2, 6, [6, -6], and with x added [8, -7], divided by 1.414: "
        "[5.657, -4.950]"
    ),
)
def scaled_sum(x, shrink, kernel, widen):
    h = F.conv2d(F.relu(x), shrink)
    return (x + F.conv2d(F.relu(_seen(F.relu(h), kernel)), widen)) / math.sqrt(2)


@residual_block.right
def scaled_sum_again(x, shrink, kernel, widen):
    h = _seen(_pointwise(x.clamp(min=0), shrink).clamp(min=0), kernel).clamp(min=0)
    return _pointwise(h, widen) * 0.5**0.5 + x * 0.5**0.5


def _leaky(slope: float):
    def leak(h):
        return torch.maximum(h, slope * h)

    narrow = 2 - slope
    wide = 3 * narrow

    @residual_block.twist(
        f"In place of each ReLU stands a leaky one, which multiplies what is below 0 by {slope:g}.",
        question="x plus what three convolutions, each behind a leaky ReLU, make of it.",
        outcome=(
            f"the leaky ReLU gives [2, -{slope:g}], then {narrow:g}, {wide:g}, [{wide:g}, "
            f"-{wide:g}], and with x added [{wide + 2:g}, {-wide - 1:g}]"
        ),
    )
    def right(x, shrink, kernel, widen):
        h = F.conv2d(F.leaky_relu(x, slope), shrink)
        h = _seen(F.leaky_relu(h, slope), kernel)
        return x + F.conv2d(F.leaky_relu(h, slope), widen)

    @residual_block.right
    def other(x, shrink, kernel, widen):
        return _pointwise(leak(_seen(leak(_pointwise(leak(x), shrink)), kernel)), widen) + x


_leaky(0.1)
_leaky(0.25)


def _trial(
    rng: torch.Generator, half: int, kernel: tuple[int, int], size: tuple[int, int]
) -> Trial:
    shapes = (2, 2 * half, *size), (half, 2 * half, 1, 1), (half, half, *kernel)
    return Trial(
        tuple(torch.randn(shape, generator=rng) for shape in (*shapes, (2 * half, half, 1, 1)))
    )


residual_block.trials("single pixels")(
    lambda rng: [_trial(rng, half, (3, 3), (1, 1)) for half in (1, 2, 3)]
)
residual_block.trials("random weights, 3x3 and 5x5 kernels", points=2)(
    lambda rng: [_trial(rng, 3, (3, 3), (4, 4)), _trial(rng, 2, (5, 5), (6, 6))]
)
residual_block.trials("images and kernels that are not square")(
    lambda rng: [_trial(rng, 2, (3, 3), (4, 7)), _trial(rng, 1, (5, 3), (6, 5))]
)


@residual_block.judge("the gradient that reaches x")
def gradient(candidate, rng, twist) -> Failure | None:
    args = _trial(rng, 2, (3, 3), (3, 4)).args
    got = candidate.measure(gradient_of_x, *args)
    want = gradient_of_x(twist.right, *(each.clone() for each in args))
    if got is None:
        return Failure("No gradient reaches x at all.")
    if agree(got, want):
        return None
    place = first_difference(got, want)
    told = f"At x{list(place)}: {number(want[place])} expected, got {number(got[place])}."
    return Failure("x gets a wrong gradient.", told)
