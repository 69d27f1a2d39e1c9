"""Exercise 3.1: the residual block of a PixelCNN."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.ch03.references import residual_block as reference
from tutorial_lib.exercises.comparing import agree, first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.masks import MaskedConv2d, causal_mask

STUB = '''\
def residual_block(
    x: torch.Tensor, shrink: torch.Tensor, kernel: torch.Tensor, widen: torch.Tensor
) -> torch.Tensor:
    """x plus what three convolutions, each with a ReLU before it, make of it. No biases.

    x        (B, 2h, H, W) features from a layer below; stays as it is
    shrink   (h, 2h, 1, 1) weights of the first convolution
    kernel   (h, h, kh, kw) weights of the second, not masked yet (type B); zeros outside the image
    widen    (2h, h, 1, 1) weights of the third
    returns  (B, 2h, H, W)

    By hand: a single pixel, h = 1. x = [2, -1], shrink = [1, 1], a kernel with 3 in its centre and
             widen = [1, -1]: ReLU gives [2, 0], then 2, 6, [6, -6], and with x added [8, -7]
    """
    ____
'''

HINTS = (
    """Each ReLU stands *before* its convolution. What comes out of the third convolution is added
    to x as it came in, and nothing is done to the sum.""",
    """`F.relu(x)` makes a new tensor. `F.conv2d(h, shrink)` needs no padding for 1x1 weights;
    `padding="same"` keeps the size for the others. The mask is
    `causal_mask(tuple(kernel.shape[-2:]), include_center=True)`.""",
    """If all weights are 0, the block must hand x through, negative values too. If some negative
    values come out as 0, there is a ReLU on the way of x to the sum.""",
)


def _block(x, shrink, kernel, widen, *, skip=lambda x: x, mask=None, before=(1, 1, 1)):
    """The block with one thing done differently; `before` says which of the ReLUs are there."""
    sides = tuple(kernel.shape[-2:])
    mask = causal_mask(sides, include_center=True) if mask is None else mask
    h = F.conv2d(F.relu(x) if before[0] else x, shrink)
    h = F.conv2d(F.relu(h) if before[1] else h, kernel * mask.to(kernel), padding="same")
    return skip(x) + F.conv2d(F.relu(h) if before[2] else h, widen)


def _no_sum(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, skip=torch.zeros_like)


def _activated_skip(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, skip=F.relu)


def _activated_sum(x, shrink, kernel, widen):
    return F.relu(_block(x, shrink, kernel, widen))


def _activated_after(x, shrink, kernel, widen):
    mask = causal_mask(tuple(kernel.shape[-2:]), include_center=True)
    h = F.relu(F.conv2d(x, shrink))
    h = F.relu(F.conv2d(h, kernel * mask, padding="same"))
    return x + F.relu(F.conv2d(h, widen))


def _first_relu_missing(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, before=(0, 1, 1))


def _inner_relus_missing(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, before=(1, 0, 0))


def _second_relu_missing(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, before=(1, 0, 1))


def _third_relu_missing(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, before=(1, 1, 0))


def _no_relu(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, before=(0, 0, 0))


def _type_a(x, shrink, kernel, widen):
    mask = causal_mask(tuple(kernel.shape[-2:]), include_center=False)
    return _block(x, shrink, kernel, widen, mask=mask)


def _unmasked(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, mask=torch.ones(()))


def _mask_turned(x, shrink, kernel, widen):
    mask = causal_mask(tuple(kernel.shape[-2:]), include_center=True).flip(0, 1)
    return _block(x, shrink, kernel, widen, mask=mask)


def _in_place(x, shrink, kernel, widen):
    return x + _block(x.relu_(), shrink, kernel, widen, skip=torch.zeros_like)


def _skip_cut_off(x, shrink, kernel, widen):
    return _block(x, shrink, kernel, widen, skip=torch.Tensor.detach)


IN_PLACE = (
    "A ReLU worked in place (`relu_`, `inplace=True`), and what is added at the end is no longer "
    "the x that came in. Use `F.relu(x)`."
)
CUT_OFF = "The x that is added is cut off from the gradient: a sum must let it through unchanged."
MISCONCEPTIONS = (
    Misconception(
        "nothing is added",
        _no_sum,
        "The sum is missing: this is what the three convolutions make of x, without x itself.",
    ),
    Misconception(
        "the residual from behind the ReLU",
        _activated_skip,
        "You add ReLU(x) in place of x: the negative features are lost on the way that should "
        "leave everything as it is.",
    ),
    Misconception(
        "a ReLU on the sum",
        _activated_sum,
        "There is a ReLU on the sum. Then no block can hand on a negative feature: the ReLUs "
        "belong before the convolutions.",
    ),
    Misconception(
        "ReLUs behind the convolutions",
        _activated_after,
        "The ReLUs stand behind their convolutions. The last of them lets a block only ever add to "
        "a feature, never take away.",
    ),
    Misconception(
        "no first ReLU",
        _first_relu_missing,
        "The ReLU before the first convolution is missing: shrink reads x as it is.",
    ),
    Misconception(
        "no inner ReLUs",
        _inner_relus_missing,
        "The ReLUs between the convolutions are missing: three linear steps in a row are one.",
    ),
    Misconception(
        "no second ReLU",
        _second_relu_missing,
        "The ReLU before the second convolution is missing: the masked kernel reads what shrink "
        "made as it is.",
    ),
    Misconception(
        "no third ReLU",
        _third_relu_missing,
        "The ReLU before the third convolution is missing: widen reads what the masked kernel made "
        "as it is.",
    ),
    Misconception(
        "no ReLU at all", _no_relu, "There is no ReLU anywhere: the whole block is linear in x."
    ),
    Misconception(
        "type A in a block",
        _type_a,
        "The mask is of type A. Features hold nothing but the past, so a block may read the centre "
        "and has to: type B.",
    ),
    Misconception(
        "unmasked",
        _unmasked,
        "The kernel is not masked: pixels to the right and below leak into the features.",
    ),
    Misconception(
        "mask turned round",
        _mask_turned,
        "The mask is turned round: it keeps what comes later and drops the past.",
    ),
    Misconception("in place", _in_place, IN_PLACE),
    Misconception("the sum cut off", _skip_cut_off, CUT_OFF),
)


def _trial(
    rng: torch.Generator, half: int, kernel: tuple[int, int], size: tuple[int, int]
) -> Trial:
    """Two images of `size`; weights large enough that every step shows in the result."""
    shapes = (2, 2 * half, *size), (half, 2 * half, 1, 1), (half, half, *kernel)
    tensors = [torch.randn(shape, generator=rng) for shape in (*shapes, (2 * half, half, 1, 1))]
    return Trial(tuple(tensors))


def _read(value: object, trial: Trial) -> Tensor:
    return tensor_result(value, tuple(trial.args[0].shape))


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, shrink, kernel, _ = trial.args
    b, channel, row, column = first_difference(got, want)
    place = f"image {b}, channel {channel}, pixel ({row}, {column})"
    sides = "x".join(map(str, kernel.shape[-2:]))
    return (
        f"h = {len(shrink)}, {sides} kernel, {place}: x is {number(x[b, channel, row, column])}. "
        f"{number(want[b, channel, row, column])} expected, "
        f"got {number(got[b, channel, row, column])}."
    )


def _check(candidate, trials: list[Trial], diagnose_on: list[Trial]) -> Failure | None:
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        diagnose_on=diagnose_on,
    )


def _check_idle(candidate, rng: torch.Generator) -> Failure | None:
    x, *weights = _trial(rng, 3, (3, 3), (4, 4)).args
    idle = Trial((x, *(torch.zeros_like(weight) for weight in weights)))
    return _check(candidate, [idle], [_trial(rng, 3, (3, 3), (4, 4))])


def _check_square(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(rng, 3, (3, 3), (4, 4)), _trial(rng, 2, (5, 5), (6, 6))], [])


def _check_non_square(candidate, rng: torch.Generator) -> Failure | None:
    trials = [_trial(rng, 2, (3, 3), (4, 7)), _trial(rng, 1, (5, 3), (6, 5))]
    return _check(candidate, trials, [])


def gradient_of_x(function: Callable, x: Tensor, *weights: Tensor) -> Tensor | None:
    """The gradient of a mix of all outputs with respect to x; None where it is cut off."""
    x = x.requires_grad_()
    out = function(x, *weights)
    tensor_result(out, tuple(x.shape))
    if not out.requires_grad:
        return None
    mixed = (out * torch.linspace(1, 2, out.numel()).view_as(out)).sum()
    return torch.autograd.grad(mixed, x, allow_unused=True)[0]


def _check_gradient(candidate, rng: torch.Generator) -> Failure | None:
    trial = _trial(rng, 2, (3, 3), (3, 4))
    got = candidate.measure(gradient_of_x, *trial.args)
    want = gradient_of_x(reference, *trial.args)
    if got is None:
        return Failure("No gradient reaches x at all.", f"{number(want.flatten()[0])} expected.")
    if agree(got, want):
        return None
    without = gradient_of_x(_skip_cut_off, *trial.args)
    message = CUT_OFF if agree(got, without) else "x gets a wrong gradient."
    place = first_difference(got, want)
    told = f"{number(want[place])} expected, got {number(got[place])}"
    return Failure(message, f"The gradient at x{list(place)}: {told}.")


def _with_layers(x, shrink, kernel, widen):
    look = MaskedConv2d(kernel.shape[1], kernel.shape[0], tuple(kernel.shape[2:]), mask_type="B")
    narrow = torch.einsum("oi,bihw->bohw", shrink[..., 0, 0], x.clamp(min=0))
    weights = {"weight": kernel, "bias": torch.zeros(len(kernel))}
    seen = torch.func.functional_call(look, weights, torch.relu(narrow))
    return torch.einsum("oi,bihw->bohw", widen[..., 0, 0], seen.clamp(min=0)) + x


def _by_shifts(x, shrink, kernel, widen):
    height, width = x.shape[-2:]
    up, left = kernel.shape[-2] // 2, kernel.shape[-1] // 2
    narrow = F.relu(F.conv2d(x.relu(), shrink))
    padded = F.pad(narrow, (left, left, up, 0))
    seen = 0
    for i in range(up + 1):
        for j in range(left + 1 if i == up else kernel.shape[-1]):
            window = padded[..., i : i + height, j : j + width]
            seen = seen + F.conv2d(window, kernel[..., i : i + 1, j : j + 1])
    return F.conv2d(F.relu(seen), widen).add(x)


residual_block = Exercise(
    number="3.1",
    name="residual_block",
    title="A residual block",
    goal="Write the block that a PixelCNN repeats: what comes in, plus what is made of it.",
    minutes=10,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("with all weights 0, what goes in comes out", 1, _check_idle),
        Check("random weights, 3x3 and 5x5 kernels", 2, _check_square),
        Check("images and kernels that are not square", 1, _check_non_square),
        Check("the gradient that reaches x", 1, _check_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_with_layers, _by_shifts),
    when_changed={"x": IN_PLACE},
)
