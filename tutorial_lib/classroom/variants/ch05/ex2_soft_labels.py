"""Variants of exercise 5.2: other ends, other ways."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch05
from tutorial_lib.exercises.trials import Trial

soft_labels = Variants(
    ch05.soft_labels,
    asked="Vectors h on the way from one label to another.",
    first="labels, 0 .. n_classes - 1, which may be the same",
    n_steps="rows, at least 2: {rows}",
    by_hand="soft_labels(0, 2, 3, 3) is {outcome}",
    examples=("soft_labels(0, 2, 3, 3)", "soft_labels(1, 0, 5, 2)"),
)

BOTH_ENDS = "both ends and evenly spaced steps between them"


@soft_labels.twist(
    "The two ends are left out: all rows lie between the two one-hot vectors, in n_steps + 1 "
    "equal steps from end to end.",
    rows="evenly spaced points between the ends",
    outcome="[[0.75, 0, 0.25], [0.5, 0, 0.5], [0.25, 0, 0.75]]",
)
def between(first, second, n_steps, n_classes):
    one_hot = torch.eye(n_classes)
    share = torch.linspace(0, 1, n_steps + 2)[1:-1, None]
    return (1 - share) * one_hot[first] + share * one_hot[second]


@soft_labels.right
def between_again(first, second, n_steps, n_classes):
    h = torch.zeros(n_steps, n_classes, dtype=torch.float64)
    for i in range(1, n_steps + 1):
        h[i - 1, first] += 1 - i / (n_steps + 1)
        h[i - 1, second] += i / (n_steps + 1)
    return h


def _smoothed(share: float):
    low, middle, high = share / 3, (1 - share) / 2 + share / 3, 1 - share + share / 3

    @soft_labels.twist(
        f"The ends are smoothed: {1 - share:g} times the one-hot vector, plus "
        f"{share:g} / n_classes for every class.",
        rows=BOTH_ENDS,
        outcome=(
            f"[[{high:g}, {low:g}, {low:g}],\n"
            f"[{middle:g}, {low:g}, {middle:g}], [{low:g}, {low:g}, {high:g}]]"
        ),
    )
    def right(first, second, n_steps, n_classes):
        ends = (1 - share) * torch.eye(n_classes)[[first, second]] + share / n_classes
        return torch.lerp(*ends, torch.linspace(0, 1, n_steps)[:, None])

    @soft_labels.right
    def other(first, second, n_steps, n_classes):
        h = torch.full((n_steps, n_classes), share / n_classes, dtype=torch.float64)
        for i in range(n_steps):
            h[i, first] += (1 - share) * (1 - i / (n_steps - 1))
            h[i, second] += (1 - share) * i / (n_steps - 1)
        return h


_smoothed(0.15)
_smoothed(0.3)


@soft_labels.twist(
    "The way has a bend: straight from the first one-hot vector to the vector of equal "
    "entries, which is half way, and straight on to the second.",
    rows=BOTH_ENDS,
    outcome=(
        "[[1, 0, 0], [1/3, 1/3, 1/3], [0, 0, 1]], and with five rows the second is [2/3, 1/6, 1/6]"
    ),
)
def by_way_of_all(first, second, n_steps, n_classes):
    one_hot, even = torch.eye(n_classes), torch.full((n_classes,), 1 / n_classes)
    share = torch.linspace(0, 2, n_steps)[:, None]
    out = (1 - share) * one_hot[first] + share * even
    back = (2 - share) * even + (share - 1) * one_hot[second]
    return torch.where(share <= 1, out, back)


@soft_labels.right
def by_way_of_all_again(first, second, n_steps, n_classes):
    h = torch.zeros(n_steps, n_classes, dtype=torch.float64)
    for i in range(n_steps):
        far = 2 * i / (n_steps - 1) - 1  # -1 at the first end, 0 in the middle, 1 at the second
        h[i] += (1 - abs(far)) / n_classes
        h[i, first if far < 0 else second] += abs(far)
    return h


def _class(n_classes: int, rng: torch.Generator) -> int:
    return int(torch.randint(n_classes, (), generator=rng))


soft_labels.trials("three rows")(lambda rng: [Trial((0, 2, 3, 3)), Trial((4, 1, 3, 6))])


@soft_labels.trials("other numbers of rows and classes")
def _random(rng):
    sizes = ((4, 6), (9, 11), (2, 5))
    return [Trial((_class(k, rng), _class(k, rng), n, k)) for n, k in sizes]


soft_labels.trials("two classes, and from a label to itself")(
    lambda rng: [Trial((0, 1, 5, 2)), Trial((1, 1, 4, 3)), Trial((1, 0, 6, 2))]
)
