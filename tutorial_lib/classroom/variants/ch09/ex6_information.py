"""Variants of exercise 9.6: another average posterior."""

import math

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.ch09.ex6_information import draw_trial

information = Variants(
    ch09.information,
    asked="What a code says about the image that it was drawn for, on average.",
    log_q=(
        "(N, N) torch.float64, at least 2 images: entry {entry}, where z_{code} was drawn for "
        "image {code}"
    ),
    returns="a number in nats: {mean} of log q(z_i | x_i) - log q(z_i), where q(z) is {mixture}",
    entry="[i, j] is log q(z_i | x_j)",
    code="i",
    examples=(
        "information(torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log())",
        "information(torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0]]))",
    ),
)


@information.twist(
    "q(z) is the average over all *other* images: that of image i is left out.",
    mean="the mean over i",
    mixture="the average of the N - 1 posteriors q(z | x_j) with j other than i",
    by_hand=(
        "q = [[0.9, 0.1], [0.2, 0.8]]. The other image gives the first code 0.1, the second 0.2: "
        "(log(0.9 / 0.1) + log(0.8 / 0.2)) / 2 = 1.792 nats"
    ),
)
def others_only(log_q):
    n = len(log_q)
    others = log_q.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
    mixture = torch.logsumexp(others, dim=1) - math.log(n - 1)
    return (log_q.diagonal() - mixture).mean()


@information.right
def row_by_row(log_q):
    n, total = len(log_q), 0.0
    for i in range(n):
        others = torch.cat([log_q[i, :i], log_q[i, i + 1 :]]) - log_q[i, i]
        total -= float(torch.logsumexp(others, dim=0)) - math.log(n - 1)
    return torch.tensor(total / n)


@information.twist(
    "The table lies the other way: a row is an image x_i, a column is a code z_j.",
    entry="[i, j] is log q(z_j | x_i)",
    code="j",
    mean="the mean over i",
    mixture="the average of all N posteriors, that of image i included",
    by_hand=(
        "q = [[0.9, 0.1], [0.2, 0.8]]. The codes have 0.9 and 0.8 under their own image, (0.9 + "
        "0.2) / 2 = 0.55 and (0.1 + 0.8) / 2 = 0.45 on average: (log(0.9 / 0.55) + log(0.8 / "
        "0.45)) / 2 = 0.534 nats"
    ),
)
def columns(log_q):
    mixture = torch.logsumexp(log_q, dim=0) - math.log(len(log_q))
    return (log_q.diagonal() - mixture).mean()


@information.right
def by_softmax(log_q):
    return log_q.mT.softmax(dim=1).diagonal().log().mean() + math.log(len(log_q))


@information.twist(
    "Images differ in frequency: image i has p_i in proportion to i + 1 (1, 2, .., N).",
    mean="the p-weighted sum",
    mixture="the average of all N posteriors with these weights, sum_j p_j q(z | x_j)",
    by_hand=(
        "q = [[0.9, 0.1], [0.2, 0.8]] with p = [1/3, 2/3]. q(z) is 0.9/3 + 0.2/3 = 0.367 at the "
        "first code and 0.2/3 + 1.6/3 = 0.6 at the second: 1/3 * log(0.9 / 0.367) + 2/3 * log(0.8 "
        "/ 0.6) = 0.491 nats"
    ),
)
def uneven(log_q):
    p = torch.arange(1, len(log_q) + 1, dtype=log_q.dtype)
    p = p / p.sum()
    mixture = torch.logsumexp(log_q + p.log(), dim=1)
    return (p * (log_q.diagonal() - mixture)).sum()


@information.right
def with_copies(log_q):
    """Image i stands there i + 1 times."""
    which = torch.arange(len(log_q)).repeat_interleave(torch.arange(1, len(log_q) + 1))
    own, rows = log_q.diagonal()[which], log_q[which][:, which]
    return (own - torch.logsumexp(rows, dim=1)).mean() + math.log(len(which))


information.trials("two images")(lambda rng: [draw_trial(2, 1.0, 0.5, rng)])
information.trials("more images")(
    lambda rng: [draw_trial(6, 0.7, 2.0, rng), draw_trial(3, 1.0, 0.0, rng)]
)
information.trials("very small densities")(lambda rng: [draw_trial(5, 1.0, -1000.0, rng)])
