"""Variants of exercise 6.2: other orders of the window, and what becomes of old rows."""

from __future__ import annotations

import random

import torch

from tutorial_lib.classroom.variants.twists import Twist, draw_twist
from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

STUB = '''\
def push_row(rows: torch.Tensor, finished: torch.Tensor) -> torch.Tensor:
    """A row is finished: the window over the last rows moves on by one.

    {twist}

    rows      (n_rows, W, C) features of the last rows, {order} first; stays as it is
    finished  (W, C) features of the row that was finished
    returns   (n_rows, W, C) the new window

    By hand: two rows kept, one channel, W = 2: rows [[1, 2], [3, 4]] and finished [5, 6] give
             {result}
    """
    ____
'''


def _twist(says: str, right, other, *, order: str = "the oldest") -> Twist:
    window = right(torch.tensor([[[1.0], [2]], [[3], [4]]]), torch.tensor([[5.0], [6]]))
    numbers = [", ".join(f"{each:g}" for each in row) for row in window[:, :, 0].tolist()]
    result = ", ".join(f"[{row}]" for row in numbers)
    return Twist(says, right, (other,), {"order": order, "result": f"[{result}]"})


def _newest_first() -> Twist:
    def right(rows, finished):
        return torch.cat([finished[None], rows[:-1]])

    def other(rows, finished):
        rolled = rows.roll(1, dims=0)
        rolled[0] = finished
        return rolled

    return _twist(
        "The image is drawn from the bottom row to the top row, and the window keeps its rows as "
        "they lie in the image, the uppermost first.",
        right,
        other,
        order="the newest",
    )


def _nothing_forgotten() -> Twist:
    def right(rows, finished):
        moved = torch.cat([rows[1:], finished[None]])
        moved[0] += rows[0]
        return moved

    def other(rows, finished):
        every = [*rows, finished]
        return torch.stack([every[0] + every[1], *every[2:]])

    return _twist(
        "Nothing is forgotten: the row that falls out of the window is added to the one that is "
        "the oldest then.",
        right,
        other,
    )


def _fading(factor: float) -> Twist:
    def right(rows, finished):
        return torch.cat([factor * rows[1:], finished[None]])

    def other(rows, finished):
        new = torch.empty_like(rows)
        for i in range(len(rows)):
            new[i] = rows[i + 1] * factor if i + 1 < len(rows) else finished
        return new

    return _twist(
        f"Rows fade as they grow older: each row that was in the window already is multiplied by "
        f"{factor:g} when it moves on.",
        right,
        other,
    )


TWISTS = (_newest_first(), _nothing_forgotten(), _fading(0.5), _fading(0.25))


def _draw(*shapes: tuple[int, int, int]):
    def draw(rng: torch.Generator) -> list[Trial]:
        return [
            Trial((torch.randn(shape, generator=rng), torch.randn(shape[1:], generator=rng)))
            for shape in shapes
        ]

    return draw


def push_row(rng: random.Random) -> Variant:
    """A window that keeps its rows in another way."""
    return draw_twist(
        rng,
        ch06.push_row,
        TWISTS,
        stub=STUB,
        checks=(
            ("a window of two rows, as a 3x3 kernel needs", 1, _draw((2, 4, 2), (2, 5, 3))),
            ("a window of three rows", 1, _draw((3, 6, 1))),
            ("windows of one row and of five", 1, _draw((1, 4, 2), (5, 2, 4))),
        ),
        examples=(
            "push_row(torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]), "
            "torch.tensor([[7.0], [8.0]]))",
        ),
    )
