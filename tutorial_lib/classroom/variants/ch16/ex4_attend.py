"""Variants of exercise 16.4: a short memory, a first slot for all, no look at oneself."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch16
from tutorial_lib.exercises.ch16.ex4_attend import attended, past_of, scores_of
from tutorial_lib.exercises.trials import Trial

attend = Variants(
    ch16.attend,
    asked="Attention: softmax(Q K^T / sqrt(d), what may not be read left out) V.",
    returns="(B, heads, n, d). Query i belongs to slot N - n + i. {reach}",
    by_hand=(
        "B = heads = d = 1. Four queries 0, keys 1, 2, 3, 4, values 3, 6, 9, 12: all scores are 0. "
        "{outcome}"
    ),
    examples=(
        "attend(torch.zeros(1, 1, 4, 1), torch.arange(1.0, 5).view(1, 1, 4, 1), "
        "3 * torch.arange(1.0, 5).view(1, 1, 4, 1)).flatten().tolist()",
        "attend(torch.ones(1, 1, 2, 1), torch.arange(1.0, 5).view(1, 1, 4, 1), "
        "3 * torch.arange(1.0, 5).view(1, 1, 4, 1)).flatten().tolist()",
    ),
)


def _reach(says: str, reach: str, outcome: str, may_read, reads):
    """may_read: (n, N) -> a table; reads: (slot, N) -> the slots that it may read."""

    @attend.twist(says, reach=reach, outcome=outcome)
    def right(queries, keys, values):
        mask = may_read(queries.shape[-2], keys.shape[-2])
        return attended(scores_of(queries, keys), mask, values)

    @attend.right
    def query_by_query(queries, keys, values):
        out, n, n_all = [], queries.shape[-2], keys.shape[-2]
        for i in range(n):
            slots = reads(n_all - n + i, n_all)
            scores = queries[:, :, i : i + 1] @ keys[:, :, slots].transpose(-1, -2)
            weights = (scores / queries.shape[-1] ** 0.5).softmax(dim=-1)
            out.append(weights @ values[:, :, slots])
        return torch.cat(out, dim=2)


_reach(
    "A slot reads itself and the two slots before it, and nothing older.",
    "It reads itself and at most two slots before it",
    "Slot 0 gets 3, slot 1 gets 4.5, slot 2 gets 6, slot 3 gets 9",
    lambda n, n_all: past_of(n, n_all) & ~past_of(n, n_all).tril(n_all - n - 3),
    lambda slot, n_all: list(range(max(0, slot - 2), slot + 1)),
)
_reach(
    "A slot reads itself and everything that comes after it.",
    "It reads itself and all slots after it, none before",
    "Slot 0 gets 7.5, slot 1 gets 9, slot 2 gets 10.5, slot 3 gets 12",
    lambda n, n_all: torch.ones(n, n_all, dtype=torch.bool).triu(n_all - n),
    lambda slot, n_all: list(range(slot, n_all)),
)
_reach(
    "A slot does not read itself, but always slot 0: so slot 0 reads itself alone.",
    "It reads slot 0 and all slots before itself, not itself (slot 0 reads slot 0)",
    "Slots 0 and 1 get 3, slot 2 gets 4.5, slot 3 gets 6",
    lambda n, n_all: past_of(n, n_all).tril(n_all - n - 1) | (torch.arange(n_all) == 0),
    lambda slot, n_all: list(range(max(1, slot))),
)


def _trial(batch, heads, n, n_all, dim, rng) -> Trial:
    queries = 1.5 * torch.randn(batch, heads, n, dim, generator=rng)
    keys, values = (torch.randn(batch, heads, n_all, dim, generator=rng) for _ in range(2))
    return Trial((queries, keys, values))


attend.trials("all slots at once")(
    lambda rng: [_trial(2, 3, 5, 5, 4, rng), _trial(3, 1, 6, 6, 2, rng)]
)
attend.trials("the newest slots")(
    lambda rng: [_trial(3, 2, 2, 6, 4, rng), _trial(2, 2, 3, 5, 3, rng)]
)
attend.trials("longer sequences")(lambda rng: [_trial(2, 2, 4, 8, 3, rng)])
