"""Exercise 4.1: the vertical stack must not see its own row."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.gated_layer import shift_down as reference

IN_PLACE = "The horizontal stack still needs them where they were: build a new tensor."

shift_down = Exercise(
    "4.1",
    "One row down",
    goal="Prepare what the vertical stack is given, so that no row sees its own pixels.",
    minutes=5,
    reference=reference,
    when_changed={"features": IN_PLACE},
    otherwise="Rows do not come to lie one below where they were.",
    stub='''\
def shift_down(features: torch.Tensor) -> torch.Tensor:
    """What the vertical kernel is given, so that it sees all rows above a pixel, and not its own.

    features  (B, C, H, W); stays as it is
    returns   (B, C, H, W), with zeros where the image has nothing to give

    By hand: a kernel of two rows and one column, all ones, adds a row and the row above it. With
             features [[1, 2], [3, 4], [5, 6]], your result makes it give [[0, 0], [1, 2], [4, 6]]
    """
    ____
''',
    answer="""\
def shift_down(features):
    moved = torch.zeros_like(features)  # row 0 stays 0: nothing lies above it
    for row in range(1, features.shape[2]):
        moved[:, :, row] = features[:, :, row - 1]
    return moved
""",
    hints=(
        """A row may only hold what was drawn before any of its own pixels. Which rows of the
        input are needed for that, and which one is not needed at all?""",
        """`torch.nn.functional.pad(features, (left, right, top, bottom))` adds zeros on each
        side, and cuts off where a number is negative. Or join a row of zeros and `features[:,
        :, :-1]` with `torch.cat`.""",
        """If 5x5 images work and 5x7 ones do not, a height was taken for a width. If row 0 is
        not all zeros, something came round from the bottom or was repeated.""",
    ),
)

ROLLED = (
    "Row 0 holds the last row: torch.roll brings round what falls out. The first pixel would be "
    "told how the image ends."
)
UP = "The rows move up, so each row is told about the one below it, drawn later."
COLUMNS = "The columns move, not the rows. Height is dimension 2, width dimension 3."
ALL_ZERO = (
    "Every number of the result is 0, so nothing is told at all. Row by row in one tensor, a row "
    "is overwritten before it is read: start from the last row, or fill a new tensor."
)
KEPT_IN_PLACE = (
    "The last row is emptied, and the other rows stay where they are: they see their own pixels."
)
MEMORY = (
    "The numbers move by one place as they lie in memory: along the row, and past its end. Whole "
    "rows have to move: `dims=2`."
)
ADDED_UP = (
    "Rows are added up. That is the kernel's work: here, each row of the result is one row of the "
    "features."
)
BY_WIDTH = "The height of the result follows from the width: right for square images only."
SURPLUS = "A row too many: the last row has no place any more, cut it off."
CUT_OFF = "No gradient comes through: `.detach()`, `.data` or `.numpy()` cuts the features off."


def draw_trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    """Features that are all different, so that each number tells where it came from."""
    count = torch.Size(shape).numel()
    return Trial(((torch.randperm(count, generator=rng) + 1.0).view(shape),))


@shift_down.advises
def advice(shape, trial):
    height, width = trial.args[0].shape[-2:]
    if shape[2:] == (height + 1, width):
        return SURPLUS
    if shape[2:] == (width, width):
        return BY_WIDTH
    if len(shape) == 4 and shape[3] != width:
        return "The width must not change: the sides of `pad` are left, right, top, bottom."
    if len(shape) == 4 and shape[2] != height:
        return "The number of rows must not change: what comes in above falls out below."
    return ""


@shift_down.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    features = trial.args[0]
    place = first_difference(got, want)
    b, channel, row, column = place
    wanted = "0" if row == 0 else f"what was at {(row - 1, column)}"
    return (
        f"{features.shape[2]}x{features.shape[3]} image {b}, channel {channel}: your result at "
        f"{(row, column)} {_origin(features, got[place])}. It must hold {wanted}."
    )


def _origin(features: Tensor, value: Tensor) -> str:
    """Where in the features a number of the result comes from."""
    if value == 0:
        return "holds 0"
    found = (features == value).nonzero().tolist()
    if not found:
        return f"holds {number(value)}, which is nowhere in the features"
    _, channel, row, column = found[0]
    return f"holds what was at {(row, column)} in channel {channel}"


def _check(candidate, trials: list[Trial], diagnose_on: list[Trial]) -> Failure | None:
    return shift_down.compare(
        candidate,
        trials,
        further=diagnose_on,
        otherwise="Rows do not come to lie one below where they were.",
    )


def gradient_of(function: Callable, features: Tensor) -> Tensor | None:
    """The gradient of a mix of all outputs with respect to the features; None where cut off."""
    features = features.requires_grad_()
    out = tensor_shifted(function(features), features)
    if not out.requires_grad:
        return None
    mixed = (out * torch.arange(1.0, out.numel() + 1).view_as(out)).sum()
    return torch.autograd.grad(mixed, features, allow_unused=True)[0]


def tensor_shifted(value: object, features: Tensor) -> Tensor:
    """The learner's result as it is, once its shape is known to be right."""
    tensor_result(value, features.shape, advice=lambda shape: advice(shape, Trial((features,))))
    return value


