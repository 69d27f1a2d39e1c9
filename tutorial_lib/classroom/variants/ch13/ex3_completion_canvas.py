"""Variants of exercise 13.3: other parts of a field are kept."""

from collections.abc import Callable

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch13
from tutorial_lib.exercises.trials import Trial

completion_canvas = Variants(
    ch13.completion_canvas,
    asked="Fields of which a part is kept, with -1 where a code is to be drawn.",
    by_hand=(
        "indices = [[[5, 0, 4], [7, 8, 2], [1, 6, 3]]], n_rows = 1 and n_draws = 2 give twice "
        "{outcome}, "
        "as (2, 1, 3, 3)"
    ),
    examples=(
        "completion_canvas(torch.arange(1, 13).view(1, 4, 3), 1, 1)",
        "completion_canvas(torch.arange(1, 26).view(1, 5, 5), 2, 1)",
    ),
)

HAND = torch.tensor([[[5, 0, 4], [7, 8, 2], [1, 6, 3]]])


def _twist(says: str, n_rows: str, is_kept: Callable, open_part: Callable):
    """is_kept: (row, column, height, width, n_rows) -> bool; open_part: (canvas, n_rows) -> a view
    of all that is to be drawn."""

    def by_hand(right):
        return right(HAND, 1, 1)[0, 0].tolist()

    @completion_canvas.twist(says, n_rows=n_rows, outcome=by_hand)
    def right(indices, n_rows, n_draws):
        height, width = indices.shape[1:]
        kept = torch.tensor(
            [[is_kept(r, c, height, width, n_rows) for c in range(width)] for r in range(height)]
        )
        return torch.where(kept, indices, -1).repeat_interleave(n_draws, dim=0)[:, None]

    @completion_canvas.right
    def by_filling(indices, n_rows, n_draws):
        copies = indices[:, None, None].repeat(1, n_draws, 1, 1, 1).flatten(0, 1)
        open_part(copies, n_rows).fill_(-1)
        return copies


_twist(
    "The lower rows are kept, not the upper ones.",
    "how many rows to keep, from the bottom, 0 .. h",
    lambda row, column, height, width, n: row >= height - n,
    lambda canvas, n: canvas[..., : canvas.shape[-2] - n, :],
)
_twist(
    "A frame is kept on all four sides; what lies inside is to be drawn.",
    "how wide the frame is, in codes, 0 .. half of the shorter side, rounded up",
    lambda row, column, height, width, n: (
        min(row, column, height - 1 - row, width - 1 - column) < n
    ),
    lambda canvas, n: canvas[
        ..., n : max(n, canvas.shape[-2] - n), n : max(n, canvas.shape[-1] - n)
    ],
)
_twist(
    "The upper and the lower rows are kept, as many of each; the middle is to be drawn.",
    "how many rows to keep at the top, and how many at the bottom; 2 n_rows <= h",
    lambda row, column, height, width, n: min(row, height - 1 - row) < n,
    lambda canvas, n: canvas[..., n : canvas.shape[-2] - n, :],
)


def _trial(batch: int, shape: tuple[int, int], n_rows: int, n_draws: int, rng) -> Trial:
    """Codes above 0, so that 0 for unknown cannot pass, and a few that are 0 and may be kept."""
    indices = torch.randint(1, 99, (batch, *shape), generator=rng)
    indices[:, 0, 0] = indices[:, -1, -1] = 0
    return Trial((indices, n_rows, n_draws))


completion_canvas.trials("one field, once")(lambda rng: [_trial(1, (5, 4), 1, 1, rng)])
completion_canvas.trials("several fields, several draws of each")(
    lambda rng: [_trial(3, (6, 5), 2, 4, rng)]
)


@completion_canvas.trials("nothing to keep, and most of a field")
def ends(rng):
    """Nothing to keep, and all but a little."""
    return [_trial(2, (5, 6), n_rows, 1, rng) for n_rows in (0, 2)]
