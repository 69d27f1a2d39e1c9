"""Variants of exercise 10.6: other candidates, another threshold, and a total that stays."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.trials import Trial

GIVEN = "torch.tensor([[20.0], [4.0], [0.4]]), torch.tensor([[7.0], [3.0], [5.0]])"
restart_dead_codes = Variants(
    ch10.restart_dead_codes,
    candidates="(K, D) vectors of the batch: {place}",
    below="code k is dead if counts[k] < below * {scale}; fair is the mean of the counts",
    returns=(
        "(counts, sums, codebook): a restarted code gets the count fair, and the sum that belongs "
        "to its new place. All other codes keep everything{and_more}"
    ),
    place="a dead code k moves onto candidates[k]",
    scale="fair",
    and_more="",
    examples=(
        f"restart_dead_codes(torch.tensor([10.0, 1.0, 0.1]), {GIVEN}, 0.2)",
        f"restart_dead_codes(torch.tensor([10.0, 4.0, 0.1]), {GIVEN}, 0.5)",
    ),
)


@restart_dead_codes.twist(
    "The candidates are used up in order: the j-th dead code, from 0, takes candidates[j].",
    place=(
        "the first dead code moves onto candidates[0], the second onto candidates[1], and so on"
    ),
    by_hand=(
        "D = 1, counts = [11.95, 0.05], sums = [[23.9], [5]], candidates = [[7], [3]]. fair is 6, "
        "so code 1 is dead, the first that is. The result is [11.95, 6], [[23.9], [42]] and [[2], "
        "[7]]"
    ),
)
def in_order(counts, sums, candidates, below=0.02):
    fair = counts.mean()
    dead = (counts < below * fair).nonzero()[:, 0]
    counts = counts.index_fill(0, dead, float(fair))
    sums = sums.index_copy(0, dead, fair * candidates[: len(dead)])
    return counts, sums, sums / counts[:, None]


@restart_dead_codes.right
def code_by_code(counts, sums, candidates, below=0.02):
    fair, waiting = counts.sum() / len(counts), iter(candidates)
    new_counts, codes = counts.clone(), sums / counts[:, None]
    for k, count in enumerate(counts):
        if count < below * fair:
            new_counts[k], codes[k] = fair, next(waiting)
    return new_counts, codes * new_counts[:, None], codes


@restart_dead_codes.twist(
    "A code is dead if its count is below `below` times the *largest* count.",
    scale="the largest of the counts",
    by_hand=(
        "D = 1, below 0.5, counts = [10, 4, 4], sums = [[20], [4], [8]], candidates = [[7], [3], "
        "[5]]. The limit is 0.5 * 10 = 5, so codes 1 and 2 are dead, and fair is 6. The result is "
        "[10, 6, 6], [[20], [18], [30]] and [[2], [3], [5]]"
    ),
)
def by_the_largest(counts, sums, candidates, below=0.02):
    fair, dead = counts.mean(), counts < below * counts.max()
    new_counts = torch.where(dead, fair, counts)
    new_sums = torch.where(dead[:, None], fair * candidates, sums)
    return new_counts, new_sums, new_sums / new_counts[:, None]


@restart_dead_codes.right
def by_the_largest_code_by_code(counts, sums, candidates, below=0.02):
    limit, fair = below * max(counts.tolist()), sum(counts.tolist()) / len(counts)
    new_counts, codes = counts.clone(), sums / counts.unsqueeze(1)
    for k, count in enumerate(counts.tolist()):
        if count < limit:
            new_counts[k], codes[k] = fair, candidates[k]
    return new_counts, codes * new_counts.unsqueeze(1), codes


@restart_dead_codes.twist(
    "After the restart, all counts and sums shrink alike, so that the counts add up as before.",
    and_more=(
        ". "
        "Then one factor for all counts and all sums brings the total of the counts back to "
        "what it was; the codes do not move by this"
    ),
    by_hand=(
        "D = 1, counts = [11.95, 0.05], sums = [[23.9], [5]], candidates = [[7], [3]]. fair is 6, "
        "so code 1 is dead: [11.95, 6] and [[23.9], [18]], 17.95 in all, which was 12. Times 12 / "
        "17.95: counts [7.989, 4.011], sums [[15.98], [12.03]], codes [[2], [3]]"
    ),
)
def total_stays(counts, sums, candidates, below=0.02):
    fair = counts.mean()
    dead = counts < below * fair
    new_counts = torch.where(dead, fair, counts)
    new_sums = torch.where(dead[:, None], fair * candidates, sums)
    shrink = counts.sum() / new_counts.sum()
    return shrink * new_counts, shrink * new_sums, new_sums / new_counts[:, None]


@restart_dead_codes.right
def codes_first(counts, sums, candidates, below=0.02):
    dead = counts * len(counts) < below * counts.sum()
    codes = torch.where(dead[:, None], candidates, sums / counts[:, None])
    weights = counts.masked_fill(dead, float(counts.mean()))
    new_counts = weights / weights.sum() * counts.sum()
    return [new_counts, codes * new_counts[:, None], codes]


def _trial(n_codes: int, dim: int, n_dead: int, rng: torch.Generator, below: float) -> Trial:
    """Code 0 is alive; one further count is small beside the largest, not beside the mean."""
    counts = 30 + 40 * torch.rand(n_codes, generator=rng)
    counts[0] = 400
    places = 1 + torch.randperm(n_codes - 1, generator=rng)
    fair = (counts.sum() - counts[places[: n_dead + 1]].sum()) / n_codes
    counts[places[0]] = 2 * below * fair
    counts[places[1 : n_dead + 1]] = below * fair * torch.linspace(0.1, 0.4, n_dead)
    codes = torch.randn(n_codes, dim, generator=rng) + 2
    candidates = torch.randn(n_codes, dim, generator=rng) - 2
    return Trial((counts, counts[:, None] * codes, candidates, below))


restart_dead_codes.trials("one dead code")(lambda rng: [_trial(5, 2, 1, rng, 0.02)])
restart_dead_codes.trials("several dead codes among living ones")(
    lambda rng: [_trial(7, 2, 3, rng, 0.02)]
)
restart_dead_codes.trials("another threshold")(lambda rng: [_trial(7, 1, 2, rng, 0.05)])
