"""Exercise 6.1: how often each way of sampling computes each position."""

import numpy as np
import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def _maps(height: int, width: int, naive, row_cropped, cached) -> Tensor:
    """Three counts, each a number or a map, as (3, height, width)."""
    counts = (naive, row_cropped, cached)
    return torch.stack([torch.as_tensor(each).expand(height, width) for each in counts]).long()


def _rows_left(height: int) -> Tensor:
    """From each row on, how many rows there are, itself included: (height, 1)."""
    return torch.arange(height, 0, -1).view(-1, 1)


def reference(height: int, width: int, n_colors: int = 1) -> Tensor:
    """How often each position is computed for one image: naive, row-cropped, cached.

    A position of row i is read by the row-cropped draws of row i and of all rows below it.
    """
    in_a_row = width * n_colors
    return _maps(height, width, height * in_a_row, _rows_left(height) * in_a_row, n_colors)


positions_computed = Exercise(
    "6.1",
    "Map the work",
    goal="Find how often a layer computes each position while an image is sampled, in three ways.",
    minutes=10,
    reference=reference,
    otherwise="Some positions are computed another number of times.",
    stub='''\
def positions_computed(height: int, width: int, n_colors: int = 1) -> torch.Tensor:
    """How often a layer computes each of its positions while one image is sampled.

    height, width  of the image, in pixels: a layer has one position for each pixel
    n_colors       sub-pixels of a pixel; each is a draw of its own
    returns        (3, height, width) torch.long, three maps in this order: naive (each draw
                   computes all positions), row-cropped (each draw computes the rows so far, its
                   own row in full), cached (each draw computes the position of its pixel)

    By hand: 2 rows of 3 pixels, one colour. Naive is 6 everywhere, row-cropped is 6 in the first
             row and 3 in the second, cached is 1 everywhere
    """
    ____
''',
    answer="""\
def positions_computed(height, width, n_colors=1):
    times = torch.zeros(3, height, width, dtype=torch.long)
    for row in range(height):
        for column in range(width):
            for _ in range(n_colors):  # one draw
                times[0] += 1  # all positions
                times[1, : row + 1] += 1  # the rows so far, the own one in full
                times[2, row, column] += 1
    return times
""",
    hints=(
        """Play the sampler: go through the draws in order, and let each draw add 1 at every
        position that it computes. Or turn the question round: which draws compute a given
        position?""",
        """`times = torch.zeros(3, height, width, dtype=torch.long)`, three loops (rows, columns,
        colours), and inside them `times[1, : row + 1] += 1` for the rows so far.""",
        """If row-cropped grows from the top to the bottom, think of the first row: every later
        draw computes it again. If one colour is right and three are not: colours make more
        draws, not more positions.""",
    ),
)

METHODS = ("naive", "row-cropped", "cached")
MAPS = "The result is three maps: (3, height, width), one number for each position."


@positions_computed.advises
def advice(shape, trial):
    return MAPS


def _trials(sizes, colors) -> list[Trial]:
    return [Trial((height, width, c)) for height, width in sizes for c in colors]


@positions_computed.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    height, width, n_colors = trial.args
    colors = "1 colour" if n_colors == 1 else f"{n_colors} colours"
    place = first_difference(got, want)
    return (
        f"{height} rows of {width} pixels, {colors}: {height * width * n_colors} draws. "
        f"{METHODS[place[0]].capitalize()}, row {place[1]}, column {place[2]}: computed "
        f"{number(want[place])} times; your function says {number(got[place])}."
    )


positions_computed.trials("square images of one colour")(
    lambda rng: _trials([(2, 2), (3, 3), (8, 8)], (1,))
)


@positions_computed.trials("images that are not square")
def sides(rng):
    height, width = torch.randint(9, 20, (2,), generator=rng).tolist()
    return _trials([(2, 3), (5, 2), (height, width)], (1,))


positions_computed.trials("two and three colours")(lambda rng: _trials([(2, 2), (4, 7)], (2, 3)))
positions_computed.also_try(lambda rng: _trials([(2, 3), (3, 3), (5, 4)], (1, 3)))


