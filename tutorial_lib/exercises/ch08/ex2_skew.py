"""Exercise 8.2: skew an image, so that its diagonals become columns."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.lstm_layers import skew as reference

skew = Exercise(
    "8.2",
    "Diagonals become columns",
    goal="Skew an image: move each row one place further right than the row above it.",
    minutes=10,
    reference=reference,
    differentiated=True,
    stub='''\
def skew(features: torch.Tensor) -> torch.Tensor:
    """Move row i right by i places, for each i, with zeros where nothing comes to lie.

    features  (B, C, H, W)
    returns   (B, C, H, W + H - 1)

    By hand: 1 2 3    ->   1 2 3 0
             4 5 6         0 4 5 6
    """
    ____
''',
    answer="""\
def skew(features):
    batch, channels, height, width = features.shape
    skewed = features.new_zeros(batch, channels, height, width + height - 1)
    for i in range(height):
        skewed[:, :, i, i : i + width] = features[:, :, i]  # row i begins at column i
    return skewed
""",
    hints=(
        """The first row stays, the second moves by one, the third by two. The last of H rows
        moves by H - 1, so that many columns have to be added.""",
        """Make `torch.zeros(B, C, H, W + H - 1)` with `features.new_zeros(...)`, and copy row by
        row: `out[:, :, i, start : start + W] = features[:, :, i]`. Where does row i start?""",
        """If numbers from the right edge turn up at the left, rows were rolled round. If it
        works for square images only, a width stands where a height should, or the other way
        round.""",
    ),
)

WIDTH_FOR_HEIGHT = (
    "The width was taken for the height: H - 1 columns have to be added, as many as the last row "
    "moves."
)
HEIGHT_FOR_WIDTH = "The height was taken for the width: the result has W + H - 1 columns."
ONE_MORE = "There is a column too many: the last row moves by H - 1, since the first stays."
COLUMNS = "The columns were moved down. It is the rows that move, to the right."
TOO_NARROW = "Nothing was added to the width, so what moves past the right edge is lost."


def _trial(rng: torch.Generator, height: int, width: int) -> Trial:
    return Trial((torch.randint(1, 100, (2, 3, height, width), generator=rng).float(),))


@skew.advises
def advice(shape, trial):
    *start, height, width = trial.args[0].shape
    told = {
        (height, 2 * width - 1): WIDTH_FOR_HEIGHT,
        (height, 2 * height - 1): HEIGHT_FOR_WIDTH,
        (height, width + height): ONE_MORE,
        (height, width): TOO_NARROW,
        (width + height - 1, width): COLUMNS,
    }
    return told.get(tuple(shape[-2:]), "")


@skew.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    features = trial.args[0]
    b, c, row, column = first_difference(got, want)
    told = f"Row {row}, column {column}: {number(want[b, c, row, column])} expected, "
    lines = [f"{told}got {number(got[b, c, row, column])}. Channel {c} of image {b}:"]
    lines += ["  " + numbers(line) for line in features[b, c]]
    lines += ["became", *("  " + numbers(line) for line in got[b, c])]
    return "\n".join(lines)


skew.trials("a square image")(
    lambda rng: ([_trial(rng, 3, 3)], [_trial(rng, 3, 6), _trial(rng, 5, 2)])
)
skew.trials("images that are not square", points=2)(
    lambda rng: [_trial(rng, 3, 6), _trial(rng, 5, 2)]
)


@skew.trials("a single row, a single column")
def one_row(rng):
    further = [_trial(rng, 3, 6), _trial(rng, 5, 2)]
    return [_trial(rng, 1, 5), _trial(rng, 4, 1)], further


def _moved(features, start, columns=None):
    """Row i of (B, C, H, W) begins at start(i), in as many columns as the result should have."""
    batch, channels, height, width = features.shape
    columns = width + height - 1 if columns is None else columns
    wide = features.new_zeros(batch, channels, height, columns + 2 * height + width)
    for i in range(height):
        first = start(i) + height
        wide[:, :, i, first : first + width] = features[:, :, i]
    return wide[..., height : height + columns]


@skew.mistakes
class Mistakes:
    def the_other_direction(features):
        """The skew leans the other way: the last row stays and the first moves furthest. Row i
        moves by i."""
        return _moved(features, lambda i: features.shape[2] - 1 - i)

    def to_the_left(features):
        """The rows move to the left, out of the image. Row i moves right by i."""
        return _moved(features, lambda i: -i)

    def rolled_round(features):
        """The rows were rolled: what leaves at the right comes back at the left. Add the columns
        first, then move."""
        rows = [features[:, :, i].roll(i, dims=-1) for i in range(features.shape[2])]
        return F.pad(torch.stack(rows, dim=2), (0, features.shape[2] - 1))

    def the_first_row_moves_too(features):
        """The first row moves as well, and everything lies one place too far right: row i moves by
        i, counted from 0."""
        return _moved(features, lambda i: i + 1)

    def by_two_places(features):
        """Each row moves two places further than the row above: one is asked for."""
        return _moved(features, lambda i: 2 * i)

    def only_the_second_row_on(features):
        """All rows but the first move by one place. Row i moves by i."""
        return _moved(features, lambda i: min(i, 1))

    def nothing_moved(features):
        """Columns were added, and no row was moved: row i moves right by i."""
        return _moved(features, lambda i: 0)

    def rolled_after_padding(features):
        """The rows move to the left and come back at the right: `roll` by i, not by -i."""
        wide = F.pad(features, (0, features.shape[2] - 1))
        rows = [wide[:, :, i].roll(-i, dims=-1) for i in range(features.shape[2])]
        return torch.stack(rows, dim=2)

    def padded_on_the_left(features):
        """The new columns were added on the left: the first row stays where it is."""
        wide = F.pad(features, (features.shape[2] - 1, 0))
        rows = [wide[:, :, i].roll(i, dims=-1) for i in range(features.shape[2])]
        return torch.stack(rows, dim=2)

    def rows_upside_down(features):
        """The rows come out upside down: row i of the result is row i of the image."""
        return reference(features.flip(2))

    def columns_reversed(features):
        """The rows come out mirrored: only their places change."""
        return reference(features.flip(3))

    def first_channel_only(features):
        """Only the first channel is moved or copied: all channels are skewed alike."""
        out = torch.zeros_like(reference(features))
        out[:, :1] = reference(features[:, :1])
        return out

    def first_image_only(features):
        """Only the first image is copied: all images of the batch are skewed."""
        out = torch.zeros_like(reference(features))
        out[:1] = reference(features[:1])
        return out

    def last_row_lost(features):
        """The last row stays empty: `range(height)` ends by itself at height - 1."""
        out = reference(features).clone()
        out[:, :, -1] = 0
        return out

    def first_row_lost(features):
        """The first row stays empty: it moves by 0, and is copied."""
        out = reference(features).clone()
        out[:, :, 0] = 0
        return out

    def ones_beside(features):
        """Beside the image stand ones: zeros are asked for."""
        return reference(features) + 1 - reference(torch.ones_like(features))

    def batch_skewed(features):
        """The images of the batch are moved, each by its number, not the rows."""
        out = features.new_zeros(*features.shape[:3], features.shape[3] + features.shape[2] - 1)
        for b in range(len(features)):
            start = min(b, features.shape[2] - 1)
            out[b, :, :, start : start + features.shape[3]] = features[b]
        return out

    def channels_skewed(features):
        """The channels are moved, each by its number, not the rows."""
        out = features.new_zeros(*features.shape[:3], features.shape[3] + features.shape[2] - 1)
        for c in range(features.shape[1]):
            start = min(c, features.shape[2] - 1)
            out[:, c, :, start : start + features.shape[3]] = features[:, c]
        return out

    def nothing_done(features):
        """The image comes back as it was."""
        return features.clone()

    def a_column_too_few(features):
        """There is a column too few: W + H - 1 are wanted."""
        return reference(features)[..., :-1]

    @says(ONE_MORE)
    def a_column_too_many(features):
        return _moved(features, lambda i: i, features.shape[3] + features.shape[2])

    @says(WIDTH_FOR_HEIGHT)
    def width_for_height(features):
        return _moved(features, lambda i: i, 2 * features.shape[3] - 1)

    @says(HEIGHT_FOR_WIDTH)
    def height_for_width(features):
        return _moved(features, lambda i: i, 2 * features.shape[2] - 1)

    @says(COLUMNS)
    def columns_moved(features):
        return reference(features.transpose(2, 3)).transpose(2, 3)

    @says(TOO_NARROW)
    def nothing_added(features):
        return reference(features)[..., : features.shape[3]]

    def all_rows_alike(features):
        """All rows move by the same amount. Each has to move one place further than the row
        above."""
        return _moved(features, lambda i: features.shape[2] - 1)

    def edges_repeated(features):
        """The places beside the image are filled with its edges. They must be 0: there is
        nothing."""
        wide = reference(features)
        mask = reference(torch.ones_like(features))
        after = torch.arange(wide.shape[3]) >= torch.arange(wide.shape[2])[:, None]
        edge = torch.where(after, features[..., -1:], features[..., :1])
        return torch.where(mask > 0, wide, edge)


@skew.right
def row_by_row(features):
    height = features.shape[2]
    rows = [F.pad(features[:, :, i], (i, height - 1 - i)) for i in range(height)]
    return torch.stack(rows, dim=2)


@skew.right
def by_looking_up(features):
    _, _, height, width = features.shape
    source = torch.arange(width + height - 1) - torch.arange(height)[:, None]
    inside = (source >= 0) & (source < width)
    places = source.clamp(0, width - 1).expand(*features.shape[:2], -1, -1)
    return features.gather(3, places) * inside
