"""Exercise 6.2: the window of rows that a vertical kernel still needs."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(rows: Tensor, finished: Tensor) -> Tensor:
    """The window (n_rows, W, C) one row further: the oldest row goes, `finished` is the last."""
    return torch.cat([rows[1:], finished[None]])


push_row = Exercise(
    "6.2",
    "The window of rows",
    goal="Move the window over the last rows on by one when a row is finished.",
    minutes=5,
    reference=reference,
    otherwise="The window must hold the last rows, the oldest first.",
    stub='''\
def push_row(rows: torch.Tensor, finished: torch.Tensor) -> torch.Tensor:
    """A row is finished: what the window over the last rows holds from now on.

    rows      (n_rows, W, C) features of the last rows, the oldest first; stays as it is
    finished  (W, C) features of the row that was finished
    returns   (n_rows, W, C) the new window

    By hand: a window of two rows, all zeros. After three calls, which bring [1, 2], then [3, 4],
             then [5, 6] (W = 2, one channel), it is [[3, 4], [5, 6]]
    """
    ____
''',
    answer="""\
def push_row(rows, finished):
    window = torch.empty_like(rows)
    for i in range(len(rows) - 1):
        window[i] = rows[i + 1]  # the oldest row leaves, the others move up
    window[-1] = finished
    return window