COLOURS_LEFT_OUT = "The colours are left out: each sub-pixel is a draw of its own."
COLOURS_TWICE = (
    "Colours are counted twice. They make more draws, but a layer has one position a pixel, "
    "whatever the colours."
)
BY_ROWS = (
    "You count one pass a row. Every pixel must know its left neighbour, so each draw needs a pass."
)
PIXEL = (
    "Row-cropped sampling cuts between rows: the present row is computed in full, not up to the "
    "pixel."
)
SQUARE = "The height stands where the width belongs, or the other way: the image is not square."
CACHED = "With the cache each draw, of each sub-pixel, computes the one position of its pixel."
ORDER = "The three maps are in another order: naive, row-cropped, cached."


def _but(height, width, n_colors, *, naive=None, row_cropped=None, cached=None):
    """The right maps, with some in their place."""
    right = reference(height, width, n_colors)
    given = naive, row_cropped, cached
    return _maps(height, width, *(r if g is None else g for r, g in zip(right, given, strict=True)))


def _pixels_left(height, width):
    """From each pixel on, in raster order, how many there are, itself included."""
    return torch.arange(height * width, 0, -1).view(height, width)


@positions_computed.mistakes
class Mistakes:
    def upside_down(height, width, n_colors=1):
        """Row-cropped is upside down. The first row is computed by every draw, the last row by its
        own draws alone."""
        return _but(
            height,
            width,
            n_colors,
            row_cropped=reference(height, width, n_colors)[1].flip(0),
        )

    def without_the_own_row(height, width, n_colors=1):
        """The rows so far leave out the row that is being drawn. Its pixels to the left are read,
        so it has to be computed too."""
        cropped = (_rows_left(height) - 1) * width * n_colors
        return _but(height, width, n_colors, row_cropped=cropped)

    @says(PIXEL)
    def cut_at_the_pixel(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=_pixels_left(height, width) * n_colors)

    @says(PIXEL)
    def cut_before_the_pixel(height, width, n_colors=1):
        cropped = (_pixels_left(height, width) - 1) * n_colors
        return _but(height, width, n_colors, row_cropped=cropped)

    def half_everywhere(height, width, n_colors=1):
        """Row-cropped is about half of naive on average, but not everywhere: upper rows are
        computed by more draws than lower ones."""
        half = reference(height, width, n_colors)[0] // 2
        return _but(height, width, n_colors, row_cropped=half)

    def the_average_everywhere(height, width, n_colors=1):
        """Row-cropped has the same number everywhere. Upper rows are computed by more draws than
        lower ones."""
        mean = reference(height, width, n_colors)[1].float().mean()
        return _but(height, width, n_colors, row_cropped=mean)

    @says(COLOURS_LEFT_OUT)
    def colours_left_out(height, width, n_colors=1):
        return reference(height, width)

    @says(COLOURS_TWICE)
    def colours_twice(height, width, n_colors=1):
        return n_colors * reference(height, width, n_colors)

    @says(COLOURS_TWICE)
    def colours_twice_in_naive(height, width, n_colors=1):
        naive = n_colors * reference(height, width, n_colors)[0]
        return _but(height, width, n_colors, naive=naive)

    @says(COLOURS_TWICE)
    def colours_twice_in_the_rows(height, width, n_colors=1):
        cropped = n_colors * reference(height, width, n_colors)[1]
        return _but(height, width, n_colors, row_cropped=cropped)

    @says(COLOURS_LEFT_OUT)
    def colours_left_out_of_the_cache(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=1)

    @says(COLOURS_LEFT_OUT)
    def colours_left_out_of_the_rows(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=reference(height, width)[1])

    @says(COLOURS_LEFT_OUT)
    def colours_left_out_of_naive(height, width, n_colors=1):
        return _but(height, width, n_colors, naive=height * width)

    @says(COLOURS_LEFT_OUT)
    def colours_in_naive_alone(height, width, n_colors=1):
        naive = reference(height, width, n_colors)[0]
        return _but(height, width, 1, naive=naive)

    @says(COLOURS_LEFT_OUT)
    def colours_in_the_cache_alone(height, width, n_colors=1):
        return _but(height, width, 1, cached=n_colors)

    @says(BY_ROWS)
    def one_pass_a_row(height, width, n_colors=1):
        return _maps(height, width, height, _rows_left(height), 1)

    @says(BY_ROWS)
    def row_cropped_one_pass_a_row(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=_rows_left(height))

    @says(BY_ROWS)
    def row_cropped_one_pass_a_row_and_colour(height, width, n_colors=1):
        return _but(height, width, n_colors, row_cropped=n_colors * _rows_left(height))

    def own_row_alone(height, width, n_colors=1):
        """Row-cropped is counted as if a draw computed its own row alone. The rows above are
        computed too: nothing is kept."""
        return _but(height, width, n_colors, row_cropped=width * n_colors)

    def columns_so_far(height, width, n_colors=1):
        """Row-cropped falls from left to right. It is cut between rows, so it falls from the top to
        the bottom."""
        columns_left = torch.arange(width, 0, -1)
        return _but(height, width, n_colors, row_cropped=columns_left * height * n_colors)

    def a_row_too_many(height, width, n_colors=1):
        """A row too many is counted: a position of row i is computed by the draws of the rows from
        i to the last."""
        cropped = (_rows_left(height) + 1) * width * n_colors
        return _but(height, width, n_colors, row_cropped=cropped)

    @says(SQUARE)
    def square_images(height, width, n_colors=1):
        in_a_row = height * n_colors
        return _maps(height, width, height * in_a_row, _rows_left(height) * in_a_row, n_colors)

    @says(SQUARE)
    def width_for_height(height, width, n_colors=1):
        in_a_row = width * n_colors
        rows = (width - torch.arange(height)).clamp(min=0).view(-1, 1)
        return _maps(height, width, width * in_a_row, rows * in_a_row, n_colors)

    @says(SQUARE)
    def rows_as_wide_as_high(height, width, n_colors=1):
        cropped = _rows_left(height) * height * n_colors
        return _but(height, width, n_colors, row_cropped=cropped)

    def naive_once(height, width, n_colors=1):
        """Naive is counted as one position a draw. Each draw computes all positions of the
        image."""
        return _but(height, width, n_colors, naive=n_colors)

    def of_a_single_pass(height, width, n_colors=1):
        """Every position is computed once: that is a single pass over the image. It is what
        training needs; sampling needs a pass for each draw."""
        return _maps(height, width, 1, 1, 1)

    @says(CACHED)
    def a_whole_row_for_each_draw(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=width * n_colors)

    @says(CACHED)
    def cached_from_its_pixel_on(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=_pixels_left(height, width) * n_colors)

    @says(CACHED)
    def cached_never(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=0)

    @says(CACHED)
    def cached_twice(height, width, n_colors=1):
        return _but(height, width, n_colors, cached=n_colors + 1)

    @says(ORDER)
    def backwards(height, width, n_colors=1):
        return reference(height, width, n_colors).flip(0)

    @says(ORDER)
    def first_two_exchanged(height, width, n_colors=1):
        return reference(height, width, n_colors)[[1, 0, 2]]

    @says(ORDER)
    def last_two_exchanged(height, width, n_colors=1):
        return reference(height, width, n_colors)[[0, 2, 1]]

    def sums(height, width, n_colors=1):
        """These are the sums over the image. What is asked for are the maps: (3, height,
        width)."""
        return reference(height, width, n_colors).sum(dim=(1, 2))

    def maps_last(height, width, n_colors=1):
        """The axis of the three maps comes last. It comes first: (3, height, width)."""
        return reference(height, width, n_colors).permute(1, 2, 0)

    def one_map(height, width, n_colors=1):
        """One map comes back, and there are three: naive, row-cropped, cached."""
        return reference(height, width, n_colors)[1]


@positions_computed.right
def by_arithmetic(height, width, n_colors=1):
    times = torch.full((3, height, width), n_colors)
    times[0] *= height * width
    for row in range(height):
        times[1, row] *= (height - row) * width
    return times


@positions_computed.right
def by_counting(height, width, n_colors=1):
    naive, cropped, cached = torch.zeros(3, height, width, dtype=torch.long)
    for draw in range(height * width * n_colors):
        row, column = divmod(draw // n_colors, width)
        naive += 1
        cropped[: row + 1] += 1
        cached[row, column] += 1
    return torch.stack([naive, cropped, cached])


@positions_computed.right
def by_arrays(height, width, n_colors=1):
    rows = np.arange(height, 0, -1)[:, None] * width * n_colors
    maps = [
        np.full((height, width), height * width * n_colors),
        np.broadcast_to(rows, (height, width)),
    ]
    return torch.from_numpy(np.stack([*maps, np.full((height, width), n_colors)]))
