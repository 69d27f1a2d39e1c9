"""Exercise 6.1: how much work each way of sampling is."""

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def reference(height: int, width: int, n_colors: int = 1) -> tuple[int, int, int]:
    """At how many positions a layer is computed for one image: naive, row-cropped, cached.

    A pass is needed for each sub-pixel. Naive: a pass over all pixels. Row-cropped: a pass over the
    rows so far, the present one included. Cached: one position.
    """
    draws_in_a_row = width * n_colors
    naive = height * draws_in_a_row * height * width
    row_cropped = sum(draws_in_a_row * rows * width for rows in range(1, height + 1))
    return naive, row_cropped, height * draws_in_a_row


positions_computed = Exercise(
    "6.1",
    "Count the work",
    goal="Count the positions that a layer computes while an image is sampled, in three ways.",
    minutes=10,
    reference=reference,
    otherwise="The number of positions is another one.",
    parts="three numbers: naive, row-cropped, cached",
    stub='''\
def positions_computed(height: int, width: int, n_colors: int = 1) -> tuple[int, int, int]:
    """At how many positions a layer is computed while one image is sampled.

    height, width  of the image, in pixels: a layer has one position for each pixel
    n_colors       sub-pixels of a pixel; each is a draw of its own
    returns        three whole numbers: naive, row-cropped (cut between rows: the row that is drawn
                   is computed in full), cached

    By hand: 2 rows of 3 pixels, one colour: naive 36, row-cropped 27, cached 6
    """
    ____
''',
    answer="""\
def positions_computed(height, width, n_colors=1):
    naive = row_cropped = cached = 0
    for row in range(height):
        for _ in range(width * n_colors):  # the draws of a row
            naive += height * width
            row_cropped += (row + 1) * width  # the rows so far, the own one included
            cached += 1
    return naive, row_cropped, cached
""",
    hints=(
        """Count in two steps: how many draws are there, and how many positions does each of them
        compute? For row-cropped sampling the second number differs from row to row.""",
        """`sum(... for rows in range(1, height + 1))` adds up over the rows of the image: a row
        holds `width * n_colors` draws, and while it is drawn `rows * width` positions are
        computed each time.""",
        """If square images are right and others are not, a height stands where a width belongs.
        If one colour is right and three are not: colours make more draws, not more positions.""",
    ),
)

METHODS = ("naive", "row-cropped", "cached")


def _trials(sizes, colors) -> list[Trial]:
    return [Trial((height, width, c)) for height, width in sizes for c in colors]


@positions_computed.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    height, width, n_colors = trial.args
    colors = "1 colour" if n_colors == 1 else f"{n_colors} colours"
    lines = [f"{height} rows of {width} pixels, {colors}: {height * width * n_colors} draws."]
    for name, mine, theirs in zip(METHODS, got.tolist(), want.tolist(), strict=True):
        lines.append(f"{name}: {theirs:.0f} positions; your function says {number(mine)}.")
    return "\n".join(lines)


positions_computed.trials("square images of one colour")(
    lambda rng: _trials([(2, 2), (3, 3), (8, 8)], (1,))
)


@positions_computed.trials("images that are not square")
def sides(rng):
    height, width = torch.randint(9, 40, (2,), generator=rng).tolist()
    return _trials([(2, 3), (5, 2), (height, width)], (1,))


positions_computed.trials("two and three colours")(lambda rng: _trials([(2, 2), (4, 7)], (2, 3)))
positions_computed.also_try(lambda rng: _trials([(2, 3), (3, 3), (5, 4)], (1, 3)))


@positions_computed.mistakes
class Mistakes:
    def without_the_own_row(height, width, n_colors=1):
        """The rows so far leave out the row that is being drawn. Its pixels to the left are read,
        so it has to be computed too."""
        naive, _, cached = reference(height, width, n_colors)
        return naive, sum(width * n_colors * rows * width for rows in range(height)), cached

    def cut_at_the_pixel(height, width, n_colors=1):
        """Row-cropped sampling cuts between rows: the present row is computed in full, not up to
        the pixel."""
        naive, _, cached = reference(height, width, n_colors)
        pixels = height * width
        return naive, n_colors * pixels * (pixels + 1) // 2, cached

    def exactly_half(height, width, n_colors=1):
        """Row-cropped is a little more than half of naive: the row being drawn counts too, so a
        draw computes (height + 1) / 2 rows on average, not height / 2."""
        naive, _, cached = reference(height, width, n_colors)
        return naive, naive // 2, cached

    def colours_left_out(height, width, n_colors=1):
        """The colours are left out: each sub-pixel is a draw of its own, and each draw is a
        pass."""
        return reference(height, width)

    def colours_as_positions(height, width, n_colors=1):
        """Colours are counted twice. They make more draws, but a layer has one position a pixel,
        whatever the colours."""
        return tuple(n_colors * count for count in reference(height, width, n_colors))

    def draws_times_draws(height, width, n_colors=1):
        """Naive is not draws times draws. Colours make more draws, but each draw computes H * W
        positions: a layer has one position a pixel."""
        naive, row_cropped, cached = reference(height, width, n_colors)
        return n_colors * naive, row_cropped, cached

    def rows_as_wide_as_their_draws(height, width, n_colors=1):
        """Colours make more draws, and not wider rows: a row has W positions, whatever the
        colours."""
        naive, row_cropped, cached = reference(height, width, n_colors)
        return n_colors * naive, n_colors * row_cropped, cached

    def one_pass_a_row(height, width, n_colors=1):
        """You count one pass a row. Every pixel must know its left neighbour, so each draw needs a
        pass."""
        naive, row_cropped, cached = reference(height, width, n_colors)
        draws = width * n_colors
        return naive // draws, row_cropped // draws, cached

    def square_images(height, width, n_colors=1):
        """The height stands where the width belongs: the image is not square."""
        return reference(height, height, n_colors)

    def a_whole_row_for_each_draw(height, width, n_colors=1):
        """With the cache a draw computes one position; you count a whole row for each."""
        naive, row_cropped, cached = reference(height, width, n_colors)
        return naive, row_cropped, cached * width

    def one_pass_for_the_image(height, width, n_colors=1):
        """That is a single pass over the image. It is what training needs; sampling needs a pass
        for each draw."""
        return height * width, height * width, height * width


@positions_computed.right
def by_triangle_numbers(height, width, n_colors=1):
    draws = height * width * n_colors
    return draws * height * width, draws * width * (height + 1) // 2, draws


@positions_computed.right
def by_counting(height, width, n_colors=1):
    naive = row_cropped = cached = 0
    for row in range(height):
        for _ in range(width * n_colors):
            naive += height * width
            row_cropped += (row + 1) * width
            cached += 1
    return naive, row_cropped, cached


@positions_computed.right
def by_arrays(height, width, n_colors=1):
    rows = np.arange(1, height + 1)
    per_row = np.array([height, 0, 0]) + np.outer(rows, [0, 1, 0])
    naive, row_cropped, _ = (per_row * width).sum(axis=0) * width * n_colors
    return naive, row_cropped, np.int64(height * width * n_colors)
