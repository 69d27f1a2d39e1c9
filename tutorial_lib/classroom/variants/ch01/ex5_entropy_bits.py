"""Variants of exercise 1.5: other costs of the outcomes, other entropies."""

from __future__ import annotations

import math
import random

import torch

from tutorial_lib.classroom.variants.twists import Twist, draw_twist
from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.trials import Trial

STUB = '''\
def entropy_bits(probabilities: torch.Tensor) -> torch.Tensor:
    """{asked}

    {twist}

    probabilities  (K,) at least 0, with sum 1; a probability may be exactly 0
    returns        one number, a tensor of shape ()

    By hand: {by_hand}
    """
    ____
'''


def _whole_bits() -> Twist:
    def right(probabilities):
        p = probabilities[probabilities > 0]
        return (p * (-p.log2()).ceil()).sum()

    def other(probabilities):
        words = [p * math.ceil(-math.log2(p)) for p in probabilities.tolist() if p > 0]
        return torch.tensor(sum(words))

    return Twist(
        "An outcome of probability p gets a code word of whole bits: -log2 p, rounded up.",
        right,
        (other,),
        {
            "asked": "The mean length in bits of the code words of outcomes.",
            "by_hand": "[0.6, 0.3, 0.1, 0] needs words of 1, 2 and 4 bits:\n"
            "             0.6 * 1 + 0.3 * 2 + 0.1 * 4 = 1.6 bits",
        },
    )


def _collision() -> Twist:
    def right(probabilities):
        return -probabilities.square().sum().log2()

    def other(probabilities):
        return -torch.log(probabilities @ probabilities) / math.log(2)

    return Twist(
        "Asked is the entropy of order 2: -log2 of the probability that two independent draws are "
        "equal.",
        right,
        (other,),
        {
            "asked": "The entropy of order 2 of a distribution, in bits.",
            "by_hand": "[1/2, 1/4, 1/4, 0]: two draws are equal with probability\n"
            "             1/4 + 1/16 + 1/16 = 3/8, so the result is log2(8/3) = 1.415",
        },
    )


def _wrong_coder(power: float, by_hand: str) -> Twist:
    def right(probabilities):
        p = probabilities[probabilities > 0]
        q = p**power / (p**power).sum()
        return -(p * q.log2()).sum()

    def other(probabilities):
        powers = torch.where(probabilities > 0, probabilities**power, 0.0)
        of_p = torch.special.entr(probabilities).sum() / math.log(2)
        return power * of_p + powers.sum().log2()

    return Twist(
        "The coder believes in another distribution q, proportional to "
        f"p^{'2' if power == 2 else '(1/2)'}: an outcome costs -log2 q.",
        right,
        (other,),
        {
            "asked": "The mean cost in bits of an outcome, under a coder that is mistaken.",
            "by_hand": by_hand,
        },
    )


TWISTS = (
    _whole_bits(),
    _collision(),
    _wrong_coder(
        2.0,
        "[1/2, 1/4, 1/4, 0] gives q = [4/6, 1/6, 1/6, 0] and\n"
        "             1/2 * log2(6/4) + 1/2 * log2 6 = 1.585 bits",
    ),
    _wrong_coder(
        0.5,
        "[0.64, 0.36, 0] gives q = [0.8, 0.6, 0] / 1.4 and\n"
        "             0.64 * log2(1.4/0.8) + 0.36 * log2(1.4/0.6) = 0.957 bits",
    ),
)


def _distribution(n_outcomes: int, rng: torch.Generator) -> torch.Tensor:
    weights = 0.02 + torch.rand(n_outcomes, generator=rng, dtype=torch.float64) ** 2
    return weights / weights.sum()


def _positive(rng: torch.Generator) -> list[Trial]:
    return [Trial((_distribution(n, rng),)) for n in (3, 4, 16)]


def _with_zeros(rng: torch.Generator) -> list[Trial]:
    trials = []
    for n_outcomes in (1, 3, 5):
        p = torch.zeros(n_outcomes + 2, dtype=torch.float64)
        places = torch.randperm(n_outcomes + 2, generator=rng)[:n_outcomes]
        p[places] = _distribution(n_outcomes, rng)
        trials.append(Trial((p,)))
    return trials


def entropy_bits(rng: random.Random) -> Variant:
    """The mean of another cost."""
    return draw_twist(
        rng,
        ch01.entropy_bits,
        TWISTS,
        stub=STUB,
        checks=(
            ("distributions over 3, 4 and 16 outcomes", 2, _positive),
            ("outcomes that never come, and one that always does", 1, _with_zeros),
        ),
        examples=(
            "entropy_bits(torch.tensor([0.6, 0.3, 0.1]))",
            "entropy_bits(torch.tensor([0.9, 0.1, 0.0]))",
        ),
    )
