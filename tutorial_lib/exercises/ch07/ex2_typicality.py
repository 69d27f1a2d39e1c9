"""Exercise 7.2: unusual on either side."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(nats: Tensor, reference: Tensor) -> Tensor:
    """The share of reference images at least as far from the median cost, on either side: (B,)."""
    median = reference.median()
    distance = (nats - median).abs()
    return ((reference - median).abs() >= distance[:, None]).double().mean(dim=1)


typicality = Exercise(
    "7.2",
    "Too dear, or too cheap",
    goal="Score how usual the cost of an image is, on both sides of the costs that are known.",
    minutes=10,
    reference=reference,
    stub='''\
def typicality(nats: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How usual is the cost of an image? The share of known images that are at least as unusual.

    nats       (B,) what each new image costs
    reference  (N,) what known, normal images cost; N is odd
    returns    (B,) floating point, 0 to 1: the share of known images whose distance from the median
               of the known costs, upwards or downwards, is at least that of the new image

    By hand: reference = [1, 2, 3, 4, 10] has the median 3 and the distances 2, 1, 0, 1, 7. A cost
             of 5 is 2 away, and two of the five are at least as far: 0.4. So is a cost of 1. A cost
             of 30 gives 0, and so does one of -30
    """
    ____
''',
    answer="""\
def typicality(nats, reference):
    median = reference.median()
    known = (reference - median).abs()
    shares = []
    for cost in nats:
        distance = (cost - median).abs()  # too much or too little: both are unusual
        at_least_as_far = known >= distance
        shares.append(at_least_as_far.double().mean())
    return torch.stack(shares)
""",
    hints=(
        """"Too dear" and "too cheap" are both unusual. So measure how far a cost is from the
        middle of the known ones, and ask how many of these are as far from it.""",
        """`reference.median()`, then `.abs()` of two differences. Compare all with all: `known
        >= new[:, None]` is (B, N), and the mean over dim=1 of it, as numbers, is a share.""",
        """If a very cheap image gets 1, only one side counts. If the image in the very middle
        gets less than 1, "at least" has become "more".""",
    ),
)


def _trial(n_new: int, n_known: int, rng: torch.Generator) -> Trial:
    """Known costs with a long tail upwards; new ones on both sides, and some of the known."""
    known = 20 + 4 * torch.randn(n_known, generator=rng, dtype=torch.float64).exp()
    known = known.round(decimals=2)
    new = 24 + 6 * torch.randn(n_new, generator=rng, dtype=torch.float64)
    new = torch.cat([new.round(decimals=2), known[:2], torch.tensor([2.0, 90.0]).double()])
    return Trial((new, known))


def _exact(trial: Trial) -> Trial:
    """In eighths, so that equal distances are equal to the last bit, whatever the order of work."""
    return Trial(tuple((8 * each).round() / 8 for each in trial.args))


@typicality.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    new, known = trial.args
    (i,) = first_difference(got, want)
    median = known.median()
    distances = (known - median).abs().sort().values
    return (
        f"The {len(known)} known costs have the median {number(median)}; their distances from it "
        f"are, sorted, {numbers(distances[:9])}{' ...' if len(known) > 9 else ''}. A cost of "
        f"{number(new[i])} is {number((new[i] - median).abs())} away, and the share at least as "
        f"far is {number(want[i])}. Your function says {number(got[i])}."
    )


def _check(candidate, trials: list[Trial], rng: torch.Generator) -> Failure | None:
    return typicality.compare(
        candidate,
        [_exact(trial) for trial in trials],
        further=[_exact(_trial(6, 9, rng)), _exact(_trial(5, 15, rng))],
        otherwise="This is another share, or none.",
    )


def _cost(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@typicality.judge("images that cost far too much")
def dear(candidate, rng: torch.Generator) -> Failure | None:
    """Symmetric known costs and far-off dear images: what a score of one side gets right."""
    return _check(candidate, [Trial((_cost(60, 75), _cost(20, 18, 22, 19, 21)))], rng)


@typicality.judge("images that cost too little, and usual ones")
def cheap(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [Trial((_cost(-5, 3, 19, 20), _cost(19, 30, 17, 21, 20)))], rng)


@typicality.judge("many costs with a long tail, some of them equal")
def many(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [_trial(7, 21, rng)], rng)


SIGNED = (
    "Distances keep their sign somewhere, so one of the two sides never counts. Take `.abs()` of "
    "both: of the known and of the new."
)
TAILS = (
    "This counts the costs beyond the new one, on one side. What counts is how far from the median."
)
DISTANCE = (
    "This is a distance, or a function of it. Count the known images whose distance is at least as "
    "large: a share."
)
OTHER_TOTAL = "The count is divided by another number than that of the known images."
OTHER_MIDDLE = "The distance is taken from another number than the median of the known costs."
FROM_THE_NEW = "The known distances are taken from the new cost. Both are taken from the median."


def _share(comparison):
    return comparison.double().mean(dim=1)


def _distances(nats, reference, middle):
    return (nats - middle).abs()[:, None], (reference - middle).abs()


@typicality.mistakes
class Mistakes:
    def only_dear_is_unusual(nats, reference):
        """Only a high cost counts as unusual. That is the score that fails: an image can be too
        cheap as well."""
        return _share(reference >= nats[:, None])

    def only_cheap_is_unusual(nats, reference):
        """Only a low cost counts as unusual. An image can be too dear as well."""
        return _share(reference <= nats[:, None])

    def around_the_mean(nats, reference):
        """The distance is taken from the mean, which a few dear images pull away. Use the
        median."""
        new, known = _distances(nats, reference, reference.mean())
        return _share(known >= new)

    def more_than(nats, reference):
        """Images that are exactly as far are left out: "at least" includes them."""
        new, known = _distances(nats, reference, reference.median())
        return _share(known > new)

    def the_share_of_the_less_unusual(nats, reference):
        """This is the share of known images that are at most as far from the median, so a normal
        image gets next to nothing. Turn the comparison round."""
        new, known = _distances(nats, reference, reference.median())
        return _share(known <= new)

    def the_share_of_the_nearer(nats, reference):
        """This is the share of known images that are *nearer* to the median, so a normal image gets
        0. Take the rest."""
        new, known = _distances(nats, reference, reference.median())
        return _share(known < new)

    @says(SIGNED)
    def signed_distances(nats, reference):
        median = reference.median()
        return _share((reference - median) >= (nats - median).abs()[:, None])

    def the_median_of_the_new_images(nats, reference):
        """The middle is taken from the new images. What is normal, the known ones say."""
        new, known = _distances(nats, reference, nats.median())
        return _share(known >= new)

    def a_count(nats, reference):
        """These are counts. Divide by the number of known images: a share."""
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).double().sum(dim=1)

    def between_the_extremes(nats, reference):
        """This says whether a cost lies between the smallest and the largest known one: a single
        odd image among these decides. Count instead."""
        inside = (nats >= reference.min()) & (nats <= reference.max())
        return inside.double()

    @says(SIGNED)
    def new_distances_signed(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return _share(known >= (nats - reference.median())[:, None])

    @says(TAILS)
    def the_smaller_tail(nats, reference):
        return torch.minimum(_share(reference >= nats[:, None]), _share(reference <= nats[:, None]))

    @says(TAILS)
    def twice_the_smaller_tail(nats, reference):
        return 2 * Mistakes.the_smaller_tail(nats, reference)

    @says(TAILS)
    def twice_the_smaller_tail_up_to_1(nats, reference):
        return (2 * Mistakes.the_smaller_tail(nats, reference)).clamp(max=1)

    @says(DISTANCE)
    def the_distance(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return new[:, 0]

    @says(DISTANCE)
    def z_score(nats, reference):
        return (nats - reference.mean()).abs() / reference.std()

    @says(DISTANCE)
    def distance_in_median_distances(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return new[:, 0] / known.median()

    @says(DISTANCE)
    def exp_of_minus_the_distance(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return torch.exp(-new[:, 0])

    @says(OTHER_TOTAL)
    def one_less(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).double().sum(dim=1) / (len(reference) - 1)

    @says(OTHER_TOTAL)
    def one_more(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return ((known >= new).double().sum(dim=1) + 1) / (len(reference) + 1)

    @says(OTHER_TOTAL)
    def the_number_of_new_images(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).double().sum(dim=1) / len(nats)

    @says(OTHER_TOTAL)
    def per_cent(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return 100 * _share(known >= new)

    @says(OTHER_MIDDLE)
    def the_middle_of_the_list(nats, reference):
        return _share(torch.ge(*_distances(nats, reference, reference[len(reference) // 2])[::-1]))

    @says(OTHER_MIDDLE)
    def the_next_in_order(nats, reference):
        return _share(
            torch.ge(
                *_distances(nats, reference, reference.sort().values[len(reference) // 2 + 1])[::-1]
            )
        )

    @says(OTHER_MIDDLE)
    def between_the_ends(nats, reference):
        return _share(
            torch.ge(*_distances(nats, reference, (reference.min() + reference.max()) / 2)[::-1])
        )

    @says(OTHER_MIDDLE)
    def mean_for_the_known(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return _share((reference - reference.mean()).abs() >= new)

    @says(OTHER_MIDDLE)
    def mean_for_the_new(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return _share(known >= (nats - reference.mean()).abs()[:, None])

    @says(OTHER_MIDDLE)
    def each_from_its_own(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return _share(known >= (nats - nats.median()).abs()[:, None])

    @says(FROM_THE_NEW)
    def known_from_the_new(nats, reference):
        new, known = _distances(nats, reference, reference.median())
        return _share(known >= (reference - nats[:, None]).abs())

    @says(FROM_THE_NEW)
    def mean_distance_from_the_new(nats, reference):
        return (reference - nats[:, None]).abs().mean(dim=1)

    def any_(nats, reference):
        """This says whether any known image is as far from the median. Count them: a share."""
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).any(dim=1).double()

    def between_the_quartiles(nats, reference):
        """This says whether a cost lies between the quartiles. Count: a share."""
        low, high = reference.quantile(0.25), reference.quantile(0.75)
        return ((nats >= low) & (nats <= high)).double()

    def squared_on_one_side(nats, reference):
        """The known distances are squared and the new ones are not, or the other way round."""
        new, known = _distances(nats, reference, reference.median())
        return _share(known.square() >= new)

    def the_first_for_all(nats, reference):
        """All images get the share of the first new one."""
        new, known = _distances(nats[:1].expand_as(nats), reference, reference.median())
        return _share(known >= new)

    def over_the_new_images(nats, reference):
        """The mean runs over the new images. It runs over the known ones, dim=1."""
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).double().mean(dim=0)

    def one_share_for_all(nats, reference):
        """This is a single share for all new images. Each has its own: the mean runs over dim=1."""
        new, known = _distances(nats, reference, reference.median())
        return (known >= new).double().mean()


@typicality.right
def by_sorting(nats, reference):
    median = reference.sort().values[len(reference) // 2]
    known = (reference - median).abs().sort().values
    nearer = torch.searchsorted(known, (nats - median).abs())
    return 1 - nearer.double() / len(reference)


@typicality.right
def one_by_one(nats, reference):
    median = sorted(reference.tolist())[len(reference) // 2]
    known = [abs(each - median) for each in reference.tolist()]
    shares = [sum(k >= abs(new - median) for k in known) / len(known) for new in nats.tolist()]
    return torch.tensor(shares, dtype=torch.float64)
