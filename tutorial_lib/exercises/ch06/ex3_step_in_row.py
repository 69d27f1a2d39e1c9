"""Exercise 6.3: a convolution at one pixel, from what is kept."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(row: Tensor, kernel: Tensor, link: Tensor, column: int) -> Tensor:
    """A convolution at one column: (B, O), from the own row's taps and what the link brings."""
    taps = kernel.shape[2]
    window = F.pad(row, (taps - 1, 0))[:, :, column : column + taps]
    return link[:, :, column] + torch.einsum("bct,oct->bo", window, kernel)


step_in_row = Exercise(
    "6.3",
    "One pixel of one layer",
    goal="Compute a convolution at a single pixel, from the features that are kept.",
    minutes=15,
    reference=reference,
    otherwise="The result is not that of the convolution at this pixel.",
    stub='''\
def step_in_row(
    row: torch.Tensor, kernel: torch.Tensor, link: torch.Tensor, column: int
) -> torch.Tensor:
    """A convolution of type B at one pixel: the taps of its own row, and what the link brings.

    row      (B, C, W) features of the present row. To the right of `column` they are leftovers
             of an earlier row
    kernel   (O, C, T) the taps in the own row; the last lies on `column`, the others to its left
    link     (B, O, W) what the rows above have to say, computed already, for each column
    column   0 .. W-1
    returns  (B, O); left of the image there are zeros

    By hand: row = [[2, 3, 9]], kernel = [[10, 1]], link = [[100, 200, 300]] (B = C = O = 1)
             column 1: 200 + 10 * 2 + 1 * 3 = 223        column 0: 100 + 10 * 0 + 1 * 2 = 102
    """
    ____
''',
    answer="""\
def step_in_row(row, kernel, link, column):
    total = link[:, :, column].clone()
    taps = kernel.shape[2]
    for tap in range(taps):
        place = column - (taps - 1) + tap  # the last tap lies on `column`
        if place >= 0:  # left of the image there are zeros
            total += row[:, :, place] @ kernel[:, :, tap].T  # (B, C) @ (C, O)
    return total
""",
    hints=(
        """Cut out the T pixels that end at `column`, multiply them with the kernel, sum over
        channels and taps, add what the link brings. At the left edge some of the T pixels do
        not exist.""",
        """`torch.nn.functional.pad(row, (T - 1, 0))` puts T - 1 zeros to the left, and the
        window becomes `[:, :, column : column + T]`. `torch.einsum("bct,oct->bo", window,
        kernel)` multiplies and sums.""",
        """If only the first columns are wrong, look at what happens at the left edge: a negative
        index counts from the end of the row. If every column is wrong, is the last tap on
        `column`?""",
    ),
)


def _trials(
    rng: torch.Generator, sizes: tuple[int, int, int, int, int], columns: range | list[int]
) -> list[Trial]:
    """sizes: batch, channels in, width, channels out, taps."""
    batch, channels, width, out, taps = sizes
    shapes = (batch, channels, width), (out, channels, taps), (batch, out, width)
    row, kernel, link = (torch.randn(shape, generator=rng) for shape in shapes)
    return [Trial((row, kernel, link, column)) for column in columns]


@step_in_row.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    row, kernel, _, column = trial.args
    place = first_difference(got, want)
    return (
        f"W = {row.shape[2]}, {kernel.shape[2]} taps, column {column}: image {place[0]}, output "
        f"{place[1]} must be {number(want[place])}; you have {number(got[place])}."
    )


@step_in_row.also_try
def more(_):
    rng = torch.Generator().manual_seed(0)
    return [*_trials(rng, (2, 3, 6, 4, 3), range(6)), *_trials(rng, (2, 2, 5, 3, 2), range(5))]


step_in_row.trials("two taps, columns inside the row", points=2)(
    lambda rng: _trials(rng, (2, 3, 7, 4, 2), [3, 6, 1])
)
step_in_row.trials("four taps at the left edge", points=2)(
    lambda rng: _trials(rng, (3, 2, 6, 4, 4), [0, 1, 2, 3])
)
step_in_row.trials("a kernel wider than the row")(
    lambda rng: _trials(rng, (1, 2, 3, 3, 6), range(3))
)


def _sum(window, kernel):
    return torch.einsum("bct,oct->bo", window, kernel)


def _columns(kernel, column):
    return range(column - kernel.shape[2] + 1, column + 1)


