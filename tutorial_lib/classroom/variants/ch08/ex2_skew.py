"""Variants of exercise 8.2: which row moves furthest, and what lies beside the image."""

import itertools

import torch
from torch.nn import functional as F

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch08
from tutorial_lib.exercises.trials import Trial

skew = Variants(
    ch08.skew,
    asked="Move each row {places} further to the right than the row {than} it.",
    by_hand=("1 2 3    ->   {rows[0]}\n4 5 6         {rows[1]}"),
    examples=("skew(torch.arange(1.0, 7.0).view(1, 1, 3, 2))",),
)

ZEROS, EDGE, PERIODIC = "zeros", "edge", "periodic"
BESIDE = {
    ZEROS: "Beside the image there are zeros.",
    EDGE: "Beside the image the nearest number of the row is repeated.",
    PERIODIC: "Beside the image the row goes on periodically, from its other end.",
}


def _skewed(last_row_stays: bool, beside: str, step: int):
    times = "" if step == 1 else f"{step} "
    which = f"The last row stays, and row i moves by {times}(H - 1 - i)." if last_row_stays else ""
    if step > 1 and not last_row_stays:
        which = f"Row i moves by {step} i, and the result is W + {step} (H - 1) wide."
    elif step > 1:
        which += f" The result is W + {step} (H - 1) wide."
    places = "one place" if step == 1 else f"{step} places"
    than = "below" if last_row_stays else "above"

    def rows(right):
        moved = right(torch.arange(1.0, 7).view(1, 1, 2, 3))[0, 0]
        return [" ".join(f"{each:.0f}" for each in row) for row in moved.tolist()]

    @skew.twist(f"{which} {BESIDE[beside]}".strip(), than=than, rows=rows, places=places)
    def right(features):
        height, width = features.shape[2:]
        rows = torch.arange(height)[:, None]
        start = step * (height - 1 - rows if last_row_stays else rows)
        source = torch.arange(width + step * (height - 1)) - start
        inside = (source >= 0) & (source < width)
        source = source % width if beside == PERIODIC else source.clamp(0, width - 1)
        moved = features.gather(3, source.expand(*features.shape[:2], -1, -1))
        return moved * inside if beside == ZEROS else moved

    @skew.right
    def row_by_row(features):
        height, width = features.shape[2:]
        reach = step * (height - 1)
        out = features.new_zeros(*features.shape[:3], width + reach)
        for i in range(height):
            left = step * (height - 1 - i if last_row_stays else i)
            row = features[:, :, i]
            if beside == PERIODIC:
                turns = row.roll(left, dims=-1).repeat(1, 1, 1 + reach)
                out[:, :, i] = turns[..., : width + reach]
            else:
                mode = "constant" if beside == ZEROS else "replicate"
                out[:, :, i] = F.pad(row, (left, reach - left), mode=mode)
        return out


for _stays, _beside, _step in itertools.product((False, True), BESIDE, (1, 2)):
    if (_stays, _beside, _step) != (False, ZEROS, 1):
        _skewed(_stays, _beside, _step)


def _trial(rng: torch.Generator, height: int, width: int) -> Trial:
    return Trial((torch.randint(1, 100, (2, 3, height, width), generator=rng).float(),))


skew.trials("a square image")(lambda rng: [_trial(rng, 3, 3)])
skew.trials("images that are not square", points=2)(
    lambda rng: [_trial(rng, 3, 6), _trial(rng, 5, 2)]
)
skew.trials("a single row, a single column")(lambda rng: [_trial(rng, 1, 5), _trial(rng, 4, 1)])
