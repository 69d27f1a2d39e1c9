"""Variants of exercise 7.2: other measures of what is usual."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch07
from tutorial_lib.exercises.trials import Trial

KNOWN = "torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0])"
typicality = Variants(
    ch07.typicality,
    asked="How usual is the cost of an image? {question}",
    returns="(B,) floating point, 0 to 1{result}",
    by_hand="reference = [1, 2, 3, 4, 10] has the median 3{outcome}",
    examples=(f"typicality(torch.tensor([5.0, 1.0, 3.0, 6.0, 30.0]), {KNOWN})",),
)

FROM_MEDIAN = (
    ": the share of known images whose distance from the median of the known costs, upwards "
    "or downwards, is at least that of the new image"
)


@typicality.twist(
    "The new image is counted among the known ones, but not in the median: a share of "
    "N + 1 images, never 0.",
    question="The share of images that are at least as unusual.",
    result=FROM_MEDIAN + (", this one counted as well"),
    outcome=(
        " and the distances 2, 1, 0, 1, 7. "
        "A cost of 5 is 2 away: with itself, three of six are as far: 0.5. A cost of 30 gives "
        "1/6"
    ),
)
def counted_among(nats, reference):
    median = reference.median()
    farther = (reference - median).abs() >= (nats - median).abs()[:, None]
    return (farther.double().sum(dim=1) + 1) / (len(reference) + 1)


@typicality.right
def one_by_one(nats, reference):
    median = reference.sort().values[len(reference) // 2]
    shares = []
    for new in nats:
        distances = (torch.cat([reference, new[None]]) - median).abs()
        shares.append((distances >= distances[-1]).double().mean())
    return torch.stack(shares)


@typicality.twist(
    "Asked is twice the smaller tail: twice the share of known costs that are at most, or of "
    "those that are at least, the new one, whichever is smaller, and 1 at most.",
    question="Twice the smaller of two tails.",
    result="",
    outcome=(
        ". Of a cost of 4, four of "
        "five are at most 4 and two at least: 2 * 2/5 = 0.8. A cost of 3 gives 1, and one of "
        "30 gives 0"
    ),
)
def twice_the_smaller_tail(nats, reference):
    below = (reference <= nats[:, None]).double().mean(dim=1)
    above = (reference >= nats[:, None]).double().mean(dim=1)
    return (2 * torch.minimum(below, above)).clamp(max=1)


@typicality.right
def by_sorting(nats, reference):
    known, n = reference.sort().values, len(reference)
    below = torch.searchsorted(known, nats, right=True)
    above = n - torch.searchsorted(known, nats)
    tails = torch.stack([below, above]).amin(dim=0).double()
    return torch.where(2 * tails > n, 1.0, 2 * tails / n)


def _lopsided(times: int, *, upwards: bool):
    def distance(costs, median):
        gap = costs - median
        counted = gap if upwards else -gap
        return torch.where(counted > 0, times * counted, -counted)

    shown = distance(torch.tensor([1.0, 2, 3, 4, 10]), 3).long().tolist()
    new, first = distance(torch.tensor([5.0, 1.0]), 3).long().tolist()
    counts = [sum(k >= each for k in shown) for each in (new, first)]

    @typicality.twist(
        f"A distance {'upwards' if upwards else 'downwards'} counts {times} times, for known and "
        "new images alike.",
        question="The share of known images that are at least as unusual.",
        result=FROM_MEDIAN,
        outcome=(
            f" and the distances {', '.join(map(str, shown))}. A cost of 5 counts as {new} "
            f"away: {counts[0]} of 5, {counts[0] / 5:g}. A cost of 1 counts as {first} away: "
            f"{counts[1]} of 5, {counts[1] / 5:g}"
        ),
    )
    def right(nats, reference):
        median = reference.median()
        known, new = distance(reference, median), distance(nats, median)
        return (known >= new[:, None]).double().mean(dim=1)

    @typicality.right
    def one_by_one(nats, reference):
        median = sorted(reference.tolist())[len(reference) // 2]
        factors = (1, times) if upwards else (times, 1)

        def far(cost):
            return abs(cost - median) * factors[cost > median]

        known = [far(each) for each in reference.tolist()]
        shares = [sum(k >= far(new) for k in known) / len(known) for new in nats.tolist()]
        return torch.tensor(shares, dtype=torch.float64)


_lopsided(2, upwards=False)
_lopsided(3, upwards=True)


def _trial(n_new: int, n_known: int, rng: torch.Generator, side: int = 0) -> Trial:
    """Known costs with a long tail upwards, and new ones: dear (1), cheap (-1) or both (0).

    In eighths, so that equal distances are equal to the last bit, whatever the order of work.
    """
    known = 20 + 4 * torch.randn(n_known, generator=rng, dtype=torch.float64).exp()
    gaps = 6 * torch.randn(n_new, generator=rng, dtype=torch.float64)
    new = 24 + (side * gaps.abs() if side else gaps)
    new = torch.cat([new, known[:2], torch.tensor([2.0, 90.0]).double()] if side == 0 else [new])
    return Trial(tuple((8 * each).round() / 8 for each in (new, known)))


typicality.trials("images that cost much")(lambda rng: [_trial(6, 9, rng, 1)])
typicality.trials("images that cost little")(lambda rng: [_trial(6, 9, rng, -1)])
typicality.trials("many costs with a long tail, some of them equal")(
    lambda rng: [_trial(7, 21, rng)]
)
