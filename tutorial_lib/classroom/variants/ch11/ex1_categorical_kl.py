"""Variants of exercise 11.1: other ways to say how far two categoricals are apart."""

import math

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.ch11.ex1_categorical_kl import draw_distributions
from tutorial_lib.exercises.trials import Trial

categorical_kl = Variants(
    ch11.categorical_kl,
    asked="How far q and p are apart, over the last axis. A probability may be exactly 0.",
    returns="(B,){measure}",
    examples=(
        "categorical_kl(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]]))",
        "categorical_kl(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))",
    ),
)


@categorical_kl.twist(
    "Asked is (KL(q || m) + KL(p || m)) / 2, where m = (q + p) / 2 is the average of the two.",
    measure=(", the Jensen-Shannon divergence in nats; 0 log 0 is 0, so it is always finite"),
    by_hand=(
        "q = [1/2, 1/2] and p = [1, 0] give m = [3/4, 1/4] and (log(2/3) / 2 + log(2) / 2 + "
        "log(4/3)) / 2 = 0.216"
    ),
)
def jensen_shannon(q, p):
    middle = (q + p) / 2
    terms = torch.xlogy(q, q) + torch.xlogy(p, p) - 2 * torch.xlogy(middle, middle)
    return terms.sum(dim=-1) / 2


@categorical_kl.right
def row_by_row(q, p):
    rows = []
    for q_row, p_row in zip(q.tolist(), p.tolist(), strict=True):
        total = 0.0
        for a, b in zip(q_row, p_row, strict=True):
            total += sum(x * math.log(2 * x / (a + b)) for x in (a, b) if x > 0) / 2
        rows.append(total)
    return torch.tensor(rows)


@categorical_kl.twist(
    "Asked is the cross-entropy, the mean of -log2 p under q, in bits.",
    measure=(
        ". What q never does costs nothing, whatever p says of it; what q does and p never "
        "does costs infinitely much"
    ),
    by_hand=(
        "q = [1/2, 1/2] and p = [1/4, 3/4] give 2 / 2 + 0.415 / 2 = 1.208 bits; q = [1/2, 1/2] "
        "and p = [1, 0] give 0 / 2 + inf = inf"
    ),
)
def cross_entropy(q, p):
    return -torch.xlogy(q, p).sum(dim=-1) / math.log(2)


@categorical_kl.right
def where_q_is(q, p):
    bits = torch.where(q > 0, -torch.where(q > 0, p, 1.0).log2(), 0.0)
    return (q * bits).sum(dim=-1)


@categorical_kl.twist(
    "Asked is the chi-square divergence: the sum of (q - p)**2 / p.",
    measure=". A term with q = p = 0 is 0; a term with p = 0 alone is infinite",
    by_hand=(
        "q = [0, 1] and p = [1/4, 3/4] give (1/16) / (1/4) + (1/16) / (3/4) = 1/3; q = [1/2, "
        "1/2] and p = [1, 0] give 1/4 + inf = inf"
    ),
)
def chi_square(q, p):
    terms = (q - p).square() / torch.where(p > 0, p, 1.0)
    impossible = (q > 0) & (p == 0)
    return torch.where(impossible, math.inf, terms).sum(dim=-1)


@categorical_kl.right
def chi_square_row_by_row(q, p):
    rows = []
    for q_row, p_row in zip(q, p, strict=True):
        used = p_row > 0
        value = (q_row[used] ** 2 / p_row[used]).sum() - 1
        rows.append(value if q_row[~used].sum() == 0 else value + math.inf)
    return torch.stack(rows)


def _with_zeros(batch: int, n_codes: int, rng: torch.Generator, n_zeros: int) -> Tensor:
    rows = draw_distributions(batch, n_codes, rng)
    for row in rows:
        row[torch.randperm(n_codes, generator=rng)[:n_zeros]] = 0
    return rows / rows.sum(dim=1, keepdim=True)


categorical_kl.trials("distributions without a zero")(
    lambda rng: [
        Trial((draw_distributions(b, k, rng), draw_distributions(b, k, rng)))
        for b, k in ((1, 3), (4, 5))
    ]
)


@categorical_kl.trials("a one-hot q")
def one_hot(rng):
    """Against the uniform p, and against one that is not."""
    one_hot = torch.eye(4, dtype=torch.float64)[torch.randperm(4, generator=rng)]
    uniform = torch.full((4, 4), 0.25, dtype=torch.float64)
    return [Trial((one_hot, uniform)), Trial((one_hot, draw_distributions(4, 4, rng)))]


@categorical_kl.trials("zeros in q, and in both")
def zeros_of_q(rng):
    """Zeros of q over positive p, then the same zeros in both."""
    q = _with_zeros(3, 6, rng, 2)
    both = torch.where(q > 0, draw_distributions(3, 6, rng), 0)
    both = both / both.sum(dim=1, keepdim=True)
    return [Trial((q, draw_distributions(3, 6, rng))), Trial((q, both))]


@categorical_kl.trials("zeros in p alone")
def zeros_of_p(rng):
    """A zero of p in the first row only."""
    q, p = draw_distributions(3, 5, rng), draw_distributions(3, 5, rng)
    p[0] = _with_zeros(1, 5, rng, 1)[0]
    return [Trial((q, p))]
