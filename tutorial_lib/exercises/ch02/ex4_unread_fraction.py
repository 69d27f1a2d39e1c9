"""Exercise 2.4: the blind spot as one number."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.influence import blind_spot as reference

unread_fraction = Exercise(
    "2.4",
    "The blind spot as a number",
    goal="Turn an influence matrix into the share of the past that a model never reads.",
    minutes=5,
    reference=reference,
    stub='''\
def unread_fraction(reads: torch.Tensor) -> float:
    """The share of the past that is never read: unread pairs divided by all pairs of the past.

    reads    (N, N) torch.bool: reads[i, j] is True if output i reads input j, in raster order
    returns  a number from 0 to 1

    By hand: three pixels have three pairs of the past: (1, 0), (2, 0) and (2, 1). If output 1 reads
             input 0 and output 2 reads input 1 only, one of three is unread: 0.333
    """
    ____
''',
    answer="""\
def unread_fraction(reads):
    past, unread = 0, 0
    for i in range(len(reads)):
        for j in range(i):  # inputs that come before output i
            past += 1
            if not reads[i, j]:
                unread += 1
    return unread / past
""",
    hints=(
        """A pair (output i, input j) belongs to the past if j comes before i. Count those pairs,
        and those among them that are not read.""",
        """`torch.ones_like(reads).tril(diagonal=-1)` marks the past; `&` and `~` combine bool
        tensors, `.sum()` counts them.""",
        """A matrix with nothing but True has no blind spot: 0. A matrix with nothing but False
        is blind to everything: 1. Do both come out, and exactly?""",
    ),
)


def _past(reads):
    return torch.ones_like(reads).tril(diagonal=-1)


@unread_fraction.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (reads,) = trial.args
    past = _past(reads)
    unread = int((past & ~reads).sum())
    return (
        f"{len(reads)} pixels: {unread} of {int(past.sum())} pairs of the past are unread, "
        f"{number(want)}, but your function says {number(got)}."
    )


@unread_fraction.trials("random matrices, some of which read the future as well", points=2)
def random(rng):
    trials = [
        Trial((torch.rand(n, n, generator=rng) < share,))
        for n, share in ((6, 0.3), (12, 0.6), (15, 0.8))
    ]
    trials.append(Trial((trials[0].args[0].tril(-1),)))
    return trials


@unread_fraction.also_try
def further(rng):
    trials = [
        Trial((torch.rand(n, n, generator=rng) < share,)) for n, share in ((5, 0.5), (9, 0.7))
    ]
    trials.append(Trial((torch.rand(7, 7, generator=rng).tril(-1) > 0.3,)))
    return [*trials, Trial((torch.zeros(5, 5, dtype=torch.bool),))]


@unread_fraction.judge("all of the past read, and none of it")
def extremes(candidate, rng: torch.Generator) -> Failure | None:
    n = int(torch.randint(4, 12, (), generator=rng))
    everything = torch.ones(n, n, dtype=torch.bool)
    trials = [Trial((reads,)) for reads in (everything.tril(-1), everything, ~everything)]
    return unread_fraction.compare(
        candidate, trials, otherwise="All of the past read must give 0, none of it 1."
    )


@unread_fraction.mistakes
class Mistakes:
    def the_diagonal_is_past(reads):
        """The diagonal is counted as past. A pixel is not its own past: tril(diagonal=-1)."""
        past = torch.ones_like(reads).tril()
        return (past & ~reads).sum() / past.sum()

    def share_of_all_pairs(reads):
        """You divide by all N * N pairs. The share is asked of the past alone."""
        return (_past(reads) & ~reads).sum() / reads.numel()

    def the_share_that_is_read(reads):
        """This is the share that is read, not the unread one."""
        return (_past(reads) & reads).sum() / _past(reads).sum()

    def the_upper_triangle(reads):
        """This looks at the upper triangle, the future. Rows are outputs, columns inputs, so the
        past lies below the diagonal."""
        future = torch.ones_like(reads).triu(diagonal=1)
        return (future & ~reads).sum() / future.sum()

    def mean_of_the_rows(reads):
        """This is the mean of one share for each output, which gives early pixels, with little
        past, as much weight as late ones."""
        past, unread = _past(reads)[1:], (_past(reads) & ~reads)[1:]
        return (unread.sum(dim=1) / past.sum(dim=1)).mean()

    def the_future_makes_up(reads):
        """Reads of the future are counted as if they made up for unread past. Look below the
        diagonal only."""
        return 1 - reads.sum() / _past(reads).sum()

    def unread_anywhere(reads):
        """Everything unread is counted, the future too, which should be unread."""
        return (~reads).double().mean()

    def a_count(reads):
        """This is a count of pairs, not yet a share."""
        return (_past(reads) & ~reads).sum().double()

    def unread_of_all_unread(reads):
        """You divide by everything that is unread. The share is asked of all pairs of the past."""
        return (_past(reads) & ~reads).sum() / (~reads).sum()

    def unread_over_read(reads):
        """You divide unread by read pairs. The share is asked of all pairs of the past, read or
        not."""
        return (_past(reads) & ~reads).sum() / (_past(reads) & reads).sum()

    def unread_over_all_reads(reads):
        """You divide by everything that is read. The share is asked of all pairs of the past."""
        return (_past(reads) & ~reads).sum() / reads.sum()

    def diagonal_in_the_count(reads):
        """The diagonal is in the count, and not in what it is divided by: tril(diagonal=-1) for
        both."""
        return (torch.ones_like(reads).tril() & ~reads).sum() / _past(reads).sum()

    def diagonal_in_the_pairs(reads):
        """You divide by N * (N + 1) / 2 pairs: that is with the diagonal. The past has N * (N - 1)
        / 2."""
        return (_past(reads) & ~reads).sum() / torch.ones_like(reads).tril().sum()

    def half_of_all(reads):
        """You divide by N * N / 2. The past has N * (N - 1) / 2 pairs."""
        return (_past(reads) & ~reads).sum() / (len(reads) ** 2 / 2)

    def divided_by_the_pixels(reads):
        """You divide by the number of pixels. The share is asked of the pairs of the past."""
        return (_past(reads) & ~reads).sum() / len(reads)

    def one_diagonal_too_far(reads):
        """The diagonal right below the main one, each pixel's neighbour, is left out:
        tril(diagonal=-1), not -2."""
        past = torch.ones_like(reads).tril(diagonal=-2)
        return (past & ~reads).sum() / past.sum()

    def percent(reads):
        """These are per cent. A number from 0 to 1 is wanted."""
        return 100 * (_past(reads) & ~reads).sum() / _past(reads).sum()

    def everything_read(reads):
        """This is the share that is read of all N * N pairs. The unread share of the past is
        wanted."""
        return reads.double().mean()

    def read_past_of_all(reads):
        """This is the past that is read as a share of all N * N pairs. Asked is the unread share of
        the past."""
        return (_past(reads) & reads).sum() / reads.numel()

    def one_minus_the_mean(reads):
        """One minus the read share of all N * N pairs counts the future as unread. Divide by the
        past alone."""
        return 1 - reads.tril(diagonal=-1).double().mean()

    def diagonal_makes_up(reads):
        """The diagonal counts as read past and makes up for what is unread: tril(diagonal=-1)."""
        return 1 - reads.tril().sum() / _past(reads).sum()

    def the_future_read(reads):
        """This is the share of the future that is read. Asked is the past, below the diagonal, and
        what is unread."""
        future = torch.ones_like(reads).triu(diagonal=1)
        return (future & reads).sum() / future.sum()

    def mean_of_all_rows(reads):
        """This is the mean of one share for each output, the first, which has no past, included.
        Count pairs instead."""
        return ((_past(reads) & ~reads).sum(dim=1) / _past(reads).sum(dim=1).clamp(min=1)).mean()

    def mean_of_the_columns(reads):
        """This is the mean of one share for each input. Count pairs instead: every pair weighs the
        same."""
        return ((_past(reads) & ~reads).sum(dim=0) / _past(reads).sum(dim=0))[:-1].mean()

    def mean_of_all_columns(reads):
        """This is the mean of one share for each input, the last, which is nobody's past, included.
        Count pairs instead."""
        return ((_past(reads) & ~reads).sum(dim=0) / _past(reads).sum(dim=0).clamp(min=1)).mean()

    def the_last_output(reads):
        """Only the last output is looked at. All outputs have a past."""
        return (~reads[-1, :-1]).double().mean()

    def outputs_with_a_blind_spot(reads):
        """This is the share of outputs that miss anything. Asked is the share of pairs."""
        return (_past(reads) & ~reads).any(dim=1).double().mean()

    def outputs_with_a_past_and_a_blind_spot(reads):
        """Of the outputs that have a past, this is the share that miss anything. Asked is the share
        of pairs."""
        return (_past(reads) & ~reads).any(dim=1)[1:].double().mean()

    def inputs_never_read(reads):
        """This is the share of inputs that no output reads. Asked is the share of pairs."""
        return (~(_past(reads) & reads).any(dim=0)).double().mean()

    def whole_numbers(reads):
        """The division is cut to a whole number: `//` gives 0 or 1. Use `/`."""
        return (_past(reads) & ~reads).sum() // _past(reads).sum()

    def exclusive_or(reads):
        """`^` also counts reads outside the past. Unread past is `past & ~reads`."""
        return (_past(reads) ^ reads).sum() / _past(reads).sum()

    def a_share_for_each_output(reads):
        """Here is one share for each output: one number is wanted, unread pairs divided by all
        pairs."""
        return (_past(reads) & ~reads).sum(dim=1) / _past(reads).sum(dim=1).clamp(min=1)

    def no_blind_spot(reads):
        """The result is 0 whatever is unread."""
        return 0.0


@unread_fraction.right
def by_a_loop(reads):
    pairs = [bool(reads[i, j]) for i in range(len(reads)) for j in range(i)]
    return pairs.count(False) / len(pairs)


@unread_fraction.right
def by_indices(reads):
    below = torch.tril_indices(*reads.shape, offset=-1)
    return 1 - reads[below[0], below[1]].double().mean()
