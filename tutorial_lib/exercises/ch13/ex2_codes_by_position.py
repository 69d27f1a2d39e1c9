"""Exercise 13.2: a prior that knows the place and nothing else."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(train_codes: Tensor, pick: Tensor) -> Tensor:
    """At each position the code that the picked training field has there: (B, h, w)."""
    return train_codes.gather(0, pick)


codes_by_position = Exercise(
    "13.2",
    "A prior that knows the place only",
    goal="Draw fields of codes in which every position is right by itself.",
    minutes=10,
    reference=reference,
    otherwise="Some codes are not those of the picked fields at the same position.",
    stub='''\
def codes_by_position(train_codes: torch.Tensor, pick: torch.Tensor) -> torch.Tensor:
    """Draw fields in which each position looks as in training and knows nothing of the others.

    train_codes  (N, h, w) torch.long: the fields of the training images
    pick         (B, h, w) torch.long, drawn from 0 .. N-1: which training field to ask at each
                 position of each new field
    returns      (B, h, w) torch.long: at each position the code that the picked training field has
                 at this very position

    By hand: train_codes = [[[1, 2]], [[3, 4]]] are two fields of one row. pick = [[[1, 0]]] takes
             the left code from field 1, the right one from field 0: [[[3, 2]]]
    """
    ____
''',
    answer="""\
def codes_by_position(train_codes, pick):
    drawn = torch.empty_like(pick)
    n_new, height, width = pick.shape
    for row in range(height):
        for column in range(width):
            codes_here = train_codes[:, row, column]  # (N,)
            drawn[:, row, column] = codes_here[pick[:, row, column]]
    return drawn  # all at once: train_codes.gather(0, pick)
