"""Variants of exercise 16.1: other names for the codes, another range of the vectors."""

from math import prod

import torch

from tutorial_lib.classroom.variants.ch10.judging import judge_parts
from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch16
from tutorial_lib.exercises.ch16.ex1_fsq_quantize import (
    along_axis_1,
    bounded,
    named,
    passed_through,
    reference,
)
from tutorial_lib.exercises.ch16.probes import FSQ_NAMES, rounded
from tutorial_lib.exercises.trials import Trial

fsq_quantize = Variants(
    ch16.fsq_quantize,
    asked="Finite scalar quantization: every number of a vector is rounded to one of L.",
    returns=(
        "(z_q, indices), with f = h tanh(z_e + artanh(o / h)) - o, h = 1.001 (L - 1) / 2, o = 1/2 "
        "if L is even, else 0; the rounding of f lets the gradient through. {special}"
    ),
    by_hand=(
        "levels = (5, 4) and the vectors (9, -9), (0, 0). f rounds to (2, -2) and (0, 0), the "
        "digits round(f) + L // 2 are (4, 0) and (2, 2). {outcome}"
    ),
    examples=(
        "[each.tolist() for each in fsq_quantize(torch.tensor([[9.0, -9.0], [0.0, 0.0]]), (5, 4))]",
    ),
)


def _digits(z_e, levels):
    return bounded(z_e, levels).round().detach() + along_axis_1([n // 2 for n in levels], z_e)


@fsq_quantize.twist(
    "The last number of a vector counts fastest in the index.",
    special=(
        "z_q = round(f) / (L // 2); the index is digit_D + digit_(D-1) L_D + ..., the last "
        "number fastest"
    ),
    outcome="z_q is (1, -1) and (0, 0), the indices are 4 * 4 + 0 = 16 and 2 * 4 + 2 = 10",
)
def last_fastest(z_e, levels):
    place = [prod(levels[d + 1 :]) for d in range(len(levels))]
    indices = (_digits(z_e, levels) * along_axis_1(place, z_e)).sum(dim=1).long()
    return reference(z_e, levels)[0], indices


@fsq_quantize.right
def by_horner(z_e, levels):
    digits, index = _digits(z_e, levels).long(), 0
    for d, n in enumerate(levels):
        index = index * n + digits[:, d]
    return reference(z_e, levels)[0], index


@fsq_quantize.twist(
    "z_q lies in 0 .. 1: it is the digit divided by L - 1.",
    special=(
        "z_q = (round(f) + L // 2) / (L - 1), with the gradient of f / (L - 1); the index is "
        "digit_1 + digit_2 L_1 + ..."
    ),
    outcome="z_q is (1, 0) and (1/2, 2/3), the indices are 4 and 12",
)
def from_zero_to_one(z_e, levels):
    f = bounded(z_e, levels)
    steps = along_axis_1(levels, f) - 1
    return passed_through(_digits(z_e, levels) / steps, f / steps), named(f.round(), levels)


@fsq_quantize.right
def from_zero_to_one_again(z_e, levels):
    f = bounded(z_e, levels)
    whole = f + (f.round() - f).detach()
    half = along_axis_1([n // 2 for n in levels], f)
    z_q = (whole + half) / (along_axis_1(levels, f) - 1)
    return [z_q, named(f.round(), levels)]


def _trial(batch, levels, positions, rng) -> Trial:
    while True:
        z_e = 1.5 * torch.randn(batch, len(levels), *positions, generator=rng)
        f = bounded(z_e, levels)
        if ((f - f.floor() - 0.5).abs() > 0.01).all():
            break
    weight = torch.randn(z_e.shape, generator=rng)
    return Trial((z_e, levels, weight + 0.2 * weight.sign()))


def _check(what, *size):
    judge_parts(
        fsq_quantize,
        what,
        rounded,
        lambda rng: [_trial(*size, rng)],
        names=FSQ_NAMES,
        parts=range(3),
    )


_check("single vectors", 9, (8, 3), ())
_check("lines of vectors", 3, (5, 4), (4,))
_check("images of vectors", 2, (4, 3, 6), (2, 3))