""",
    hints=(
        """The kernel's upper taps lie on the oldest row, its lower taps on the newest. So the
        order matters: what was row i becomes row i - 1, the oldest leaves, the finished row
        comes last.""",
        """`rows[1:]` is all but the oldest; `finished[None]` makes one row (1, W, C) of (W, C);
        `torch.cat([...])` joins along the first axis.""",
        """If the window grows, the oldest row does not leave. If an image is right in its first
        rows and wrong below, push twice and look whether the order is still oldest first.""",
    ),
)

GROWS = "The window grows: the oldest row has to leave, or the kernel no longer fits on it."


NOT_IN_IT = "The finished row is not in the window as it is. It becomes the last row, unchanged."
ONE_ROW = "The rows before the finished one are gone: the kernel reads more than one row."
ORDER = "The order is lost: the oldest row comes first, the finished one last."
COPIED = (
    "A row is overwritten before it is read, so the finished row comes to lie in several rows. "
    "Move from the oldest row on, or fill a new tensor."
)
ALONG = "Columns are moved, or channels. A finished row moves the window along the first axis."


def _trials(rng: torch.Generator, *shapes: tuple[int, int, int]) -> list[Trial]:
    return [
        Trial((torch.randn(shape, generator=rng), torch.randn(shape[1:], generator=rng)))
        for shape in shapes
    ]


@push_row.reads
def read(value: object, trial: Trial) -> Tensor:
    n_rows, *row = trial.args[0].shape
    advice = GROWS if isinstance(value, Tensor) and tuple(value.shape) == (n_rows + 1, *row) else ""
    return tensor_result(value, (n_rows, *row), advice=advice)


@push_row.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    rows, _ = trial.args
    place = first_difference(got, want)
    whose = "finished" if place[0] == len(rows) - 1 else f"rows[{place[0] + 1}]"
    return (
        f"{len(rows)} rows of {rows.shape[1]} pixels: row {place[0]} of the new window must be "
        f"{whose}. At {place} that is {number(want[place])}; you have {number(got[place])}."
    )


@push_row.also_try
def more(_):
    rng = torch.Generator().manual_seed(0)
    return _trials(rng, (2, 4, 3), (4, 3, 2))


push_row.trials("a window of one row")(lambda rng: _trials(rng, (1, 4, 2)))
push_row.trials("a window of two rows, as a 3x3 kernel needs")(lambda rng: _trials(rng, (2, 5, 3)))
push_row.trials("windows of three and of five rows")(lambda rng: _trials(rng, (3, 6, 1), (5, 2, 4)))


@push_row.mistakes
class Mistakes:
    def newest_first(rows, finished):
        """The rows move down instead of up: the newest row comes last, and the oldest leaves."""
        return torch.cat([finished[None], rows[:-1]])

    def the_newest_is_replaced(rows, finished):
        """The row that was newest is overwritten, and the older ones stay for ever."""
        return torch.cat([rows[:-1], finished[None]])

    def the_oldest_is_replaced(rows, finished):
        """The finished row takes the oldest one's place without a move of the others: the kernel's
        upper taps would read what lies right above."""
        return torch.cat([finished[None], rows[1:]])

    @says(ONE_ROW)
    def cleared(rows, finished):
        return torch.cat([torch.zeros_like(rows[1:]), finished[None]])

    def never_moves(rows, finished):
        """The window does not change: it is stale from the first row's end on."""
        return rows.clone()

    @says(GROWS)
    def grows(rows, finished):
        return torch.cat([rows, finished[None]])

    @says(COPIED)
    def repeated(rows, finished):
        return finished.expand_as(rows).clone()

    @says(ALONG)
    def columns_moved(rows, finished):
        moved = rows.roll(-1, dims=1)
        return torch.cat([moved[:-1], finished[None]])

    def added(rows, finished):
        """The finished row is added to the one before it, in one row of the window."""
        return torch.cat([rows[1:], rows[-1:] + finished])

    def turned_round(rows, finished):
        """The right rows, in the wrong order: the oldest comes first."""
        return reference(rows, finished).flip(0)

    @says(NOT_IN_IT)
    def only_rolled(rows, finished):
        return rows.roll(-1, dims=0)

    @says(NOT_IN_IT)
    def rolled_the_other_way(rows, finished):
        return rows.roll(1, dims=0)

    @says(NOT_IN_IT)
    def zeros_at_the_end(rows, finished):
        return torch.cat([rows[1:], torch.zeros_like(rows[:1])])

    @says(NOT_IN_IT)
    def mean_with_the_newest(rows, finished):
        return torch.cat([rows[1:], (rows[-1:] + finished) / 2])

    @says(NOT_IN_IT)
    def added_to_the_oldest(rows, finished):
        return torch.cat([rows[1:], rows[:1] + finished])

    @says(NOT_IN_IT)
    def added_to_all(rows, finished):
        return rows + finished

    @says(NOT_IN_IT)
    def turned_along_the_row(rows, finished):
        return torch.cat([rows[1:], finished[None].flip(1)])

    @says(ORDER)
    def rolled_and_the_first_replaced(rows, finished):
        rolled = rows.roll(-1, dims=0)
        return torch.cat([finished[None], rolled[1:]])

    @says(ORDER)
    def rolled_down_and_the_last_replaced(rows, finished):
        rolled = rows.roll(1, dims=0)
        return torch.cat([rolled[:-1], finished[None]])

    @says(ONE_ROW)
    def the_finished_row_alone(rows, finished):
        return finished[None]

    @says(ONE_ROW)
    def the_finished_row_without_axis(rows, finished):
        return finished

    def two_rows_whatever_was_kept(rows, finished):
        """The window has two rows, whatever the number of rows that is kept: n_rows says."""
        return torch.stack([rows[-1], finished])

    def finished_twice(rows, finished):
        """Two old rows leave, and the finished one comes in twice. One leaves, one comes."""
        return torch.cat([rows[2:], finished[None], finished[None]])[-len(rows) :]

    @says(COPIED)
    def all_but_the_oldest_copied(rows, finished):
        return torch.cat([rows[1:-1], finished[None], finished[None]])[-len(rows) :]

    def shrinks(rows, finished):
        """The window shrinks: the oldest row leaves, and the finished one does not come in."""
        return rows[1:]

    @says(GROWS)
    def grows_in_front(rows, finished):
        return torch.cat([finished[None], rows])

    @says(ALONG)
    def columns_rolled_alone(rows, finished):
        return rows.roll(-1, dims=1)

    @says(ALONG)
    def finished_as_a_column(rows, finished):
        return torch.cat([rows[:, 1:], finished[-1].expand(len(rows), 1, -1)], dim=1)

    def a_list(rows, finished):
        """These are the right rows, in a list. Join them to one tensor: `torch.stack`."""
        return [*rows[1:], finished]


@push_row.right
def by_rolling(rows, finished):
    rolled = torch.roll(rows, -1, dims=0)
    rolled[-1] = finished
    return rolled


@push_row.right
def row_by_row(rows, finished):
    new = torch.empty_like(rows)
    for i in range(len(rows)):
        new[i] = rows[i + 1] if i + 1 < len(rows) else finished
    return new
