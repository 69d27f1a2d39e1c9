"""Exercise 6.1: how much work each way of sampling is."""

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise, says
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


COLOURS_LEFT_OUT = "The colours are left out: each sub-pixel is a draw of its own, and a pass."
BY_ROWS = (
    "You count one pass a row. Every pixel must know its left neighbour, so each draw needs a pass."
)
PIXEL = (
    "Row-cropped sampling cuts between rows: the present row is computed in full, not up to the "
    "pixel."
)
HALF = (
    "Row-cropped is a little more than half of naive: the row being drawn counts too, so a draw "
    "computes (height + 1) / 2 rows on average, not height / 2, and the average is not rounded."
)
SQUARE = "The height stands where the width belongs, or the other way: the image is not square."
CACHED = "With the cache each draw, of each sub-pixel, computes one position."
ORDER = "The three numbers are in another order: naive, row-cropped, cached."


def _but(height, width, n_colors, *, naive=None, row_cropped=None, cached=None):
    """The right counts, with some in their place."""
    right = reference(height, width, n_colors)
    given = naive, row_cropped, cached
    return tuple(r if g is None else g for r, g in zip(right, given, strict=True))


@positions_computed.mistakes
class Mistakes:
    def without_the_own_row(height, width, n_colors=1):
        """The rows so far leave out the row that is being drawn. Its pixels to the left are read,
        so it has to be computed too."""
        naive, _, cached = reference(height, width, n_colors)
        return naive, sum(width * n_colors * rows * width for rows in range(height)), cached

    @says(PIXEL)
    def cut_at_the_pixel(height, width, n_colors=1):
        naive, _, cached = reference(height, width, n_colors)
        pixels = height * width
        return naive, n_colors * pixels * (pixels + 1) // 2, cached

    @says(HALF)
    def exactly_half(height, width, n_colors=1):
        naive, _, cached = reference(height, width, n_colors)
        return naive, naive // 2, cached

    @says(COLOURS_LEFT_OUT)
    def colours_left_out(height, width, n_colors=1):
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

    @says(BY_ROWS)
    def one_pass_a_row(height, width, n_colors=1):
        naive, row_cropped, cached = reference(height, width, n_colors)
        draws = width * n_colors
        return naive // draws, row_cropped // draws, cached

    @says(SQUARE)
    def square_images(height, width, n_colors=1):
        return reference(height, height, n_colors)

    @says(CACHED)
    def a_whole_row_for_each_draw(height, width, n_colors=1):
        naive, row_cropped, cached = reference(height, width, n_colors)
        return naive, row_cropped, cached * width

    def one_pass_for_the_image(height, width, n_colors=1):
        """That is a single pass over the image. It is what training needs; sampling needs a pass
        for each draw."""
        return height * width, height * width, height * width

    @says(COLOURS_LEFT_OUT)
    def colours_left_out_of_the_cache(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=height * width)

    @says(COLOURS_LEFT_OUT)
    def colours_left_out_of_the_rows(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=reference(height, width)[1])

    @says(COLOURS_LEFT_OUT)
    def colours_in_naive_alone(height, width, n_colors=1):
        return (reference(height, width, n_colors)[0], *reference(height, width)[1:])

    @says(COLOURS_LEFT_OUT)
    def colours_in_the_cache_alone(height, width, n_colors=1):
        return (*reference(height, width)[:2], height * width * n_colors)

    @says(PIXEL)
    def cut_before_the_pixel(height, width, n_colors=1):
        return _but(
            height,
            width,
            n_colors,
            row_cropped=n_colors * height * width * (height * width - 1) // 2,
        )

    @says(HALF)
    def half_and_a_fraction(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=reference(height, width, n_colors)[0] / 2)

    @says(HALF)
    def rows_on_average_rounded(height, width, n_colors=1):
        return _but(
            height, width, n_colors, row_cropped=n_colors * height * width**2 * ((height + 1) // 2)
        )

    @says(BY_ROWS)
    def row_cropped_one_pass_a_row(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=width * height * (height + 1) // 2)

    @says(BY_ROWS)
    def row_cropped_one_pass_a_row_and_colour(height, width, n_colors=1):
        return _but(
            height, width, n_colors, row_cropped=n_colors * width * height * (height + 1) // 2
        )

    def own_row_alone(height, width, n_colors=1):
        """Row-cropped is counted as if a draw computed its own row alone. The rows above are
        computed too: nothing is kept."""
        return _but(height, width, n_colors, row_cropped=n_colors * height * width**2)

    @says(SQUARE)
    def width_for_height(height, width, n_colors=1):
        return reference(width, width, n_colors)

    @says(SQUARE)
    def columns_for_rows(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=reference(width, height, n_colors)[1])

    @says(SQUARE)
    def a_width_missing_in_the_rows(height, width, n_colors=1):
        return _but(
            height,
            width,
            n_colors,
            row_cropped=n_colors * width * height * height * (height + 1) // 2,
        )

    def naive_one_position_a_draw(height, width, n_colors=1):
        """Naive is counted as one position a draw. Each draw computes all positions of the
        image."""
        return _but(height, width, n_colors, naive=height * width * n_colors)

    @says(CACHED)
    def cached_once_a_row(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=height)

    @says(CACHED)
    def cached_in_all_once(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=1)

    @says(CACHED)
    def cached_twice(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=height * width * (n_colors + 1))

    @says(ORDER)
    def backwards(height, width, n_colors=1):
        return reference(height, width, n_colors)[::-1]

    @says(ORDER)
    def first_two_exchanged(height, width, n_colors=1):
        return tuple(reference(height, width, n_colors)[i] for i in (1, 0, 2))

    @says(ORDER)
    def last_two_exchanged(height, width, n_colors=1):
        return tuple(reference(height, width, n_colors)[i] for i in (0, 2, 1))

    def of_a_single_draw(height, width, n_colors=1):
        """This is what a single draw computes. An image takes height * width * n_colors draws."""
        return height * width, height * width, 1

    def a_row_too_many(height, width, n_colors=1):
        """A row too many is counted: while row i is drawn, i rows are computed, from 1 to
        height."""
        rows = range(1, height + 2)
        return _but(height, width, n_colors, row_cropped=sum(n_colors * width**2 * n for n in rows))

    def naive_and_cached_alone(height, width, n_colors=1):
        """One of the three numbers is missing: naive, row-cropped, cached."""
        return reference(height, width, n_colors)[::2]

    def first_two_alone(height, width, n_colors=1):
        """The last of the three numbers is missing: what is computed with the cache."""
        return reference(height, width, n_colors)[:2]


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