""",
    hints=(
        """A table of frequencies is not needed: whoever takes the code of a training field that
        is picked at random draws each code as often as it occurs. Here that is done at every
        position by itself.""",
        """`train_codes.gather(0, pick)` looks up along axis 0 and keeps the other two. Or index
        with three tensors that spread over (B, h, w): `train_codes[pick, rows[:, None],
        columns]`.""",
        """If the decoded pictures look like real garments, all positions of a field come from
        one training image. If all new fields are equal, one pick is used for the whole batch.""",
    ),
)

FIELDS_IN_FIELDS = (
    "Each pick has brought its whole training field along. Take one code from it: the one at the "
    "position where the pick stands."
)

OTHER_DTYPE = "The codes are the right ones, in another dtype. Code numbers are torch.long."


def _trial(n: int, batch: int, shape: tuple[int, int], rng: torch.Generator) -> Trial:
    codes = torch.randint(100, 200, (n, *shape), generator=rng)
    return Trial((codes, torch.randint(n, (batch, *shape), generator=rng)))


@codes_by_position.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    train_codes, pick = trial.args
    field, row, column = place = first_difference(got, want)
    n, height, width = train_codes.shape
    return (
        f"{n} training fields of {height}x{width}. New field {field} picks training field "
        f"{int(pick[place])} at {(row, column)}, which has code {want[place]:.0f} there. Your "
        f"function says {got[place]:.0f}."
    )


codes_by_position.trials("fields of one position")(lambda rng: [_trial(8, 6, (1, 1), rng)])
codes_by_position.trials("one field of several rows and columns")(
    lambda rng: [_trial(10, 1, (4, 4), rng)]
)
codes_by_position.trials("more new fields than training fields")(
    lambda rng: [_trial(7, 12, (3, 5), rng)]
)
codes_by_position.also_try(lambda rng: [_trial(9, 4, (3, 3), rng), _trial(12, 5, (4, 4), rng)])


def _rows_and_columns(pick):
    return torch.arange(pick.shape[1])[:, None], torch.arange(pick.shape[2])


@codes_by_position.mistakes
class Mistakes:
    @says(FIELDS_IN_FIELDS)
    def fields_in_fields(train_codes, pick):
        return train_codes[pick]

    @says(FIELDS_IN_FIELDS)
    def fields_in_a_row(train_codes, pick):
        return train_codes.index_select(0, pick.flatten())

    def whole_fields(train_codes, pick):
        """Every new field is one training field, copied whole. Each position has a pick of its
        own."""
        return train_codes[pick[:, 0, 0]]

    def whole_rows(train_codes, pick):
        """The codes of a row all come from one training field, so neighbours still know each other.
        Every column has its own pick, too."""
        return reference(train_codes, pick[:, :, :1].expand_as(pick))

    def whole_columns(train_codes, pick):
        """The codes of a column all come from one training field. Every row has its own pick,
        too."""
        return reference(train_codes, pick[:, :1].expand_as(pick))

    def place_forgotten(train_codes, pick):
        """The pick is taken as a place in the list of all codes. It is the number of a training
        *field*, which is asked at the position where the new code will stand."""
        return train_codes.flatten()[pick]

    @says(" ".join(whole_fields.__doc__.split()))
    def whole_fields_of_the_last_pick(train_codes, pick):
        return train_codes[pick[:, -1, -1]]

    def the_last_corner(train_codes, pick):
        """All codes come from the last position of the training fields. Ask each field at the
        position that is to be filled."""
        return train_codes[:, -1, -1][pick]

    def one_corner(train_codes, pick):
        """All codes come from the first position of the training fields. Ask each field at the
        position that is to be filled."""
        return train_codes[:, 0, 0][pick]

    def column_forgotten(train_codes, pick):
        """The row is right, and the column is always 0."""
        rows, _ = _rows_and_columns(pick)
        return train_codes[pick, rows, 0]

    def row_forgotten(train_codes, pick):
        """The column is right, and the row is always 0."""
        _, columns = _rows_and_columns(pick)
        return train_codes[pick, 0, columns]

    def on_the_diagonal(train_codes, pick):
        """Row and column numbers run together, so only the diagonal of a field is asked.
        The rows need an axis of their own: `rows[:, None]`."""
        _, columns = _rows_and_columns(pick)
        return train_codes[pick, columns, columns]

    def rows_for_columns(train_codes, pick):
        """The training fields are asked at (column, row) in the place of (row, column)."""
        rows, columns = _rows_and_columns(pick)
        return train_codes[pick, columns, rows]

    def transposed(train_codes, pick):
        """The codes are the right ones, and rows and columns of the new fields are exchanged."""
        return reference(train_codes, pick).mT

    def picks_from_1(train_codes, pick):
        """The picks are counted from 1. They run from 0 to N - 1."""
        return reference(train_codes, (pick - 1) % len(train_codes))

    def picks_of_another_field(train_codes, pick):
        """The new fields come in reverse order: field b uses the picks of another one."""
        return reference(train_codes, pick.flip(0))

    def the_first_fields(train_codes, pick):
        """The first training fields are returned: `pick` plays no part."""
        return train_codes[: len(pick)]

    def arguments_exchanged(train_codes, pick):
        """The picks are looked up at the codes. Look up the codes at the picks."""
        return pick.gather(0, train_codes % len(pick))

    def a_mean_of_codes(train_codes, pick):
        """Code numbers are averaged. Number 3 is not between 2 and 4: they are names."""
        return train_codes.double().mean(dim=0).round().long().expand_as(pick).clone()

    def one_new_field(train_codes, pick):
        """Only the first new field is drawn. There are B of them."""
        return reference(train_codes, pick[:1])

    @says(OTHER_DTYPE)
    def floating(train_codes, pick):
        return reference(train_codes, pick).float()

    @says(OTHER_DTYPE)
    def the_32_bits(train_codes, pick):
        return reference(train_codes, pick).int()

    def along_the_rows(train_codes, pick):
        """The look-up runs along the rows of a field, axis 1. Training fields lie along axis 0."""
        return train_codes.gather(1, pick % train_codes.shape[1])

    def along_the_columns(train_codes, pick):
        """The look-up runs along the columns of a field, axis 2. Training fields lie along axis
        0."""
        return train_codes.gather(2, pick % train_codes.shape[2])

    def one_pick_for_all(train_codes, pick):
        """All new fields are equal: the first pick is used for the whole batch."""
        return reference(train_codes, pick[:1]).expand_as(pick).clone()

    def the_most_frequent_code(train_codes, pick):
        """Each position gets its most frequent code, whatever is picked. That is a mode, not a
        draw: every field would be the same."""
        return train_codes.mode(dim=0).values.expand_as(pick).clone()

    def upside_down(train_codes, pick):
        """The fields are asked at the opposite position: rows and columns run backwards."""
        return reference(train_codes.flip(1, 2), pick)

    def the_picks_themselves(train_codes, pick):
        """These are the numbers of training fields. What is asked for is the code that they
        have."""
        return pick.clone()


@codes_by_position.right
def by_three_indices(train_codes, pick):
    rows, columns = _rows_and_columns(pick)
    return train_codes[pick, rows, columns]


@codes_by_position.right
def position_by_position(train_codes, pick):
    drawn = torch.empty_like(pick)
    for row in range(pick.shape[1]):
        for column in range(pick.shape[2]):
            drawn[:, row, column] = train_codes[pick[:, row, column], row, column]
    return drawn
