"""Variants of exercise 3.1: other activations, and what is done to the sum."""

import math

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch03
from tutorial_lib.exercises.arguments import copy_of
from tutorial_lib.exercises.ch03.ex1_residual_block import gradient_of_x
from tutorial_lib.exercises.comparing import agree, first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask

LAYERS = (
    "(torch.ones(1, 2, 1, 1), torch.ones(1)), (3 * torch.ones(1, 1, 1, 1), torch.zeros(1)), "
    "(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1), torch.zeros(2))"
)
CALL = "residual_block(torch.tensor({x}).view(1, 2, 1, 1), {layers})"
residual_block = Variants(
    ch03.residual_block,
    asked="{question}",
    by_hand=(
        "a single pixel, h = 1. x = [2, -1]. shrink has the weights [1, 1] and the bias 1, kernel "
        "3 in its centre, widen [1, -1], their biases are 0: {outcome}"
    ),
    examples=tuple(CALL.format(x=x, layers=LAYERS) for x in ([2.0, -1.0], [-3.0, 1.0])),
)

RELU_FIRST = "x plus what three convolutions, each with a ReLU before it, make of it."


def _seen(h, kernel):
    weight, bias = kernel
    mask = causal_mask(tuple(weight.shape[-2:]), include_center=True).to(weight)
    return F.conv2d(h, weight * mask, bias, padding="same")


def _pointwise(h, layer):
    weight, bias = layer
    return torch.einsum("oi,bihw->bohw", weight[..., 0, 0], h) + bias.view(-1, 1, 1)


@residual_block.twist(
    "As in the first ResNet, a ReLU stands behind the first and the second convolution and "
    "behind the sum; none stands before the first.",
    question="x plus what three convolutions make of it.",
    outcome=(
        "2, behind the ReLU 2, then 6, [6, -6], and with x added [8, -7], behind the ReLU [8, 0]"
    ),
)
def relu_after(x, shrink, kernel, widen):
    h = F.relu(F.conv2d(x, *shrink))
    return F.relu(x + F.conv2d(F.relu(_seen(h, kernel)), *widen))


@residual_block.right
def relu_after_again(x, shrink, kernel, widen):
    h = _seen(_pointwise(x, shrink).clamp(min=0), kernel).clamp(min=0)
    return (_pointwise(h, widen) + x).clamp(min=0)


@residual_block.twist(
    "The sum is divided by the square root of 2, so that its variance does not grow from "
    "block to block.",
    question=RELU_FIRST,
    outcome=(
        "ReLU gives [2, 0], then 3, 9, [9, -9], and with x added [11, -10], divided by 1.414: "
        "[7.778, -7.071]"
    ),
)
def scaled_sum(x, shrink, kernel, widen):
    h = F.conv2d(F.relu(x), *shrink)
    return (x + F.conv2d(F.relu(_seen(F.relu(h), kernel)), *widen)) / math.sqrt(2)


@residual_block.right
def scaled_sum_again(x, shrink, kernel, widen):
    h = _seen(_pointwise(x.clamp(min=0), shrink).clamp(min=0), kernel).clamp(min=0)
    return _pointwise(h, widen) * 0.5**0.5 + x * 0.5**0.5


def _leaky(slope: float):
    def leak(h):
        return torch.maximum(h, slope * h)

    narrow = 3 - slope
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
        h = F.conv2d(F.leaky_relu(x, slope), *shrink)
        h = _seen(F.leaky_relu(h, slope), kernel)
        return x + F.conv2d(F.leaky_relu(h, slope), *widen)

    @residual_block.right
    def other(x, shrink, kernel, widen):
        return _pointwise(leak(_seen(leak(_pointwise(leak(x), shrink)), kernel)), widen) + x


_leaky(0.1)
_leaky(0.25)


def _trial(
    rng: torch.Generator, half: int, kernel: tuple[int, int], size: tuple[int, int]
) -> Trial:
    shapes = (half, 2 * half, 1, 1), (half, half, *kernel), (2 * half, half, 1, 1)
    layers = [tuple(torch.randn(s, generator=rng) for s in (shape, shape[:1])) for shape in shapes]
    return Trial((torch.randn((2, 2 * half, *size), generator=rng), *layers))


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
    want = gradient_of_x(twist.right, *copy_of(args))
    if got is None:
        return Failure("No gradient reaches x at all.")
    if agree(got, want):
        return None
    place = first_difference(got, want)
    told = f"At x{list(place)}: {number(want[place])} expected, got {number(got[place])}."
    return Failure("x gets a wrong gradient.", told)
