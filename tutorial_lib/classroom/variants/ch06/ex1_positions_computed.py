"""Variants of exercise 6.1: other ways to crop."""

from itertools import product

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

positions_computed = Variants(
    ch06.positions_computed,
    returns=(
        "three whole numbers: naive (each draw computes all positions), cropped (each draw "
        "computes {cropped}), cached (each draw computes the one position of its pixel)"
    ),
    examples=("positions_computed(4, 3)", "positions_computed(5, 2, 3)"),
)


def _twist(says: str, words: dict[str, str], total, computed):
    """total(height, width) is the sum over the pixels of computed(row, column, height, width)."""

    @positions_computed.twist(says, **words)
    def right(height, width, n_colors=1):
        draws = height * width * n_colors
        return draws * height * width, n_colors * total(height, width), draws

    @positions_computed.right
    def by_counting(height, width, n_colors=1):
        naive = cropped = cached = 0
        for row, column, _ in product(range(height), range(width), range(n_colors)):
            naive += height * width
            cropped += computed(row, column, height, width)
            cached += 1
        return naive, cropped, cached


def _last_rows(n_rows: int):
    _twist(
        f"The layer needs no more than {n_rows} rows to see all it can see: cropped means the last "
        f"{n_rows} rows, the own one included, or fewer at the top of the image.",
        {
            "cropped": f"at most {n_rows} rows in full",
            "by_hand": "4 rows of 3 pixels, one colour, so 12 draws. naive 12 * 12 = 144; cropped "
            + {
                2: "3 * 3 + 9 * 6 = 63",
                3: "3 * 3 + 3 * 6 + 6 * 9 = 81",
            }[n_rows]
            + "; cached 12",
        },
        lambda height, width: sum(width * width * min(row, n_rows) for row in range(1, height + 1)),
        lambda row, column, height, width: (row - max(0, row - n_rows + 1) + 1) * width,
    )


_last_rows(2)
_last_rows(3)

_twist(
    "Cropped means the pixels so far, in raster order: all rows above in full, and the own row "
    "up to the own pixel, this one included.",
    {
        "cropped": "the pixels up to its own",
        "by_hand": (
            "2 rows of 3 pixels, one colour, so 6 draws.\n"
            "naive 6 * 6 = 36; cropped 1 + 2 + 3 + 4 + 5 + 6 = 21; cached 6"
        ),
    },
    lambda height, width: height * width * (height * width + 1) // 2,
    lambda row, column, height, width: row * width + column + 1,
)

_twist(
    "Images are drawn column by column, and cropped means the columns so far, the own one "
    "included, in full.",
    {
        "cropped": "the columns so far in full",
        "by_hand": (
            "2 rows of 3 pixels, one colour, so 6 draws.\n"
            "naive 6 * 6 = 36; cropped 2 * 2 + 2 * 4 + 2 * 6 = 24; cached 6"
        ),
    },
    lambda height, width: height * height * width * (width + 1) // 2,
    lambda row, column, height, width: (column + 1) * height,
)


def _trials(sizes, colors: tuple[int, ...]) -> list[Trial]:
    return [Trial((height, width, n)) for height, width in sizes for n in colors]


positions_computed.trials("small images of one colour")(
    lambda _: _trials([(2, 2), (4, 3), (5, 2)], (1,))
)


@positions_computed.trials("larger images")
def large(rng):
    height, width = torch.randint(9, 40, (2,), generator=rng).tolist()
    return _trials([(height, width), (width + 1, height)], (1,))


positions_computed.trials("two and three colours")(lambda _: _trials([(2, 2), (4, 7)], (2, 3)))
