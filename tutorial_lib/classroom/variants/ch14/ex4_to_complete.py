"""Variants of exercise 14.4: other parts that are given, other orders of the copies."""

from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch14
from tutorial_lib.exercises.ch14.ex4_to_complete import read
from tutorial_lib.exercises.trials import Trial

to_complete = Variants(
    ch14.to_complete,
    returns=(
        "known (N * n_draws, C, H, W) torch.long: {given}, -1 in all others, which stands for "
        '"draw it". {order}. labels (N * n_draws,) torch.long: the label of each of them'
    ),
    order="The copies of the first image come first, then those of the second",
    given="the levels in the upper H // 2 rows",
    by_hand=(
        "one image of one colour, 2 rows: [[7, 9], [5, 255]]; label 3; n_draws = 2. {outcome}, and "
        "labels = [3, 3]"
    ),
    examples=(
        "to_complete(torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4), torch.tensor([3]), 2)",
        "to_complete(torch.arange(32, dtype=torch.uint8).view(2, 1, 4, 4), "
        "torch.tensor([3, 5]), 2)",
    ),
)
to_complete.reads(read)


def _twist(says: str, by_hand: str, is_given: Callable, in_turns: bool = False, **words: str):
    """is_given: (row, column, height, width) -> whether it is kept."""

    def mask_of(levels):
        height, width = levels.shape[2:]
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        return is_given(rows, columns, height, width).expand(height, width)

    @to_complete.twist(says, outcome=by_hand, **words)
    def right(levels, labels, n_draws):
        index = torch.arange(len(levels))
        index = index.repeat(n_draws) if in_turns else index.repeat_interleave(n_draws)
        return torch.where(mask_of(levels), levels[index].long(), -1), labels[index]

    @to_complete.right
    def copy_by_copy(levels, labels, n_draws):
        pairs = [(image, draw) for image in range(len(levels)) for draw in range(n_draws)]
        if in_turns:
            pairs.sort(key=lambda pair: pair[1])
        known = []
        for image, _ in pairs:
            one = levels[image].long()
            one[:, ~mask_of(levels)] = -1
            known.append(one)
        return torch.stack(known), torch.stack([labels[image] for image, _ in pairs])


_twist(
    "The left half is given, not the upper one.",
    "known has [[7, -1], [5, -1]] twice",
    lambda rows, columns, height, width: columns + 0 * rows < width // 2,
    given="the levels in the left W // 2 columns",
)
_twist(
    "The images take turns: each once, then each once more.",
    "known has [[7, 9], [-1, -1]] twice",
    lambda rows, columns, height, width: rows + 0 * columns < height // 2,
    in_turns=True,
    order="All images once, then all of them again, and so on",
)
_twist(
    "A quarter is given, the upper left one.",
    "known has [[7, -1], [-1, -1]] twice",
    lambda rows, columns, height, width: (rows < height // 2) & (columns < width // 2),
    given="the levels in the upper H // 2 rows and left W // 2 columns",
)
_twist(
    "Every second row is given, beginning with the first.",
    "known has [[7, 9], [-1, -1]] twice",
    lambda rows, columns, height, width: (rows + 0 * columns) % 2 == 0,
    given="the levels in rows 0, 2, 4 and so on",
)


def _trial(n, shape, n_draws, rng) -> Trial:
    levels = torch.randint(1, 255, (n, *shape), generator=rng).to(torch.uint8)
    return Trial((levels, torch.randperm(20, generator=rng)[:n], n_draws))


to_complete.trials("a few images, two draws")(lambda rng: [_trial(2, (1, 4, 4), 2, rng)])
to_complete.trials("images in colour, several draws")(
    lambda rng: [_trial(2, (3, 6, 4), 5, rng), _trial(2, (3, 7, 5), 3, rng)]
)
to_complete.trials("several images, several draws")(
    lambda rng: [_trial(3, (3, 4, 6), 2, rng), _trial(2, (3, 5, 5), 4, rng)]
)