def _window(row, columns):
    """Features at these columns, zeros where a column does not exist."""
    picked = [
        row[:, :, c] if 0 <= c < row.shape[2] else torch.zeros_like(row[:, :, 0]) for c in columns
    ]
    return torch.stack(picked, dim=2)


OTHER_COLUMN = (
    "The link is taken at another column. It lies in `link` at the same `column` as the pixel."
)
SEVERAL = "The link is added for several columns at once. Only `column` belongs here."
RIGHT = "The window lies to the right of the pixel, on leftovers. The last tap is on `column`."
ONE_COLUMN = "All columns come back. The result is that of one pixel: (B, O)."
ADDED = "What the link brings is added as it is."


@step_in_row.mistakes
class Mistakes:
    def wraps_round(row, kernel, link, column):
        """At the left edge a negative index counts from the end of the row: the pixel reads
        leftovers of an earlier row. Left of the image there are zeros."""
        window = torch.stack([row[:, :, c] for c in _columns(kernel, column)], dim=2)
        return link[:, :, column] + _sum(window, kernel)

    def edge_repeated(row, kernel, link, column):
        """At the left edge the first pixel is read again and again. Left of the image there are
        zeros."""
        window = _window(row, [max(c, 0) for c in _columns(kernel, column)])
        return link[:, :, column] + _sum(window, kernel)

    def kernel_turned_round(row, kernel, link, column):
        """The kernel is turned round: its last tap belongs on `column`, the first one furthest to
        the left."""
        return reference(row, kernel.flip(2), link, column)

    def the_pixel_itself_left_out(row, kernel, link, column):
        """The window ends one pixel too early. These are features, of type B: `column` itself is
        read."""
        window = _window(row, [c - 1 for c in _columns(kernel, column)])
        return link[:, :, column] + _sum(window, kernel)

    def one_too_far_to_the_right(row, kernel, link, column):
        """The window ends one pixel too late, on a leftover of an earlier row."""
        window = _window(row, [c + 1 for c in _columns(kernel, column)])
        return link[:, :, column] + _sum(window, kernel)

    def the_wrong_taps_at_the_edge(row, kernel, link, column):
        """At the left edge the pixels meet the wrong taps. The taps that fall off are the first,
        not the last."""
        there = row[:, :, max(0, column - kernel.shape[2] + 1) : column + 1]
        return link[:, :, column] + _sum(there, kernel[:, :, : there.shape[2]])

    def rows_above_forgotten(row, kernel, link, column):
        """What the link brings is missing."""
        return _sum(_window(row, _columns(kernel, column)), kernel)

    @says(OTHER_COLUMN)
    def above_of_the_column_before(row, kernel, link, column):
        return link[:, :, max(column - 1, 0)] + Mistakes.rows_above_forgotten(
            row, kernel, link, column
        )

    @says(SEVERAL)
    def above_of_all_columns(row, kernel, link, column):
        return link.sum(dim=2) + Mistakes.rows_above_forgotten(row, kernel, link, column)

    def the_pixel_only(row, kernel, link, column):
        """Only the last tap is used: the pixels to the left are not read."""
        return link[:, :, column] + row[:, :, column] @ kernel[:, :, -1].T

    @says(OTHER_COLUMN)
    def above_of_the_column_before_or_last(row, kernel, link, column):
        return link[:, :, column - 1] + Mistakes.rows_above_forgotten(row, kernel, link, column)

    @says(OTHER_COLUMN)
    def above_of_the_next_column(row, kernel, link, column):
        return link[:, :, min(column + 1, link.shape[2] - 1)] + Mistakes.rows_above_forgotten(
            row, kernel, link, column
        )

    @says(OTHER_COLUMN)
    def above_of_the_last_column(row, kernel, link, column):
        return link[:, :, -1] + Mistakes.rows_above_forgotten(row, kernel, link, column)

    @says(OTHER_COLUMN)
    def above_of_the_first_column(row, kernel, link, column):
        return link[:, :, 0] + Mistakes.rows_above_forgotten(row, kernel, link, column)

    @says(SEVERAL)
    def above_on_average(row, kernel, link, column):
        return link.mean(dim=2) + Mistakes.rows_above_forgotten(row, kernel, link, column)

    @says(SEVERAL)
    def above_of_all_columns_so_far(row, kernel, link, column):
        return link[:, :, : column + 1].sum(dim=2) + Mistakes.rows_above_forgotten(
            row, kernel, link, column
        )

    @says(SEVERAL)
    def above_of_the_window(row, kernel, link, column):
        return link[:, :, max(0, column - kernel.shape[2] + 1) : column + 1].sum(
            dim=2
        ) + Mistakes.rows_above_forgotten(row, kernel, link, column)

    @says(RIGHT)
    def to_the_right(row, kernel, link, column):
        window = _window(row, range(column, column + kernel.shape[2]))
        return link[:, :, column] + _sum(window, kernel)

    @says(RIGHT)
    def to_the_right_and_turned_round(row, kernel, link, column):
        window = _window(row, range(column, column + kernel.shape[2]))
        return link[:, :, column] + _sum(window, kernel.flip(2))

    def centred(row, kernel, link, column):
        """The kernel is centred on the pixel, and reads to its right. Its last tap is on
        `column`."""
        first = column - kernel.shape[2] // 2
        window = _window(row, range(first, first + kernel.shape[2]))
        return link[:, :, column] + _sum(window, kernel)

    def the_end_of_the_row(row, kernel, link, column):
        """The window lies at the end of the row, whatever `column` says."""
        width = row.shape[2]
        window = _window(row, range(width - kernel.shape[2], width))
        return link[:, :, column] + _sum(window, kernel)

    def the_pixel_with_the_first_tap(row, kernel, link, column):
        """The pixel meets the first tap, and those to its left are not read."""
        return link[:, :, column] + row[:, :, column] @ kernel[:, :, 0].T

    def the_whole_row(row, kernel, link, column):
        """The whole row is added up. The kernel reads `column` and T - 1 pixels to its left."""
        return link[:, :, column] + row.sum(dim=2) @ kernel[:, :, -1].T

    def mean_of_the_taps(row, kernel, link, column):
        """The taps are averaged. A convolution adds them up."""
        return (
            link[:, :, column]
            + Mistakes.rows_above_forgotten(row, kernel, link, column) / kernel.shape[2]
        )

    def two_taps(row, kernel, link, column):
        """Two taps are read, whatever the width of the kernel. It has T."""
        return reference(row, kernel[:, :, -2:], link, column)

    def nothing_at_the_edge(row, kernel, link, column):
        """At the left edge no tap of the own row is read at all. Those that lie on a pixel still
        count."""
        inside = column >= kernel.shape[2] - 1
        return link[:, :, column] + inside * Mistakes.rows_above_forgotten(
            row, kernel, link, column
        )

    def at_the_edge_turned_round(row, kernel, link, column):
        """At the left edge, or everywhere, the pixels meet the taps in reversed order."""
        n = min(kernel.shape[2], column + 1)
        there = row[:, :, column + 1 - n : column + 1]
        return link[:, :, column] + _sum(there, kernel[:, :, -n:].flip(2))

    def the_first_image(row, kernel, link, column):
        """All images get the row of the first one."""
        return reference(row[:1].expand_as(row), kernel, link, column)

    def the_first_channel(row, kernel, link, column):
        """Only the first channel of the row is read. A convolution adds up all channels."""
        return reference(row[:, :1], kernel[:, :1], link, column)

    def relu(row, kernel, link, column):
        """The sum is cut off at 0. A convolution is the sum alone."""
        return torch.relu(reference(row, kernel, link, column))

    @says(ADDED)
    def above_subtracted(row, kernel, link, column):
        return Mistakes.rows_above_forgotten(row, kernel, link, column) - link[:, :, column]

    @says(ADDED)
    def above_multiplied(row, kernel, link, column):
        return Mistakes.rows_above_forgotten(row, kernel, link, column) * link[:, :, column]

    @says(ONE_COLUMN)
    def all_columns(row, kernel, link, column):
        return link + F.conv1d(F.pad(row, (kernel.shape[2] - 1, 0)), kernel)

    def an_axis_too_many(row, kernel, link, column):
        """The axis of the column is still there, with one entry. The result is (B, O)."""
        return reference(row, kernel, link, column)[:, :, None]


@step_in_row.right
def whole_row_then_one_column(row, kernel, link, column):
    every = F.conv1d(F.pad(row, (kernel.shape[2] - 1, 0)), kernel)
    return (link + every)[:, :, column]


@step_in_row.right
def tap_by_tap(row, kernel, link, column):
    total = link[:, :, column].clone()
    for back in range(min(kernel.shape[2], column + 1)):
        total += row[:, :, column - back] @ kernel[:, :, -1 - back].T
    return total
