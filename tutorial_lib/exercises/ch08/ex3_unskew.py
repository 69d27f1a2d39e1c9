"""Exercise 8.3: undo the skew."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.lstm_layers import skew
from tutorial_lib.pixels.lstm_layers import unskew as reference

unskew = Exercise(
    "8.3",
    "And back again",
    goal="Undo the skew, whatever lies beside the image.",
    minutes=5,
    reference=reference,
    differentiated=True,
    stub='''\
def unskew(skewed: torch.Tensor) -> torch.Tensor:
    """Move row i back left by i places, and drop what lies beside the image: undoes `skew`.

    skewed   (B, C, H, S) with S = W + H - 1 columns; beside the image there may be any numbers
    returns  (B, C, H, W)

    By hand: 1 2 3 7    ->   1 2 3
             8 4 5 6         4 5 6
    """
    ____
''',
    answer="""\
def unskew(skewed):
    height, columns = skewed.shape[2:]
    width = columns - height + 1
    # Row i begins at column i.
    rows = [skewed[:, :, i, i : i + width] for i in range(height)]
    return torch.stack(rows, dim=2)
""",
    hints=(
        """Row i of the image begins at column i of the skewed one and is W long. How wide was
        the image? S and H tell.""",
        """`width = skewed.shape[3] - skewed.shape[2] + 1`. Row i is `skewed[:, :, i, i : i +
        width]`; `torch.stack(rows, dim=2)` puts rows on top of one another again.""",
        """`unskew(skew(x))` must be x for images of any two sides. If only square ones come
        back, the width does not follow from S and H. If the numbers beside the image turn up,
        the wrong end was cut off.""",
    ),
)

NOT_CUT = "The rows are back in place, but the columns that skew added are still there."
ONE_LESS = "A column was lost: skew added H - 1 columns, not H."
SQUARE = "The width was taken from S alone, which works for square images only: W = S - H + 1."
HEIGHT = "The height was taken for the width: W = S - H + 1."
AGAIN = "The image was skewed a second time: rows move to the left here."


def _random_trial(rng: torch.Generator, height: int, width: int) -> Trial:
    """Any numbers, beside the image too, as an LSTM leaves them."""
    shape = (2, 3, height, width + height - 1)
    return Trial((torch.randint(0, 9, shape, generator=rng).float(),))


def _skewed_trial(rng: torch.Generator, height: int, width: int) -> Trial:
    """An image that was skewed, with zeros beside it."""
    return Trial((skew(torch.randint(1, 100, (2, 3, height, width), generator=rng).float()),))


@unskew.advises
def advice(shape, trial):
    *start, height, columns = trial.args[0].shape
    width = columns - height + 1
    told = {
        columns: NOT_CUT,
        columns + height - 1: AGAIN,
        width - 1: ONE_LESS,
        (columns + 1) // 2: SQUARE,
        height: HEIGHT,
    }
    return told.get(shape[-1], "") if len(shape) == 4 else ""


@unskew.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    skewed = trial.args[0]
    b, c, row, column = first_difference(got, want)
    told = f"Row {row}, column {column}: {number(want[b, c, row, column])} expected, "
    lines = [f"{told}got {number(got[b, c, row, column])}. Channel {c} of image {b}:"]
    lines += ["  " + numbers(line) for line in skewed[b, c]]
    lines += ["became", *("  " + numbers(line) for line in got[b, c])]
    return "\n".join(lines)


def _further(rng: torch.Generator) -> list[Trial]:
    return [_random_trial(rng, 4, 6), _random_trial(rng, 3, 7)]


unskew.trials("a square image, there and back")(
    lambda rng: ([_skewed_trial(rng, 4, 4)], _further(rng))
)
unskew.trials("images that are not square, there and back")(
    lambda rng: ([_skewed_trial(rng, 3, 6), _skewed_trial(rng, 6, 3)], _further(rng))
)


@unskew.trials("any numbers beside the image")
def anything_beside(rng):
    trials = [_random_trial(rng, 4, 6), _random_trial(rng, 5, 2), _random_trial(rng, 1, 4)]
    return trials, _further(rng)


def _cut(skewed, start, width=None):
    """Row i from column start(i) on, with zeros where there is nothing."""
    height = skewed.shape[2]
    width = skewed.shape[3] - height + 1 if width is None else width
    wide = F.pad(skewed, (height, height + width))
    rows = [wide[:, :, i, start(i) + height : start(i) + height + width] for i in range(height)]
    return torch.stack(rows, dim=2)


@unskew.mistakes
class Mistakes:
    def the_other_direction(skewed):
        """The rows move back by the wrong amounts, the first furthest. Row i moves left by i."""
        return _cut(skewed, lambda i: skewed.shape[2] - 1 - i)

    def further_right(skewed):
        """The rows move further right, where they should come back to the left."""
        return _cut(skewed, lambda i: -i)

    def the_left_part(skewed):
        """You cut out the left part as it is: the rows were not moved back."""
        return _cut(skewed, lambda i: 0)

    def the_right_part(skewed):
        """You cut out the right part as it is: the rows were not moved back."""
        return _cut(skewed, lambda i: skewed.shape[2] - 1)

    def one_too_far(skewed):
        """Every row moves one place too far, the first as well: row i begins at column i, counted
        from 0."""
        return _cut(skewed, lambda i: i + 1)

    def by_two_places(skewed):
        """Each row moves back two places further than the row above: skew moved it by one."""
        return _cut(skewed, lambda i: 2 * i)

    def all_but_the_first_by_one(skewed):
        """All rows but the first move back by one place. Row i moves left by i."""
        return _cut(skewed, lambda i: min(i, 1))

    def one_too_little(skewed):
        """Every row moves one place too little: row i begins at column i, counted from 0."""
        return _cut(skewed, lambda i: i - 1)

    def rolled_to_the_right(skewed):
        """The rows are rolled to the right: `roll` by -i brings row i back."""
        width = skewed.shape[3] - skewed.shape[2] + 1
        rows = [skewed[:, :, i].roll(i, dims=-1) for i in range(skewed.shape[2])]
        return torch.stack(rows, dim=2)[..., :width]

    def the_wrong_end(skewed):
        """The rows are back in place, and the columns were cut off at the left: those that skew
        added lie at the right now."""
        width = skewed.shape[3] - skewed.shape[2] + 1
        rows = [skewed[:, :, i].roll(-i, dims=-1) for i in range(skewed.shape[2])]
        return torch.stack(rows, dim=2)[..., -width:]

    def rows_upside_down(skewed):
        """The rows come out upside down."""
        return reference(skewed).flip(2)

    def mirrored(skewed):
        """The rows come out mirrored."""
        return reference(skewed).flip(3)

    def transposed(skewed):
        """Rows and columns of the result are exchanged: `torch.stack(rows, dim=2)` puts rows below
        one another."""
        return reference(skewed).transpose(2, 3)

    def stacked_elsewhere(skewed):
        """The rows are stacked along a new first axis: `torch.stack(rows, dim=2)` gives (B, C, H,
        W)."""
        return reference(skewed).permute(2, 0, 1, 3)

    def first_channel_for_all(skewed):
        """Every channel gets the first one."""
        return reference(skewed)[:, :1].expand(-1, skewed.shape[1], -1, -1)

    def first_image_for_all(skewed):
        """Every image of the batch gets the first one."""
        return reference(skewed)[:1].expand(len(skewed), -1, -1, -1)

    def last_row_lost(skewed):
        """The last row stays empty: `range(height)` ends by itself at height - 1."""
        out = reference(skewed).clone()
        out[:, :, -1] = 0
        return out

    def a_column_too_many(skewed):
        """There is a column too many: W = S - H + 1."""
        return _cut(skewed, lambda i: i, skewed.shape[3] - skewed.shape[2] + 2)

    @says(AGAIN)
    def skewed_again(skewed):
        return skew(skewed)

    @says(NOT_CUT)
    def not_cut(skewed):
        return _cut(skewed, lambda i: i, skewed.shape[3])

    @says(ONE_LESS)
    def a_column_lost(skewed):
        return _cut(skewed, lambda i: i, skewed.shape[3] - skewed.shape[2])

    @says(SQUARE)
    def square_only(skewed):
        return _cut(skewed, lambda i: i, (skewed.shape[3] + 1) // 2)

    @says(HEIGHT)
    def height_for_width(skewed):
        return _cut(skewed, lambda i: i, skewed.shape[2])

    def what_is_not_0(skewed):
        """You look for numbers that are not 0. In an LSTM there are numbers beside the image as
        well, and zeros in it: go by the place."""
        # Moves what is not 0 to the front, which works as long as only zeros lie beside the image.
        width = skewed.shape[3] - skewed.shape[2] + 1
        order = (skewed == 0).int().argsort(dim=-1, stable=True)
        return skewed.gather(-1, order)[..., :width]


@unskew.right
def row_by_row(skewed):
    width = skewed.shape[3] - skewed.shape[2] + 1
    rows = [skewed[:, :, i].narrow(-1, i, width) for i in range(skewed.shape[2])]
    return torch.stack(rows, dim=2)


@unskew.right
def rolled_and_cut(skewed):
    height, columns = skewed.shape[2:]
    out = skewed.clone()
    for i in range(height):
        out[:, :, i] = skewed[:, :, i].roll(-i, dims=-1)
    return out[..., : columns - height + 1]