shift_down.trials("which pixel each number of the result comes from, square images")(
    lambda rng: ([draw_trial((2, 3, 5, 5), rng)], [draw_trial((1, 2, 6, 6), rng)])
)
shift_down.trials("the same for images that are not square")(
    lambda rng: [draw_trial(shape, rng) for shape in ((1, 2, 7, 5), (2, 2, 4, 6), (1, 1, 1, 3))]
)


@shift_down.judge("where the gradients go")
def gradient(candidate, rng: torch.Generator) -> Failure | None:
    trial = draw_trial((1, 2, 3, 4), rng)
    want = gradient_of(reference, *Trial(trial.args).args)
    got = candidate.measure(gradient_of, trial.args[0].detach())
    if got is None:
        return Failure(CUT_OFF, "features[0, 0, 0, 0] must get a gradient, it gets none.")
    place = first_difference(got, want)
    if place is None:
        return None
    told = f"{number(want[place])} expected at features{list(place)}, got {number(got[place])}"
    return Failure("A gradient goes to the wrong pixel.", f"{told}.")


def _padded(features, sides):
    return F.pad(features, sides)


@shift_down.mistakes
class Mistakes:
    @says(ROLLED)
    def roll(features):
        return torch.roll(features, 1, dims=2)

    @says(UP)
    def up(features):
        return _padded(features, (0, 0, -1, 1))

    @says(COLUMNS)
    def columns(features):
        return _padded(features, (1, -1, 0, 0))

    def channels(features):
        """The channels move, not the rows. Dimension 1 holds the features."""
        return F.pad(features, (0, 0, 0, 0, 1, -1))

    def unmoved(features):
        """Nothing moves. Every row would go on seeing its own pixels."""
        return features.clone()

    def first_row_emptied(features):
        """Row 0 is emptied, but the other rows stay where they are and see their own pixels."""
        result = features.clone()
        result[:, :, 0] = 0
        return result

    def two_rows(features):
        """The rows move two down, so each loses the row directly above it, the most telling one."""
        return torch.cat([torch.zeros_like(features), features], 2)[
            :, :, -features.shape[2] - 2 : -2
        ]

    def first_row_repeated(features):
        """Row 0 holds row 0: it is repeated where zeros belong, and its pixels see themselves."""
        return torch.cat([features[:, :, :1], features[:, :, :-1]], dim=2)

    @says(BY_WIDTH)
    def cropped_by_width(features):
        return _padded(features, (0, 0, 1, 0))[:, :, : features.shape[3]]

    @says(SURPLUS)
    def not_cropped(features):
        return _padded(features, (0, 0, 1, 0))

    @says(IN_PLACE)
    def in_place(features):
        features[:, :, 1:] = features[:, :, :-1].clone()
        features[:, :, 0] = 0
        return features

    @says(CUT_OFF)
    def cut_off_from_gradients(features):
        return _padded(features.detach(), (0, 0, 1, -1))

    @says(ROLLED)
    def roll_with_the_last_row_emptied(features):
        rolled = torch.roll(features, 1, dims=2)
        return torch.cat([rolled[:, :, :-1], torch.zeros_like(rolled[:, :, :1])], dim=2)

    @says(ROLLED)
    def roll_with_the_first_column_emptied(features):
        rolled = torch.roll(features, 1, dims=2)
        return torch.cat([torch.zeros_like(rolled[..., :1]), rolled[..., 1:]], dim=3)

    @says(UP)
    def roll_up(features):
        return torch.roll(features, -1, dims=2)

    @says(UP)
    def roll_up_with_the_first_row_emptied(features):
        rolled = torch.roll(features, -1, dims=2)
        return torch.cat([torch.zeros_like(rolled[:, :, :1]), rolled[:, :, 1:]], dim=2)

    @says(COLUMNS)
    def roll_columns(features):
        return torch.roll(features, 1, dims=3)

    @says(COLUMNS)
    def columns_to_the_left(features):
        return _padded(features, (-1, 1, 0, 0))

    def rows_and_columns(features):
        """The columns move as well. Only the rows may: all of the row above is finished."""
        return _padded(features, (1, -1, 1, -1))

    def images(features):
        """The images of the batch move, not the rows. Dimension 0 counts the images."""
        return torch.cat([torch.zeros_like(features[:1]), features[:-1]])

    @says(MEMORY)
    def roll_without_dims(features):
        return torch.roll(features, 1)

    @says(MEMORY)
    def roll_of_a_flat_image(features):
        rolled = torch.roll(features.flatten(2), 1, dims=2)
        return torch.cat([torch.zeros_like(rolled[..., :1]), rolled[..., 1:]], 2).view_as(features)

    @says(MEMORY)
    def roll_of_all_with_the_first_row_emptied(features):
        rolled = torch.roll(features, 1)
        return torch.cat([torch.zeros_like(rolled[:, :, :1]), rolled[:, :, 1:]], dim=2)

    def ones(features):
        """Row 0 is filled with ones. Nothing lies above it: zeros."""
        return torch.cat([torch.ones_like(features[:, :, :1]), features[:, :, :-1]], dim=2)

    @says(ALL_ZERO)
    def overwritten(features):
        return torch.zeros_like(features)

    def the_first_row_everywhere(features):
        """Row 0 of the features comes to lie in every row. In a loop in one tensor, a row is
        overwritten before it is read."""
        first = features[:, :, :1].expand_as(features[:, :, 1:])
        return torch.cat([torch.zeros_like(features[:, :, :1]), first], dim=2)

    @says(KEPT_IN_PLACE)
    def last_row_emptied(features):
        return torch.cat([features[:, :, :-1], torch.zeros_like(features[:, :, :1])], dim=2)

    @says(ADDED_UP)
    def all_rows_above(features):
        return _padded(features.cumsum(dim=2), (0, 0, 1, -1))

    @says(ADDED_UP)
    def two_rows_above(features):
        return _padded(features, (0, 0, 1, -1)) + _padded(features, (0, 0, 2, -2))

    @says(ADDED_UP)
    def own_row_and_above(features):
        return features + _padded(features, (0, 0, 1, -1))

    def upside_down(features):
        """The rows are in reversed order. They keep their order, one place further down."""
        return features.flip(2)

    def turned(features):
        """Height and width are exchanged. Height is dimension 2, width dimension 3."""
        return _padded(features.transpose(2, 3), (0, 0, 1, -1))

    def mirrored(features):
        """Row 0 mirrors row 1, which is drawn later. Nothing lies above row 0: zeros."""
        return torch.cat([features[:, :, 1:2], features[:, :, :-1]], dim=2)

    def first_image_for_all(features):
        """All images get the rows of the first one."""
        return _padded(features[:1].expand_as(features), (0, 0, 1, -1))


@shift_down.right
def by_joining(features):
    above = torch.zeros_like(features[:, :, :1])
    return torch.cat([above, features[:, :, :-1]], dim=2)


@shift_down.right
def by_a_matrix(features):
    height = features.shape[2]
    move = torch.diag(torch.ones(height - 1, dtype=features.dtype), diagonal=-1)
    return move @ features


@shift_down.right
def by_rolling_and_masking(features):
    keep = (torch.arange(features.shape[2]) > 0).to(features.dtype)
    return torch.roll(features, 1, dims=2) * keep[:, None]
