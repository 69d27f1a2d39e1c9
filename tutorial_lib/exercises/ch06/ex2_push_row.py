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

    def cleared(rows, finished):
        """The rows before the finished one are cleared. The kernel reads more than one row."""
        return torch.cat([torch.zeros_like(rows[1:]), finished[None]])

    def never_moves(rows, finished):
        """The window does not change: it is stale from the first row's end on."""
        return rows.clone()

    @says(GROWS)
    def grows(rows, finished):
        return torch.cat([rows, finished[None]])

    def repeated(rows, finished):
        """Every row of the window is the finished one. Only the last is."""
        return finished.expand_as(rows).clone()

    def columns_moved(rows, finished):
        """Columns are moved. A finished row moves the window along the rows, the first axis."""
        moved = rows.roll(-1, dims=1)
        return torch.cat([moved[:-1], finished[None]])

    def added(rows, finished):
        """The finished row is added to the one before it, in one row of the window."""
        return torch.cat([rows[1:], rows[-1:] + finished])

    def turned_round(rows, finished):
        """The right rows, in the wrong order: the oldest comes first."""
        return reference(rows, finished).flip(0)


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
