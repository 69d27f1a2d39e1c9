"""Variants of exercise 10.4: smoothed counts, idle codes that keep all, and shares of the batch."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch10
from tutorial_lib.exercises.trials import Trial

GIVEN = "torch.tensor([2.0, 1.0]), torch.tensor([[6.0], [7.0]])"
ema_step = Variants(
    ch10.ema_step,
    returns="(counts, sums, codebook): (K,), (K, D) and (K, D), after the step{and_more}",
    by_hand=(
        "D = 1, decay 0.5, counts = [2, 1], sums = [[6], [7]]. The vectors 1 and 9 both chose "
        "code 0. {outcome}"
    ),
    examples=(
        f"ema_step({GIVEN}, torch.tensor([[1.0], [9.0]]), torch.tensor([0, 0]), 0.5)",
        f"ema_step({GIVEN}, torch.tensor([[3.0]]), torch.tensor([1]), 0.9)",
    ),
)


def _of_batch(n_codes, vectors, indices):
    chosen = torch.nn.functional.one_hot(indices, n_codes).to(vectors.dtype)
    return chosen.sum(dim=0), chosen.T @ vectors


AFTER = "Then counts = [2, 0.5] and sums = [[8], [3.5]], T = 2.5. "


def _smoothed(epsilon: float, by_hand: str):
    more = "K" if epsilon == 1 else f"{epsilon:g} K"
    formula = (
        ". "
        f"A code is its sum over (count + {epsilon:g}) * T / (T + {more}), where T is the sum "
        "of the new counts. The counts come back without this"
    )

    @ema_step.twist(
        f"The codes are divided by smoothed counts: {epsilon:g} more each, scaled to the same sum.",
        and_more=formula,
        outcome=by_hand,
    )
    def right(counts, sums, vectors, indices, decay):
        n, m = _of_batch(len(counts), vectors, indices)
        counts, sums = counts.lerp(n, 1 - decay), sums.lerp(m, 1 - decay)
        total = counts.sum()
        smooth = (counts + epsilon) / (total + len(counts) * epsilon) * total
        return counts, sums, sums / smooth[:, None]

    @ema_step.right
    def by_shares(counts, sums, vectors, indices, decay):
        n, m = _of_batch(len(counts), vectors, indices)
        counts = decay * counts + (1 - decay) * n
        sums = decay * sums + (1 - decay) * m
        shrink = 1 + len(counts) * epsilon / counts.sum()
        return [counts, sums, shrink * sums / (counts + epsilon).unsqueeze(1)]


_smoothed(
    1.0,
    AFTER
    + (
        "The divisors "
        "are (2 + 1) * 2.5 / 4.5 = 1.667 and (0.5 + 1) * 2.5 / 4.5 = 0.833, so the codes are "
        "[[4.8], [4.2]]"
    ),
)
_smoothed(
    0.5,
    AFTER
    + (
        "The divisors "
        "are (2 + 0.5) * 2.5 / 3.5 = 1.786 and (0.5 + 0.5) * 2.5 / 3.5 = 0.714, so the codes are "
        "[[4.48], [4.9]]"
    ),
)


@ema_step.twist(
    "A code that no vector of the batch chose keeps its count and its sum.",
    and_more="",
    outcome=(
        "Then counts = [(2 + 2) / 2, 1] = [2, 1], sums = [[8], [7]] and the codes are [[4], "
        "[7]]: count and sum of the second have not moved"
    ),
)
def idle_stay(counts, sums, vectors, indices, decay):
    n, m = _of_batch(len(counts), vectors, indices)
    keep = torch.where(n > 0, decay, 1.0)
    counts = keep * counts + (1 - keep) * n
    sums = keep[:, None] * sums + (1 - keep[:, None]) * m
    return counts, sums, sums / counts[:, None]


@ema_step.right
def code_by_code(counts, sums, vectors, indices, decay):
    counts, sums = counts.clone(), sums.clone()
    for k in set(indices.tolist()):
        mine = vectors[indices == k]
        counts[k] = decay * counts[k] + (1 - decay) * len(mine)
        sums[k] = decay * sums[k] + (1 - decay) * mine.sum(dim=0)
    return counts, sums, sums / counts[:, None]


@ema_step.twist(
    "Each vector counts as 1 / n: counts and sums of the batch are divided by its n vectors.",
    and_more="",
    outcome=(
        "Then counts = [(2 + 1) / 2, 1 / 2] = [1.5, 0.5], "
        "sums = [[(6 + 5) / 2], [7 / 2]] = [[5.5], [3.5]] and the codes are [[3.667], [7]]"
    ),
)
def shares(counts, sums, vectors, indices, decay):
    n, m = _of_batch(len(counts), vectors, indices)
    size = len(indices)
    counts, sums = counts.lerp(n / size, 1 - decay), sums.lerp(m / size, 1 - decay)
    return counts, sums, sums / counts[:, None]


@ema_step.right
def vector_by_vector(counts, sums, vectors, indices, decay):
    counts, sums = decay * counts, decay * sums
    for vector, k in zip(vectors, indices.tolist(), strict=True):
        counts[k] += (1 - decay) / len(vectors)
        sums[k] += (1 - decay) / len(vectors) * vector
    return counts, sums, sums / counts[:, None]


def _trial(n: int, n_codes: int, dim: int, rng: torch.Generator, n_idle: int = 1) -> Trial:
    """The last codes are chosen by none."""
    used = n_codes - n_idle
    indices = torch.cat([torch.arange(used).repeat(2), torch.randint(used, (n,), generator=rng)])
    indices = indices[torch.randperm(len(indices), generator=rng)]
    vectors = torch.randn(len(indices), dim, generator=rng) + 1
    counts = 0.5 + 3 * torch.rand(n_codes, generator=rng)
    sums = counts[:, None] * (torch.randn(n_codes, dim, generator=rng) - 1)
    decay = 0.6 + 0.3 * float(torch.rand((), generator=rng))
    return Trial((counts, sums, vectors, indices, round(decay, 3)))


ema_step.trials("vectors of two numbers")(lambda rng: [_trial(9, 3, 2, rng)])
ema_step.trials("more than one code that no vector chose")(lambda rng: [_trial(8, 5, 3, rng, 2)])
ema_step.trials("vectors of one number each")(lambda rng: [_trial(3, 6, 1, rng)])
