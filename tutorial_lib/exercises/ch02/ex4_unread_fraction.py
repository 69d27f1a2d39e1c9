"""Exercise 2.4: the blind spot as one number."""

from __future__ import annotations

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number, number_result
from tutorial_lib.exercises.definition import Check, Failure, Misconception
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial, compare
from tutorial_lib.influence import blind_spot as reference

STUB = '''\
def unread_fraction(reads: torch.Tensor) -> float:
    """The share of the past that is never read: unread pairs divided by all pairs of the past.

    reads    (N, N) torch.bool: reads[i, j] is True if output i reads input j, in raster order
    returns  a number from 0 to 1

    By hand: three pixels have three pairs of the past: (1, 0), (2, 0) and (2, 1). If output 1 reads
             input 0 and output 2 reads input 1 only, one of three is unread: 0.333
    """
    ____
'''

HINTS = (
    """A pair (output i, input j) belongs to the past if j comes before i. Count those pairs, and
    those among them that are not read.""",
    """`torch.ones_like(reads).tril(diagonal=-1)` marks the past; `&` and `~` combine bool tensors,
    `.sum()` counts them.""",
    """A matrix with nothing but True has no blind spot: 0. A matrix with nothing but False is blind
    to everything: 1. Do both come out, and exactly?""",
)


def _past(reads):
    return torch.ones_like(reads).tril(diagonal=-1)


def _diagonal_is_past(reads):
    past = torch.ones_like(reads).tril()
    return (past & ~reads).sum() / past.sum()


def _share_of_all_pairs(reads):
    return (_past(reads) & ~reads).sum() / reads.numel()


def _read_share(reads):
    return (_past(reads) & reads).sum() / _past(reads).sum()


def _upper_triangle(reads):
    future = torch.ones_like(reads).triu(diagonal=1)
    return (future & ~reads).sum() / future.sum()


def _mean_of_rows(reads):
    past, unread = _past(reads)[1:], (_past(reads) & ~reads)[1:]
    return (unread.sum(dim=1) / past.sum(dim=1)).mean()


def _future_makes_up(reads):
    return 1 - reads.sum() / _past(reads).sum()


def _unread_anywhere(reads):
    return (~reads).double().mean()


def _a_count(reads):
    return (_past(reads) & ~reads).sum().double()


MISCONCEPTIONS = (
    Misconception(
        "the diagonal is past",
        _diagonal_is_past,
        "The diagonal is counted as past. A pixel is not its own past: tril(diagonal=-1).",
    ),
    Misconception(
        "share of all pairs",
        _share_of_all_pairs,
        "You divide by all N * N pairs. The share is asked of the past alone.",
    ),
    Misconception(
        "the share that is read", _read_share, "This is the share that is read, not the unread one."
    ),
    Misconception(
        "the upper triangle",
        _upper_triangle,
        "This looks at the upper triangle, the future. Rows are outputs, columns inputs, so the "
        "past lies below the diagonal.",
    ),
    Misconception(
        "mean of the rows",
        _mean_of_rows,
        "This is the mean of one share for each output, which gives early pixels, with little "
        "past, as much weight as late ones.",
    ),
    Misconception(
        "the future makes up",
        _future_makes_up,
        "Reads of the future are counted as if they made up for unread past. Look below the "
        "diagonal only.",
    ),
    Misconception(
        "unread anywhere",
        _unread_anywhere,
        "Everything unread is counted, the future too, which should be unread.",
    ),
    Misconception("a count", _a_count, "This is a count of pairs, not yet a share."),
)


def _read(value: object, trial: Trial) -> Tensor:
    return number_result(value)


def _evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (reads,) = trial.args
    past = _past(reads)
    unread = int((past & ~reads).sum())
    return (
        f"{len(reads)} pixels: {unread} of {int(past.sum())} pairs of the past are unread, "
        f"{number(want)}, but your function says {number(got)}."
    )


def _check_random(candidate, rng: torch.Generator) -> Failure | None:
    trials = [
        Trial((torch.rand(n, n, generator=rng) < share,))
        for n, share in ((6, 0.3), (12, 0.6), (15, 0.8))
    ]
    trials.append(Trial((trials[0].args[0].tril(-1),)))
    return compare(
        candidate, reference, trials, read=_read, evidence=_evidence, misconceptions=MISCONCEPTIONS
    )


def _check_extremes(candidate, rng: torch.Generator) -> Failure | None:
    n = int(torch.randint(4, 12, (), generator=rng))
    everything = torch.ones(n, n, dtype=torch.bool)
    trials = [Trial((reads,)) for reads in (everything.tril(-1), everything, ~everything)]
    return compare(
        candidate,
        reference,
        trials,
        read=_read,
        evidence=_evidence,
        misconceptions=MISCONCEPTIONS,
        otherwise="All of the past read must give 0, none of it 1.",
    )


def _by_a_loop(reads):
    pairs = [bool(reads[i, j]) for i in range(len(reads)) for j in range(i)]
    return pairs.count(False) / len(pairs)


def _by_indices(reads):
    below = torch.tril_indices(*reads.shape, offset=-1)
    return 1 - reads[below[0], below[1]].double().mean()


unread_fraction = Exercise(
    number="2.4",
    name="unread_fraction",
    title="The blind spot as a number",
    goal="Turn an influence matrix into the share of the past that a model never reads.",
    minutes=5,
    stub=STUB,
    reference=reference,
    hints=HINTS,
    checks=(
        Check("random matrices, some of which read the future as well", 2, _check_random),
        Check("all of the past read, and none of it", 1, _check_extremes),
    ),
    misconceptions=MISCONCEPTIONS,
    alternatives=(_by_a_loop, _by_indices),
)
