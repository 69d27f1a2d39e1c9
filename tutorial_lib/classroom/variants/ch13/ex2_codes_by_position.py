"""Variants of exercise 13.2: priors in which some positions are drawn together."""

from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.trials import Trial

codes_by_position = Variants(
    ch13.codes_by_position,
    asked="Draw fields of which parts look as in training and know nothing of each other.",
    pick=(
        "(B, h, w) torch.long, drawn from 0 .. N-1: which training field to ask. Not all picks "
        "are needed"
    ),
    returns=(
        "(B, h, w) torch.long: at each position the code that the asked training field has at "
        "this very position, where {question}"
    ),
    by_hand=(
        "train_codes = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]] are two fields of two rows. pick = "
        "[[[1, 0], [0, 1]]] gives {result}"
    ),
    examples=(
        "codes_by_position(torch.arange(12).view(2, 2, 3), torch.tensor([[[1, 0, 0], [0, 1, 1]]]))",
        "codes_by_position(torch.arange(18).view(3, 2, 3), torch.tensor([[[2, 1, 0], [0, 1, 2]]]))",
    ),
)

HAND_PICK = [[1, 0], [0, 1]]
HAND = torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])


def _twist(says: str, asked: str, source: Callable):
    """source: (row, column) -> the position whose pick decides."""

    def result(right):
        return right(HAND, torch.tensor([HAND_PICK])).tolist()

    @codes_by_position.twist(says, question=asked, result=result)
    def right(train_codes, pick):
        _, height, width = pick.shape
        drawn = torch.empty_like(pick)
        for row in range(height):
            for column in range(width):
                chosen = pick[(slice(None), *source(row, column))]
                drawn[:, row, column] = train_codes[chosen, row, column]
        return drawn

    @codes_by_position.right
    def by_gathering(train_codes, pick):
        _, height, width = pick.shape
        places = [source(r, c) for r in range(height) for c in range(width)]
        rows, columns = torch.tensor(places).unbind(dim=1)
        return train_codes.gather(0, pick[:, rows, columns].view(pick.shape))


_twist(
    "Rows are drawn whole: the pick at the left end of a row counts for all of the row.",
    ("each row asks the field that is picked at its left end"),
    lambda row, column: (row, 0),
)
_twist(
    "Columns are drawn whole: the pick at the top of a column counts for all of the column.",
    ("each column asks the field that is picked at its top"),
    lambda row, column: (0, column),
)
_twist(
    "Blocks of 2x2 codes are drawn whole: the pick in the upper left corner counts for all 4.",
    ("the blocks begin at even rows and columns; at the right and lower edge they may be cut off"),
    lambda row, column: (row // 2 * 2, column // 2 * 2),
)


def _trial(n: int, batch: int, shape: tuple[int, int], rng: torch.Generator) -> Trial:
    codes = torch.randint(100, 200, (n, *shape), generator=rng)
    return Trial((codes, torch.randint(n, (batch, *shape), generator=rng)))


codes_by_position.trials("fields of 2x2")(lambda rng: [_trial(8, 6, (2, 2), rng)])
codes_by_position.trials("one field of several rows and columns")(
    lambda rng: [_trial(10, 1, (4, 4), rng)]
)
codes_by_position.trials("more new fields than training fields")(
    lambda rng: [_trial(7, 12, (3, 5), rng)]
)
