"""Variants of exercise 6.2: other orders of the window, and what becomes of old rows."""

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

push_row = Variants(
    ch06.push_row,
    rows="(n_rows, W, C) features of the last rows, {order} first; stays as it is",
    by_hand=(
        "two rows kept, one channel, W = 2: rows [[1, 2], [3, 4]] and finished [5, 6] give {result}"
    ),
    examples=(
        "push_row(torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]), "
        "torch.tensor([[7.0], [8.0]]))",
    ),
)


def _twist(says: str, right, other, *, order: str = "the oldest"):
    window = right(torch.tensor([[[1.0], [2]], [[3], [4]]]), torch.tensor([[5.0], [6]]))
    rows = [", ".join(f"{each:g}" for each in row) for row in window[:, :, 0].tolist()]
    push_row.twist(says, order=order, result=f"[[{rows[0]}], [{rows[1]}]]")(right)
    push_row.right(other)


def right(rows, finished):
    return torch.cat([finished[None], rows[:-1]])


def other(rows, finished):
    rolled = rows.roll(1, dims=0)
    rolled[0] = finished
    return rolled


_twist(
    "The image is drawn from the bottom row to the top row, and the window keeps its rows as "
    "they lie in the image, the uppermost first.",
    right,
    other,
    order="the newest",
)


def right(rows, finished):
    moved = torch.cat([rows[1:], finished[None]])
    moved[0] += rows[0]
    return moved


def other(rows, finished):
    every = [*rows, finished]
    return torch.stack([every[0] + every[1], *every[2:]])


_twist(
    "Nothing is forgotten: the row that falls out of the window is added to the one that is "
    "the oldest then.",
    right,
    other,
)


def _fading(factor: float):
    def right(rows, finished):
        return torch.cat([factor * rows[1:], finished[None]])

    def other(rows, finished):
        new = torch.empty_like(rows)
        for i in range(len(rows)):
            new[i] = rows[i + 1] * factor if i + 1 < len(rows) else finished
        return new

    _twist(
        f"Rows fade as they grow older: each row that was in the window already is multiplied by "
        f"{factor:g} when it moves on.",
        right,
        other,
    )


_fading(0.5)
_fading(0.25)


def _draw(*shapes: tuple[int, int, int]):
    def draw(rng: torch.Generator) -> list[Trial]:
        return [
            Trial((torch.randn(shape, generator=rng), torch.randn(shape[1:], generator=rng)))
            for shape in shapes
        ]

    return draw


push_row.trials("a window of two rows, as a 3x3 kernel needs")(_draw((2, 4, 2), (2, 5, 3)))
push_row.trials("a window of three rows")(_draw((3, 6, 1)))
push_row.trials("windows of one row and of five")(_draw((1, 4, 2), (5, 2, 4)))
