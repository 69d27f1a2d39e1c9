"""Exercise 1.5: the entropy, which no model beats."""

import math

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number, number_result, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.pixels.tabular import entropy_bits as reference

entropy_bits = Exercise(
    "1.5",
    "The floor that no model beats",
    goal="Compute the entropy of a distribution in bits, zeros included.",
    minutes=5,
    reference=reference,
    stub='''\
def entropy_bits(probabilities: torch.Tensor) -> torch.Tensor:
    """The mean cost in bits of an outcome, under the distribution that made it.

    probabilities  (K,) at least 0, with sum 1; a probability may be exactly 0
    returns        one number, a tensor of shape ()

    By hand: [1/2, 1/4, 1/4, 0] gives 1/2 * 1 + 1/4 * 2 + 1/4 * 2 + 0 = 1.5 bits
    """
    ____
''',
    hints=(
        """An outcome of probability p costs -log2 p bits, and comes with probability p. The
        entropy is the mean of the cost: every cost counts with its own probability.""",
        """An outcome that never comes costs nothing on average, although log2 0 is -inf: leave
        it out, `p[p > 0]`, or use `torch.special.entr` or `torch.xlogy`, which know that 0
        log 0 = 0.""",
        """nan is the sign of 0 times -inf. A negative entropy is the sign of a forgotten minus.""",
    ),
)

NAN = "0 log 0 comes out as nan: 0 times -inf. An outcome that never comes adds 0."


def _read(value: object, trial: Trial) -> Tensor:
    return number_result(value)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (p,) = trial.args
    shown = numbers(p[:6]) + (" ..." if len(p) > 6 else "")
    return f"Probabilities {shown}: {number(want)} bits, but your function says {number(got)}."


def _random_distribution(n_outcomes: int, rng: torch.Generator) -> Tensor:
    weights = 0.02 + torch.rand(n_outcomes, generator=rng, dtype=torch.float64) ** 2
    return weights / weights.sum()


@entropy_bits.judge("distributions over 3, 4 and 16 outcomes", points=2)
def positive(candidate, rng: torch.Generator) -> Failure | None:
    trials = [Trial((_random_distribution(n, rng),)) for n in (3, 4, 16)]
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=entropy_bits.misconceptions,
    )


@entropy_bits.judge("outcomes that never come, and one that always does")
def zeros(candidate, rng: torch.Generator) -> Failure | None:
    for n_outcomes in (1, 3):
        p = torch.zeros(n_outcomes + 2, dtype=torch.float64)
        places = torch.randperm(n_outcomes + 2, generator=rng)[:n_outcomes]
        p[places] = _random_distribution(n_outcomes, rng)
        failure = compare(
            candidate,
            reference,
            [Trial((p,))],
            read=_read,
            evidence=_evidence,
            misconceptions=[m for m in entropy_bits.misconceptions if m.says == NAN],
            otherwise="The entropy is wrong where an outcome has probability 0.",
        )
        if failure:
            return failure
    return None


def _terms(p):
    return torch.special.entr(p) / math.log(2)


@entropy_bits.mistakes
class Mistakes:
    def nats(probabilities):
        """This is the entropy in nats: the natural logarithm was used."""
        return torch.special.entr(probabilities).sum()

    def negative(probabilities):
        """The sign is turned round: an entropy is never below 0."""
        return -_terms(probabilities).sum()

    def mean_of_the_terms(probabilities):
        """The terms -p log2 p were averaged over the K outcomes. Their weights are in them already:
        add."""
        return _terms(probabilities).mean()

    def costs_unweighted(probabilities):
        """The costs -log2 p are added without their weights: each counts with its probability p."""
        return -probabilities.log2().sum()

    def plain_mean_of_the_costs(probabilities):
        """Every outcome counts 1/K here, however rare it is: weigh its cost with its probability
        p."""
        return -probabilities.log2().mean()

    def number_of_outcomes(probabilities):
        """This is log2 K, the entropy if all outcomes were equally likely."""
        return torch.tensor(math.log2(len(probabilities)))

    def the_likeliest_outcome(probabilities):
        """This is the cost of the likeliest outcome alone; the entropy is a mean over all."""
        return -probabilities.max().log2()

    @says(NAN)
    def nan_at_0(probabilities):
        return -(probabilities * probabilities.log2()).sum()


@entropy_bits.right
def positive_ones_only(probabilities):
    p = probabilities[probabilities > 0]
    return (p * (1 / p).log2()).sum()


@entropy_bits.right
def by_a_loop(probabilities):
    return sum(-p * math.log2(p) for p in probabilities.tolist() if p > 0)


@entropy_bits.right
def torch_distribution(probabilities):
    return torch.distributions.Categorical(probs=probabilities).entropy() / math.log(2)
