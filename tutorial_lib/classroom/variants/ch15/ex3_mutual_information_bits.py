"""Variants of exercise 15.3: position by position, as a share, and what is left open."""

import math
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch15
from tutorial_lib.exercises.trials import Trial

mutual_information_bits = Variants(
    ch15.mutual_information_bits,
    explained="The information I is the sum over pairs (k, y) of p(k, y) log2( p(k, y) / (p(k) "
    "p(y)) ), where p are the shares among {pairs}. A pair that never occurs adds nothing.",
    labels="(N,) torch.long from 0, at least two different ones: every code of signal n is paired "
    "with labels[n]",
    returns="one number{returned}",
    examples=(
        "mutual_information_bits(torch.tensor([[0, 1], [1, 0]]), torch.tensor([0, 1]))",
        "mutual_information_bits(torch.tensor([[0, 2], [1, 2], [1, 0], [1, 1], [0, 0]]), "
        "torch.tensor([0, 1, 2, 2, 0]))",
    ),
)


def _entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum() / math.log(2)


def _entropies(codes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of code, of label, of both, in bits."""
    n_labels = int(labels.max()) + 1
    every_label = labels.view(-1, *[1] * (codes.ndim - 1)).expand_as(codes)
    pairs = (codes * n_labels + every_label).flatten()
    joint = torch.bincount(pairs, minlength=(int(codes.max()) + 1) * n_labels).double()
    joint = joint.view(-1, n_labels) / pairs.numel()
    return _entropy(joint.sum(dim=1)), _entropy(joint.sum(dim=0)), _entropy(joint)


def _entropy_of(values) -> float:
    counts = Counter(values)
    total = sum(counts.values())
    return sum(c / total * math.log2(total / c) for c in counts.values())


def _pairs(codes: Tensor, labels: Tensor) -> list[tuple[int, int]]:
    fields = codes.flatten(1).tolist()
    return [(k, y) for field, y in zip(fields, labels.tolist(), strict=True) for k in field]


def _counted(measure: Callable) -> Callable:
    """measure: entropies of code, of label, of both -> number; with plain counting."""

    def right(codes, labels):
        pairs = _pairs(codes, labels)
        code, label = zip(*pairs, strict=True)
        value = measure(_entropy_of(code), _entropy_of(label), _entropy_of(pairs))
        return torch.tensor(value, dtype=torch.float64)

    return right


counted = _counted(lambda code, label, both: code + label - both)


@mutual_information_bits.twist(
    "Every position has shares p of its own; asked is the mean of its I over the positions.",
    asked="How many bits a code whose position is known tells about the signal's label.",
    pairs="the N pairs of one position",
    returned=" in bits",
    by_hand=(
        "codes [[0, 1], [1, 0]] with labels [0, 1]. At either position the code names the "
        "label: 1 bit each, so 1. (All four pairs together would give 0.)"
    ),
)
def by_position(codes, labels):
    values = []
    for each in codes.flatten(1).T:
        code, label, both = _entropies(each, labels)
        values.append(code + label - both)
    return torch.stack(values).mean()


@mutual_information_bits.right
def counted_by_position(codes, labels):
    columns = codes.flatten(1).split(1, dim=1)
    return sum(counted(column, labels) for column in columns) / len(columns)


@mutual_information_bits.twist(
    "Asked is I as a share of the entropy of the label, which is the most that I can be.",
    asked="Which share of what there is to know about the label one code tells.",
    pairs="all pairs, whatever the position",
    returned=", 0 to 1: I divided by H(label) = -sum over y of p(y) log2 p(y)",
    by_hand=(
        "codes [[0], [1], [1], [1]] with labels [0, 1, 2, 2]. H(label) is 1.5 bits, I is 1/4 "
        "log2 4 + 1/4 log2(4/3) + 1/2 log2(4/3) = 0.811 bits, and the share 0.541"
    ),
)
def share(codes, labels):
    code, label, both = _entropies(codes, labels)
    return (code + label - both) / label


mutual_information_bits.right(_counted(lambda code, label, both: 1 - (both - code) / label))


@mutual_information_bits.twist(
    "Asked is what the code leaves open: the entropy of the label, less I.",
    asked="How many bits about the label are still missing once a code is known.",
    pairs="all pairs, whatever the position",
    returned=" in bits: H(label) - I, where H(label) = -sum over y of p(y) log2 p(y)",
    by_hand=(
        "codes [[0], [1], [1], [1]] with labels [0, 1, 2, 2]. H(label) is 1.5 bits, I is 1/4 "
        "log2 4 + 1/4 log2(4/3) + 1/2 log2(4/3) = 0.811 bits, and 0.689 are missing"
    ),
)
def left_open(codes, labels):
    code, _, both = _entropies(codes, labels)
    return both - code


mutual_information_bits.right(_counted(lambda code, label, both: label - (code + label - both)))


def _trial(n: int, shape: tuple[int, ...], n_labels: int, rng: torch.Generator) -> Trial:
    """Codes that lean towards their label and towards their position, some pairs never."""
    labels = torch.cat([torch.arange(n_labels), torch.randint(n_labels, (n,), generator=rng)])
    lean = labels[:, None] + torch.arange(math.prod(shape)) % 2
    codes = lean + torch.randint(3, lean.shape, generator=rng) ** 2 // 2
    return Trial((codes.view(len(labels), *shape), labels))


mutual_information_bits.trials("two codes a signal")(lambda rng: [_trial(6, (2,), 3, rng)])
mutual_information_bits.trials("lines of codes that lean towards a label")(
    lambda rng: [_trial(20, (5,), 3, rng)]
)
mutual_information_bits.trials("fields of two and three axes")(
    lambda rng: [_trial(20, (2, 3), 4, rng), _trial(15, (2, 2, 3), 3, rng)]
)
