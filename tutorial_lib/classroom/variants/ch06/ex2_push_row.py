"""Variants of exercise 6.2: other orders of the window, and what becomes of old rows."""

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch06
from tutorial_lib.exercises.trials import Trial

push_row = Variants(
    ch06.push_row,
    rows="(B, C, n_rows, W) features of the last rows, {order} first; stays as it is",
    kernel=(
        "(O, C, n_rows, k) its rows of taps lie on the rows of the window in their order; of the k "
        "columns of taps (k is odd) the middle one lies on the pixel"
    ),
    returns=(
        "the new window (B, C, n_rows, W), and the sums (B, O, W), one for each pixel. Beside the "
        "image there are zeros"
    ),
    by_hand=(
        "rows = [[1, 2], [3, 4]], finished = [5, 6], kernel = [[0, 10, 0], [0, 1, 0]] (B = C = O = "
        "1): the window becomes {window}, the sums are {sums}"
    ),
    examples=(
        "push_row(torch.tensor([[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]]), "
        "torch.tensor([[[7.0, 8.0]]]), torch.ones(1, 1, 3, 1))",
    ),
)


def _by_conv(window, kernel):
    reach = kernel.shape[3] // 2
    return window, F.conv2d(F.pad(window, (reach, reach)), kernel)[:, :, 0]


def _by_taps(window, kernel):
    reach, width = kernel.shape[3] // 2, window.shape[3]
    wide, sums = F.pad(window, (reach, reach)), 0
    for j in range(kernel.shape[3]):
        sums = sums + torch.einsum("bcrw,ocr->bow", wide[..., j : j + width], kernel[..., j])
    return window, sums


def _twist(says: str, window, otherwise, *, order: str = "the oldest"):
    """Two ways to make the new window (B, C, n_rows, W) of `rows` and `finished` (B, C, W)."""

    def right(rows, finished, kernel):
        return _by_conv(window(rows, finished), kernel)

    def other(rows, finished, kernel):
        return _by_taps(otherwise(rows, finished), kernel)

    rows, finished = torch.tensor([[[[1.0, 2], [3, 4]]]]), torch.tensor([[[5.0, 6]]])
    kernel = torch.tensor([[[[0.0, 10, 0], [0, 1, 0]]]])
    shown = [_said(each.squeeze()) for each in right(rows, finished, kernel)]
    push_row.twist(says, order=order, window=shown[0], sums=shown[1])(right)
    push_row.right(other)


def _said(values: torch.Tensor) -> str:
    if values.dim() == 0:
        return f"{values.item():g}"
    return "[" + ", ".join(_said(each) for each in values) + "]"


def upward(rows, finished):
    """The new row on top, the last one forgotten."""
    return torch.cat([finished[:, :, None], rows[:, :, :-1]], dim=2)


def upward_by_rolling(rows, finished):
    """The same, by turning the window round."""
    rolled = rows.roll(1, dims=2)
    rolled[:, :, 0] = finished
    return rolled


_twist(
    "The image is drawn from the bottom row to the top row, and the window keeps its rows as "
    "they lie in the image, the uppermost first.",
    upward,
    upward_by_rolling,
    order="the newest",
)


def nothing_forgotten(rows, finished):
    """The row that falls out, added to the oldest."""
    moved = torch.cat([rows[:, :, 1:], finished[:, :, None]], dim=2)
    moved[:, :, 0] += rows[:, :, 0]
    return moved


def all_rows_then_two_added(rows, finished):
    """The same, from the list of all rows."""
    every = [*rows.unbind(2), finished]
    return torch.stack([every[0] + every[1], *every[2:]], dim=2)


_twist(
    "Nothing is forgotten: the row that falls out of the window is added to the one that is "
    "the oldest then.",
    nothing_forgotten,
    all_rows_then_two_added,
)


def _fading(factor: float):
    def faded(rows, finished):
        return torch.cat([factor * rows[:, :, 1:], finished[:, :, None]], dim=2)

    def row_by_row(rows, finished):
        new = torch.empty_like(rows)
        n_rows = rows.shape[2]
        for i in range(n_rows):
            new[:, :, i] = rows[:, :, i + 1] * factor if i + 1 < n_rows else finished
        return new

    _twist(
        f"Rows fade as they grow older: each row that was in the window already is multiplied by "
        f"{factor:g} when it moves on.",
        faded,
        row_by_row,
    )


_fading(0.5)
_fading(0.25)


def _draw(*sizes: tuple[int, int, int, int, int, int]):
    """sizes: batch, channels in, channels out, rows, width, k."""

    def draw(rng: torch.Generator) -> list[Trial]:
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

    return draw


push_row.trials("a window of two rows, as a 3x3 kernel needs", points=2)(
    _draw((2, 4, 3, 2, 5, 3), (1, 2, 2, 2, 6, 3))
)
push_row.trials("a window of three rows", points=2)(_draw((2, 1, 3, 3, 6, 5)))
push_row.trials("windows of two rows and of five")(_draw((2, 2, 2, 2, 4, 3), (1, 2, 4, 5, 6, 3)))
