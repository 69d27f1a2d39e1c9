"""Variants of exercise 11.6: other counts in the simplest learned prior."""

import math
from collections import Counter

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch11
from tutorial_lib.exercises.trials import Trial

GIVEN = "torch.tensor([[[0, 0, 1]], [[0, 2, 1]]]), torch.tensor([[[0, 2, 2]]])"
unigram_bits = Variants(
    ch11.unigram_bits,
    train_codes=(
        "(N, h, w) torch.long: p is counted on these, every count {more} larger than it is, so "
        "that a code without a use keeps some probability"
    ),
    returns="one number: bits per code{and_more}",
    examples=(f"unigram_bits({GIVEN}, 3)", f"unigram_bits({GIVEN}, 5)"),
)


def _pseudo_count(alpha: float, more: str, by_hand: str):
    @unigram_bits.twist(
        f"Every count is taken {more} larger than it is, not one.",
        more=more,
        and_more="",
        by_hand=by_hand,
    )
    def right(train_codes, held_out_codes, n_codes):
        counts = torch.bincount(train_codes.flatten(), minlength=n_codes).double() + alpha
        return -(counts / counts.sum()).log2()[held_out_codes].mean()

    @unigram_bits.right
    def one_by_one(train_codes, held_out_codes, n_codes):
        counts = Counter(train_codes.flatten().tolist())
        total = train_codes.numel() + alpha * n_codes
        held_out = held_out_codes.flatten().tolist()
        bits = [math.log2(total / (counts[k] + alpha)) for k in held_out]
        return torch.tensor(bits).mean()


_pseudo_count(
    0.5,
    "1/2",
    (
        "training codes 0 0 1 and K = 3 give the counts 2 1 0, 1/2 more each 2.5 1.5 0.5, so p = "
        "2.5/4.5, 1.5/4.5, 0.5/4.5. The held-out codes 0 2 cost 0.848 and 3.170 bits: 2.009 on "
        "average"
    ),
)
_pseudo_count(
    2.0,
    "two",
    (
        "training codes 0 0 1 and K = 3 give the counts 2 1 0, two more each 4 3 2, so p = 4/9, "
        "3/9, 2/9. The held-out codes 0 2 cost 1.170 and 2.170 bits: 1.670 on average"
    ),
)


@unigram_bits.twist(
    "Each of the h * w positions has counts, and so a p(z), of its own.",
    more="one",
    and_more="",
    by_hand=(
        "K = 3, training fields [[0, 1]] and [[0, 2]]. On the left the counts are 2 0 0, one more "
        "each 3 1 1 of 5; on the right 0 1 1, so 1 2 2 of 5. The held-out field [[0, 0]] costs "
        "log2(5/3) = 0.737 and log2 5 = 2.322: 1.529 on average"
    ),
)
def by_position(train_codes, held_out_codes, n_codes):
    one_hot = torch.nn.functional.one_hot(train_codes, n_codes)
    counts = one_hot.sum(dim=0).double() + 1
    bits = -(counts / counts.sum(dim=-1, keepdim=True)).log2()
    return bits.expand(len(held_out_codes), *bits.shape).gather(3, held_out_codes[..., None]).mean()


@unigram_bits.right
def position_by_position(train_codes, held_out_codes, n_codes):
    train, held_out = train_codes.flatten(1), held_out_codes.flatten(1)
    total = 0.0
    for place in range(train.shape[1]):
        counts = Counter(train[:, place].tolist())
        for k in held_out[:, place].tolist():
            total += math.log2((len(train) + n_codes) / (counts[k] + 1))
    return torch.tensor(total / held_out.numel())


@unigram_bits.twist(
    "The prior goes on learning: each held-out code is counted once it has been paid for.",
    more="one",
    and_more=(". The codes are paid for field by field, in raster order"),
    by_hand=(
        "training codes 0 0 1 and K = 3: the counts, one more each, are 3 2 1. The held-out codes "
        "2 2: the first costs log2(6/1) = 2.585 bits. Then the counts are 3 2 2, and the second "
        "costs log2(7/2) = 1.807: 2.196 on average"
    ),
)
def adaptive(train_codes, held_out_codes, n_codes):
    counts = torch.bincount(train_codes.flatten(), minlength=n_codes).double() + 1
    bits = []
    for k in held_out_codes.flatten():
        bits.append(-(counts[k] / counts.sum()).log2())
        counts[k] += 1
    return torch.stack(bits).mean()


@unigram_bits.right
def by_gammas(train_codes, held_out_codes, n_codes):
    """The order does not matter: rising factorials of the counts over that of their sum."""
    before = torch.bincount(train_codes.flatten(), minlength=n_codes).double() + 1
    after = before + torch.bincount(held_out_codes.flatten(), minlength=n_codes)
    nats = torch.lgamma(after.sum()) - torch.lgamma(before.sum())
    nats = nats - (torch.lgamma(after) - torch.lgamma(before)).sum()
    return nats / held_out_codes.numel() / math.log(2)


def _codes(n: int, n_codes: int, power: float, rng: torch.Generator) -> Tensor:
    """Fields (n, 2, 3): low numbers are frequent on the left, others on the right."""
    uniforms = torch.rand(n, 2, 3, generator=rng, dtype=torch.float64)
    return ((n_codes * uniforms**power).long() + torch.arange(3)) % n_codes


def _trial(n_train: int, n_held_out: int, n_codes: int, rng: torch.Generator) -> Trial:
    train, held_out = (_codes(n, n_codes, 2.0, rng) for n in (n_train, n_held_out))
    return Trial((train, held_out, n_codes))


unigram_bits.trials("more training codes")(lambda rng: [_trial(40, 30, 4, rng)])
unigram_bits.trials("few training codes")(lambda rng: [_trial(6, 6, 5, rng)])


@unigram_bits.trials("held-out codes that training never used")
def unseen(rng):
    train = _codes(12, 40, 3.0, rng) * 2 // 3
    held_out = _codes(9, 40, 1.5, rng)
    held_out[0, 0, 0] = 39
    return [Trial((train, held_out, 40))]
