"""Exercise 6.2: the window of rows that a vertical kernel still needs, and what it reads there."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def read_window(window: Tensor, kernel: Tensor) -> Tensor:
    """The kernel at every pixel of the newest row: (B, C, n_rows, W) -> (B, O, W)."""
    reach = kernel.shape[3] // 2
    return F.conv2d(F.pad(window, (reach, reach)), kernel)[:, :, 0]


def reference(rows: Tensor, finished: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """The window one row further (the oldest row goes), and the convolution of it, one row."""
    window = torch.cat([rows[:, :, 1:], finished[:, :, None]], dim=2)
    return window, read_window(window, kernel)


push_row = Exercise(
    "6.2",
    "One row of one layer",
    goal="Compute the next row of a convolution from a window over the last rows.",
    minutes=10,
    reference=reference,
    otherwise="The window, or what the kernel reads in it, is not as it should be.",
    parts="(window, sums)",
    when_changed={"rows": "`rows` was changed in place. Fill a new tensor."},
    stub='''\
def push_row(
    rows: torch.Tensor, finished: torch.Tensor, kernel: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A row is finished: move the window on, and convolve what it holds now.

    rows      (B, C, n_rows, W) features of the last rows, the oldest first; stays as it is
    finished  (B, C, W) features of the row that was finished
    kernel    (O, C, n_rows, k) its last taps lie on the newest row; of the k columns of taps (k is
              odd) the middle one lies on the pixel
    returns   the new window (B, C, n_rows, W), and the sums (B, O, W), one for each pixel of the
              newest row. Beside the image there are zeros

    By hand: rows = [[9, 9, 9], [1, 2, 3]], finished = [4, 5, 6], kernel = [[0, 1, 0],
             [100, 10, 0]] (B = C = O = 1). At the middle pixel: 2 + 100 * 4 + 10 * 5 = 452
    """
    ____
