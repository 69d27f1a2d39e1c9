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
    answer="""\
def entropy_bits(probabilities):
    total = torch.tensor(0.0)
    for p in probabilities:
        if p > 0:  # an outcome that never comes adds nothing
            total = total - p * torch.log2(p)  # cost -log2 p, weight p
    return total
""",
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
EPSILON = (
    "A number is added to p before the log, large enough to change the entropy. Leave out the "
    "outcomes of probability 0 instead."
)
ZERO_COUNTED = "An outcome of probability 0 counts for something. It never comes, and adds 0."
NAN_TO_0 = (
    "The sum was nan, and `nan_to_num` made 0 of it: the other outcomes are lost. Leave out those "
    "of probability 0 before the sum."
)
AT_ZERO = (NAN, ZERO_COUNTED, NAN_TO_0)


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
        diagnose_on=[Trial((_random_distribution(5, rng),)), Trial((torch.ones(1).double(),))],
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
            misconceptions=[m for m in entropy_bits.misconceptions if m.says in AT_ZERO],
            diagnose_on=[Trial((torch.tensor([0.5, 0.25, 0.25, 0.0]).double(),))],
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

    def nats_with_the_sign_turned(probabilities):
        """The sign is turned round and the unit is nats: -sum of p log2 p is wanted."""
        return -torch.special.entr(probabilities).sum()

    def log10(probabilities):
        """This is the entropy in decimal digits: log10 was used, not log2."""
        return torch.special.entr(probabilities).sum() / math.log(10)

    def times_log_2(probabilities):
        """The nats are multiplied by log 2. A nat is more than a bit, so the number has to grow:
        divide."""
        return torch.special.entr(probabilities).sum() * math.log(2)

    def divided_by_2(probabilities):
        """The nats are divided by 2. A bit is log 2 = 0.693 nats: divide by log 2."""
        return torch.special.entr(probabilities).sum() / 2

    def mean_in_nats(probabilities):
        """The terms were averaged, and in nats. Their weights are in them already: add, and use
        log2."""
        return torch.special.entr(probabilities).mean()

    def per_outcome(probabilities):
        """The terms -p log2 p are not added yet: one number is wanted."""
        return _terms(probabilities)

    def perplexity(probabilities):
        """This is 2 to the power of the entropy, the perplexity. The entropy itself is wanted."""
        return 2 ** _terms(probabilities).sum()

    def as_a_share_of_the_most(probabilities):
        """This is divided by log2 K, the largest entropy there can be. Bits are wanted, not a
        share."""
        return _terms(probabilities).sum() / max(math.log2(len(probabilities)), 1e-9)

    def weights_squared(probabilities):
        """Every cost is weighed with p squared: p belongs there once."""
        return (probabilities * _terms(probabilities)).sum()

    def one_minus_squares(probabilities):
        """This is 1 - sum of p^2, the Gini impurity. The entropy is -sum of p log2 p."""
        return 1 - probabilities.square().sum()

    def order_2(probabilities):
        """This is -log2 of the sum of p^2. The entropy takes the log of each p first, and then the
        mean."""
        return -probabilities.square().sum().log2()

    def log_of_the_sum(probabilities):
        """The probabilities are added before the log, and their sum is 1. Take the log of each."""
        return -probabilities.sum().log2()

    def the_least_likely(probabilities):
        """This is the cost of the least likely outcome alone; the entropy is a mean over all."""
        p = probabilities[probabilities > 0]
        return -p.min().log2()

    def one_minus_p(probabilities):
        """The terms are those of 1 - p. The entropy is -sum of p log2 p."""
        return _terms(1 - probabilities).sum()

    def two_values_each(probabilities):
        """The terms of 1 - p are added too, as for coins. The K outcomes are one distribution: -sum
        of p log2 p."""
        return _terms(probabilities).sum() + _terms(1 - probabilities).sum()

    def softmax_of_probabilities(probabilities):
        """A softmax is taken of the probabilities. They are a distribution already: use them as
        they are."""
        return _terms(probabilities.softmax(dim=0)).sum()

    def product_of_costs(probabilities):
        """The costs are multiplied: add them, each with its weight p."""
        p = probabilities[probabilities > 0]
        return (-p.log2()).prod()

    def the_first_outcome(probabilities):
        """This is the term of the first outcome alone: add over all."""
        return _terms(probabilities)[0]

    def the_largest_term(probabilities):
        """This is the largest of the terms -p log2 p: add them all."""
        return _terms(probabilities).max()

    def log_of_1_plus_p(probabilities):
        """You take the log of 1 + p. The cost of an outcome is -log2 p."""
        return -(probabilities * (1 + probabilities).log2()).sum()

    def unlikely_ones_left_out(probabilities):
        """Outcomes of small probability are left out. Only those of probability 0 add nothing."""
        p = probabilities[probabilities > 0.1]
        return _terms(p).sum()

    @says(EPSILON)
    def large_epsilon(probabilities):
        return -(probabilities * (probabilities + 1e-3).log2()).sum()

    @says(NAN_TO_0)
    def nan_made_0(probabilities):
        return -(probabilities * probabilities.log2()).sum().nan_to_num()

    @says(ZERO_COUNTED)
    def zero_costs_one_bit(probabilities):
        return _terms(probabilities).sum() + (probabilities == 0).sum()

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
