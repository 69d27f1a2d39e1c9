"""Variants of exercise 6.1: other ways to crop."""

from itertools import product

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

positions_computed = Variants(
    ch06.positions_computed,
    returns=(
        "(3, height, width) torch.long, three maps in this order: naive (each draw computes all "
        "positions), cropped (each draw computes {cropped}), cached (each draw computes the "
        "position of its pixel)"
    ),
    examples=("positions_computed(4, 3)", "positions_computed(5, 2, 3)"),
)


def _twist(says: str, words: dict[str, str], cropped, computes):
    """cropped(height, width) is the map; computes(row, column, height, width) what a draw adds."""

    @positions_computed.twist(says, **words)
    def right(height, width, n_colors=1):
        naive = torch.full((height, width), height * width)
        return n_colors * torch.stack([naive, cropped(height, width), torch.ones_like(naive)])

    @positions_computed.right
    def by_counting(height, width, n_colors=1):
        times = torch.zeros(3, height, width, dtype=torch.long)
        for row, column, _ in product(range(height), range(width), range(n_colors)):
            times[0] += 1
            for place in computes(row, column, height, width):
                times[(1, *place)] += 1
            times[2, row, column] += 1
        return times


def _last_rows(n_rows: int):
    def cropped(height, width):
        below = torch.arange(height - 1, -1, -1).clamp(max=n_rows - 1)
        return ((below + 1) * width)[:, None].expand(height, width)

    _twist(
        f"The layer needs no more than {n_rows} rows to see all it can see: cropped means the last "
        f"{n_rows} rows, the own one included, or fewer at the top of the image.",
        {
            "cropped": f"at most {n_rows} rows in full",
            "by_hand": "4 rows of 3 pixels, one colour: naive is 12 everywhere; cropped is, row by "
            "row, " + {2: "6, 6, 6 and 3", 3: "9, 9, 6 and 3"}[n_rows] + "; cached is 1 everywhere",
        },
        cropped,
        lambda row, column, height, width: product(
            range(max(0, row - n_rows + 1), row + 1), range(width)
        ),
    )


_last_rows(2)
_last_rows(3)

_twist(
    "Cropped means the pixels so far, in raster order: all rows above in full, and the own row "
    "up to the own pixel, this one included.",
    {
        "cropped": "the pixels up to its own",
        "by_hand": (
            "2 rows of 3 pixels, one colour: naive is 6 everywhere; cropped is 6, 5, 4 in the "
            "first row and 3, 2, 1 in the second; cached is 1 everywhere"
        ),
    },
    lambda height, width: torch.arange(height * width, 0, -1).view(height, width),
    lambda row, column, height, width: (
        divmod(place, width) for place in range(row * width + column + 1)
    ),
)

_twist(
    "Images are drawn column by column, and cropped means the columns so far, the own one "
    "included, in full.",
    {
        "cropped": "the columns so far in full",
        "by_hand": (
            "2 rows of 3 pixels, one colour: naive is 6 everywhere; cropped is 6, 4 and 2 in the "
            "three columns; cached is 1 everywhere"
        ),
    },
    lambda height, width: (torch.arange(width, 0, -1) * height).expand(height, width),
    lambda row, column, height, width: product(range(height), range(column + 1)),
)


def _trials(sizes, colors: tuple[int, ...]) -> list[Trial]:
    return [Trial((height, width, n)) for height, width in sizes for n in colors]


positions_computed.trials("small images of one colour")(
    lambda _: _trials([(2, 2), (4, 3), (5, 2)], (1,))
)


@positions_computed.trials("larger images")
def large(rng):
    height, width = torch.randint(9, 16, (2,), generator=rng).tolist()
    return _trials([(height, width), (width + 1, height)], (1,))


positions_computed.trials("two and three colours")(lambda _: _trials([(4, 3), (4, 7)], (2, 3)))
