"""Variants of exercise 1.5: other costs of the outcomes, other entropies."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch01
from tutorial_lib.exercises.trials import Trial

entropy_bits = Variants(
    ch01.entropy_bits,
    examples=(
        "entropy_bits(torch.tensor([0.6, 0.3, 0.1]))",
        "entropy_bits(torch.tensor([0.9, 0.1, 0.0]))",
    ),
)


@entropy_bits.twist(
    "An outcome of probability p gets a code word of whole bits: -log2 p, rounded up.",
    asked="The mean length in bits of the code words of outcomes.",
    by_hand=(
        "[0.6, 0.3, 0.1, 0] needs words of 1, 2 and 4 bits: 0.6 * 1 + 0.3 * 2 + 0.1 * 4 = 1.6 bits"
    ),
)
def whole_bits(probabilities):
    p = probabilities[probabilities > 0]
    return (p * (-p.log2()).ceil()).sum()


@entropy_bits.right
def whole_bits_again(probabilities):
    words = [p * math.ceil(-math.log2(p)) for p in probabilities.tolist() if p > 0]
    return torch.tensor(sum(words))


@entropy_bits.twist(
    "Asked is the entropy of order 2: -log2 of the probability that two independent draws are "
    "equal.",
    asked="The entropy of order 2 of a distribution, in bits.",
    by_hand=(
        "[1/2, 1/4, 1/4, 0]: two draws are equal with probability 1/4 + 1/16 + 1/16 = 3/8, so "
        "the result is log2(8/3) = 1.415"
    ),
)
def collision(probabilities):
    return -probabilities.square().sum().log2()


@entropy_bits.right
def collision_again(probabilities):
    return -torch.log(probabilities @ probabilities) / math.log(2)


def _wrong_coder(power: float, by_hand: str):
    @entropy_bits.twist(
        "The coder believes in another distribution q, proportional to "
        f"p^{'2' if power == 2 else '(1/2)'}: an outcome costs -log2 q.",
        asked="The mean cost in bits of an outcome, under a coder that is mistaken.",
        by_hand=by_hand,
    )
    def right(probabilities):
        p = probabilities[probabilities > 0]
        q = p**power / (p**power).sum()
        return -(p * q.log2()).sum()

    @entropy_bits.right
    def other(probabilities):
        powers = torch.where(probabilities > 0, probabilities**power, 0.0)
        of_p = torch.special.entr(probabilities).sum() / math.log(2)
        return power * of_p + powers.sum().log2()


_wrong_coder(
    2.0,
    (
        "[1/2, 1/4, 1/4, 0] gives q = [4/6, 1/6, 1/6, 0] and 1/2 * log2(6/4) + 1/2 * log2 6 = "
        "1.585 bits"
    ),
)
_wrong_coder(
    0.5,
    (
        "[0.64, 0.36, 0] gives q = [0.8, 0.6, 0] / 1.4 and "
        "0.64 * log2(1.4/0.8) + 0.36 * log2(1.4/0.6) = 0.957 bits"
    ),
)


def _distribution(n_outcomes: int, rng: torch.Generator) -> torch.Tensor:
    weights = 0.02 + torch.rand(n_outcomes, generator=rng, dtype=torch.float64) ** 2
    return weights / weights.sum()


entropy_bits.trials("distributions over 3, 4 and 16 outcomes", points=2)(
    lambda rng: [Trial((_distribution(n, rng),)) for n in (3, 4, 16)]
)


@entropy_bits.trials("outcomes that never come, and one that always does")
def with_zeros(rng):
    trials = []
    for n_outcomes in (1, 3, 5):
        p = torch.zeros(n_outcomes + 2, dtype=torch.float64)
        places = torch.randperm(n_outcomes + 2, generator=rng)[:n_outcomes]
        p[places] = _distribution(n_outcomes, rng)
        trials.append(Trial((p,)))
    return trials