''',
    answer="""\
def push_row(rows, finished, kernel):
    window = torch.empty_like(rows)
    window[:, :, :-1] = rows[:, :, 1:]  # the oldest row leaves, the others move up
    window[:, :, -1] = finished
    reach = kernel.shape[3] // 2
    padded = torch.nn.functional.pad(window, (reach, reach))  # zeros at both sides
    sums = torch.nn.functional.conv2d(padded, kernel)  # (B, O, 1, W): one row
    return window, sums[:, :, 0]
""",
    hints=(
        """Two steps. What was row i becomes row i - 1, the oldest leaves, the finished row comes
        last. Then the window is an image that is exactly as high as the kernel, so the
        convolution gives one row.""",
        """`rows[:, :, 1:]` is all but the oldest, `finished[:, :, None]` is one row, and
        `torch.cat([...], dim=2)` joins them. `F.pad(window, (n, n))` puts n columns of zeros on
        either side, and `F.conv2d(padded, kernel)` is (B, O, 1, W).""",
        """If the first row of an image is right and the second is not, push twice and look whether
        the order is still oldest first. If only the first and last pixels are off, look at the
        zeros beside the image.""",
    ),
)

GROWS = "The window grows: the oldest row has to leave, or the kernel no longer fits on it."
NOT_IN_IT = "The finished row is not in the window as it is. It becomes the last row, unchanged."
ORDER = "The order is lost: the oldest row comes first, the finished one last."
COPIED = (
    "A row is overwritten before it is read, so the finished row comes to lie in several rows. "
    "Move from the oldest row on, or fill a new tensor."
)
TURNED = (
    "The kernel is turned round. Its first row of taps lies on the oldest row, its first column "
    "furthest to the left; `F.conv2d` does it so."
)
SIDES = (
    "The zeros are not shared out between the two sides: the middle column of taps lies on the "
    "pixel."
)
TOO_HIGH = (
    "Zeros are put above the window too, and the first of several rows is taken: the kernel then "
    "lies too high. The window is exactly as high as the kernel."
)
TOO_LOW = (
    "Zeros are put below the window too, and the last of several rows is taken: the kernel then "
    "lies too low. The window is exactly as high as the kernel."
)
BOTH = "Two things come back: the new window, and the sums."


def _trials(rng: torch.Generator, *sizes: tuple[int, ...]) -> list[Trial]:
    """sizes: batch, channels in, channels out, rows, width, k."""
    return [
        Trial(
            (
                torch.randn(b, c, n_rows, width, generator=rng),
                torch.randn(b, c, width, generator=rng),
                torch.randn(o, c, n_rows, k, generator=rng),
            )
        )
        for b, c, o, n_rows, width, k in sizes
    ]


@push_row.advises
def advice(shape, trial):
    rows, _, kernel = trial.args
    if len(shape) == 4 and shape[2] == rows.shape[2] + 1:
        return GROWS
    narrow = rows.shape[3] - kernel.shape[3] + 1
    if len(shape) == 3 and shape[2] == narrow < rows.shape[3]:
        return "Beside the image there are zeros, so that every pixel of the row gets its sum."
    if len(shape) == 4 and shape[1] == len(kernel):
        return "The sums have no axis of rows: one row comes out."
    return ""


@push_row.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    rows, _, kernel = trial.args
    parts = (rows.shape, (len(rows), len(kernel), rows.shape[3]))
    part = 0 if not torch.allclose(got[: rows.numel()], want[: rows.numel()], atol=1e-4) else 1
    pieces = [each.split([rows.numel(), each.numel() - rows.numel()])[part] for each in (got, want)]
    mine, theirs = (each.view(parts[part]) for each in pieces)
    place = first_difference(mine, theirs)
    if part == 0:
        last = place[2] == rows.shape[2] - 1
        whose = "finished" if last else f"row {place[2] + 1} of `rows`"
        told = f"row {place[2]} of the new window must be {whose}"
    else:
        told = f"the window is right; of the sums, image {place[0]}, output {place[1]}, column "
        told += f"{place[2]} differs"
    return (
        f"{rows.shape[2]} rows of {rows.shape[3]} pixels, a kernel of {tuple(kernel.shape[2:])}: "
        f"{told}. It must be {number(theirs[place])}; you have {number(mine[place])}."
    )


@push_row.also_try
def more(_):
    rng = torch.Generator().manual_seed(0)
    return _trials(rng, (2, 3, 4, 2, 5, 3), (2, 2, 3, 3, 7, 5))


push_row.trials("a window of two rows, as a 3x3 kernel needs", points=2)(
    lambda rng: _trials(rng, (2, 3, 4, 2, 6, 3))
)
push_row.trials("a window of three rows, as a 5x5 kernel needs", points=2)(
    lambda rng: _trials(rng, (2, 2, 3, 3, 7, 5), (1, 2, 2, 3, 8, 3))
)
push_row.trials("a window of one row")(lambda rng: _trials(rng, (2, 2, 3, 1, 5, 3)))


def _pushed(rows, finished):
    return reference(rows, finished, finished.new_zeros(1, rows.shape[1], rows.shape[2], 1))[0]


def _window(make):
    """A mistake in the window, which the kernel then reads as it is."""

    def wrong(rows, finished, kernel):
        window = make(rows, finished[:, :, None])
        return window, read_window(window, kernel)

    wrong.__name__, wrong.__doc__ = make.__name__, make.__doc__
    return wrong


def _sums(make):
    """A mistake in the sums, with the right window."""

    def wrong(rows, finished, kernel):
        window = _pushed(rows, finished)
        return window, make(window, kernel, rows)

    wrong.__name__, wrong.__doc__ = make.__name__, make.__doc__
    return wrong


def _padded(window, kernel, left, right):
    return F.conv2d(F.pad(window, (left, right)), kernel)[:, :, 0]


@push_row.mistakes
class Mistakes:
    @_window
    def newest_first(rows, finished):
        """The rows move down instead of up: the newest row comes last, and the oldest leaves."""
        return torch.cat([finished, rows[:, :, :-1]], dim=2)

    @_window
    def the_newest_is_replaced(rows, finished):
        """The row that was newest is overwritten, and the older ones stay for ever."""
        return torch.cat([rows[:, :, :-1], finished], dim=2)

    @_window
    def the_oldest_is_replaced(rows, finished):
        """The finished row takes the oldest one's place without a move of the others: the kernel's
        upper taps would read what lies right above."""
        return torch.cat([finished, rows[:, :, 1:]], dim=2)

    @_window
    def cleared(rows, finished):
        """The rows before the finished one are gone: the kernel reads more than one row."""
        return torch.cat([torch.zeros_like(rows[:, :, 1:]), finished], dim=2)

    @_window
    def never_moves(rows, finished):
        """The window does not change: it is stale from the first row's end on."""
        return rows.clone()

    @says(COPIED)
    @_window
    def repeated(rows, finished):
        return finished.expand_as(rows).clone()

    @_window
    def added(rows, finished):
        """The finished row is added to the one before it, in one row of the window."""
        return torch.cat([rows[:, :, 1:], rows[:, :, -1:] + finished], dim=2)

    @_window
    def turned_round(rows, finished):
        """The right rows, in the wrong order: the oldest comes first."""
        return torch.cat([rows[:, :, 1:], finished], dim=2).flip(2)

    @says(NOT_IN_IT)
    @_window
    def only_rolled(rows, finished):
        return rows.roll(-1, dims=2)

    @says(NOT_IN_IT)
    @_window
    def rolled_the_other_way(rows, finished):
        return rows.roll(1, dims=2)

    @says(NOT_IN_IT)
    @_window
    def zeros_at_the_end(rows, finished):
        return torch.cat([rows[:, :, 1:], torch.zeros_like(finished)], dim=2)

    @says(NOT_IN_IT)
    @_window
    def turned_along_the_row(rows, finished):
        return torch.cat([rows[:, :, 1:], finished.flip(3)], dim=2)

    @says(ORDER)
    @_window
    def rolled_down_and_the_last_replaced(rows, finished):
        return torch.cat([rows.roll(1, dims=2)[:, :, :-1], finished], dim=2)

    @_window
    def finished_twice(rows, finished):
        """Two old rows leave, and the finished one comes in twice. One leaves, one comes."""
        return torch.cat([rows[:, :, 2:], finished, finished], dim=2)[:, :, -rows.shape[2] :]

    @says(GROWS)
    @_window
    def grows(rows, finished):
        return torch.cat([rows, finished], dim=2)

    @_window
    def columns_rolled(rows, finished):
        """The columns move along. A finished row moves the window along the axis of rows."""
        return torch.cat([rows.roll(-1, dims=3)[:, :, :-1], finished], dim=2)

    def the_old_window_is_read(rows, finished, kernel):
        """The kernel reads the window as it was before the finished row came in. It needs the
        newest row."""
        return _pushed(rows, finished), read_window(rows, kernel)

    @says(TURNED)
    @_sums
    def kernel_upside_down(window, kernel, rows):
        return read_window(window, kernel.flip(2))

    @says(TURNED)
    @_sums
    def kernel_from_right_to_left(window, kernel, rows):
        return read_window(window, kernel.flip(3))

    @says(TURNED)
    @_sums
    def kernel_turned_round(window, kernel, rows):
        return read_window(window, kernel.flip(2, 3))

    @says(SIDES)
    @_sums
    def zeros_on_the_left_alone(window, kernel, rows):
        return _padded(window, kernel, kernel.shape[3] - 1, 0)

    @says(SIDES)
    @_sums
    def zeros_on_the_right_alone(window, kernel, rows):
        return _padded(window, kernel, 0, kernel.shape[3] - 1)

    @_sums
    def edge_repeated(window, kernel, rows):
        """Beside the image the edge is read again. There are zeros."""
        reach = kernel.shape[3] // 2
        return F.conv2d(F.pad(window, (reach, reach, 0, 0), mode="replicate"), kernel)[:, :, 0]

    @_sums
    def wraps_round(window, kernel, rows):
        """Beside the image the other end of the row is read. There are zeros."""
        reach = kernel.shape[3] // 2
        return F.conv2d(F.pad(window, (reach, reach, 0, 0), mode="circular"), kernel)[:, :, 0]

    @_sums
    def no_zeros(window, kernel, rows):
        """Nothing is added beside the image, so that the first and last pixels get no sum. Beside
        the image there are zeros."""
        return F.conv2d(window, kernel)[:, :, 0]

    @says(TOO_HIGH)
    @_sums
    def zeros_above_too(window, kernel, rows):
        return F.conv2d(window, kernel, padding=(1, kernel.shape[3] // 2))[:, :, 0]

    @says(TOO_LOW)
    @_sums
    def zeros_above_and_the_last_row(window, kernel, rows):
        return F.conv2d(window, kernel, padding=(1, kernel.shape[3] // 2))[:, :, -1]

    @says(TOO_HIGH)
    @_sums
    def zeros_all_round(window, kernel, rows):
        return F.conv2d(window, kernel, padding=kernel.shape[3] // 2)[:, :, 0]

    @says(TOO_LOW)
    @_sums
    def zeros_all_round_and_the_last_row(window, kernel, rows):
        return F.conv2d(window, kernel, padding=kernel.shape[3] // 2)[:, :, -1]

    @_sums
    def the_newest_row_alone(window, kernel, rows):
        """Only the newest row is read. The kernel has taps on every row of the window."""
        return read_window(window[:, :, -1:], kernel[:, :, -1:])

    @_sums
    def the_middle_column_alone(window, kernel, rows):
        """Only the middle column of taps is used. The kernel reads to both sides."""
        middle = kernel.shape[3] // 2
        return read_window(window, kernel[..., middle : middle + 1])

    @_sums
    def mean_of_the_rows(window, kernel, rows):
        """The rows are averaged. A convolution adds up all of its taps."""
        return read_window(window, kernel) / kernel.shape[2]

    @_sums
    def the_first_image(window, kernel, rows):
        """All images get the sums of the first one."""
        sums = read_window(window, kernel)
        return sums[:1].expand_as(sums)

    @_sums
    def relu(window, kernel, rows):
        """The sums are cut off at 0. A convolution is the sum alone."""
        return read_window(window, kernel).relu()

    @_sums
    def a_row_axis_too_many(window, kernel, rows):
        """The sums still have an axis of rows, with one entry. They are (B, O, W)."""
        return read_window(window, kernel)[:, :, None]

    def sums_first(rows, finished, kernel):
        """The two results are exchanged: the window comes first, then the sums."""
        return reference(rows, finished, kernel)[::-1]

    @says(BOTH)
    def the_window_alone(rows, finished, kernel):
        return _pushed(rows, finished)

    @says(BOTH)
    def the_sums_alone(rows, finished, kernel):
        return reference(rows, finished, kernel)[1]


@push_row.right
def by_rolling(rows, finished, kernel):
    rolled = torch.roll(rows, -1, dims=2)
    rolled[:, :, -1] = finished
    reach = kernel.shape[3] // 2
    return rolled, F.conv2d(rolled, kernel, padding=(0, reach)).squeeze(2)


@push_row.right
def tap_by_tap(rows, finished, kernel):
    window = torch.stack([*rows.unbind(2)[1:], finished], dim=2)
    width, reach = rows.shape[3], kernel.shape[3] // 2
    wide = F.pad(window, (reach, reach))
    sums = 0
    for i in range(kernel.shape[2]):
        for j in range(kernel.shape[3]):
            sums = sums + torch.einsum(
                "bcw,oc->bow", wide[:, :, i, j : j + width], kernel[:, :, i, j]
            )
    return window, sums
