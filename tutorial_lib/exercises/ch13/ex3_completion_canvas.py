"""Exercise 13.3: what is kept, and what is to be drawn."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial

IN_PLACE = (
    "The whole fields are still needed: their lower half is the truth that the samples are held "
    "against."
)


def reference(indices: Tensor, n_rows: int, n_draws: int) -> Tensor:
    """The first rows of every field, -1 below, each n_draws times in a row: (B*n_draws, 1, h, w).

    0 is a code like any other, so what is to be drawn needs a number that no code has.
    """
    canvas = torch.full_like(indices, -1)
    canvas[:, :n_rows] = indices[:, :n_rows]
    return canvas.repeat_interleave(n_draws, dim=0).unsqueeze(1)


completion_canvas = Exercise(
    "13.3",
    "Keep the upper codes",
    goal="Prepare fields of which the upper rows are kept and the rest is to be drawn.",
    minutes=10,
    reference=reference,
    when_changed={"indices": IN_PLACE},
    otherwise="Some entries are neither the kept code nor -1 where one is to be drawn.",
    stub='''\
def completion_canvas(indices: torch.Tensor, n_rows: int, n_draws: int) -> torch.Tensor:
    """What `sample(known=...)` completes: codes to keep, and -1 where one is to be drawn.

    indices  (B, h, w) torch.long: whole fields; stays as it is
    n_rows   how many rows to keep, from the top, 0 .. h
    n_draws  how often each field is completed
    returns  (B * n_draws, 1, h, w) torch.long; the n_draws canvases of a field follow each other

    By hand: indices = [[[5, 0], [7, 8]]], n_rows = 1 and n_draws = 2 give twice [[5, 0], [-1, -1]],
             as (2, 1, 2, 2)
    """
    ____
''',
    answer="""\
def completion_canvas(indices, n_rows, n_draws):
    canvas = torch.full_like(indices, -1)  # everything is to be drawn
    canvas[:, :n_rows] = indices[:, :n_rows]  # but for the upper rows
    copies = canvas.repeat_interleave(n_draws, dim=0)  # 0 0 0 1 1 1, not 0 1 0 1 0 1
    return copies.unsqueeze(1)  # (B * n_draws, 1, h, w)
""",
    hints=(
        """Three steps: a field in which everything is to be drawn, the kept rows written into
        it, then copies. Which number can mean "draw it", if every number from 0 to K - 1 is a
        code?""",
        """`torch.full_like(indices, -1)`, a slice of rows, `repeat_interleave(n_draws, dim=0)`,
        and `unsqueeze(1)` for the one colour that the sampler expects.""",
        """If dark patches are never redrawn, unknown codes are 0, which is a code. If the six
        samples of a row belong to six garments, the copies come in the wrong order.""",
    ),
)

EVERY = slice(None)
NO_COLOUR = "The axis of the colour is missing: the sampler takes (B, 1, h, w), as for images."
ONCE = "Every field stands there once. Each of its draws needs a canvas of its own."
AS_COLOURS = (
    "The copies stand where the colour belongs. Each draw is an image of its own, in axis 0."
)
NAN = (
    "Code numbers are whole numbers, and so is what says that one is missing. Floating point has "
    "nan for that; torch.long has not, so the sampler takes -1."
)


def _trial(batch: int, shape: tuple[int, int], n_rows: int, n_draws: int, rng) -> Trial:
    """Codes above 0, so that 0 for unknown cannot pass, and one 0 that is to be kept."""
    indices = torch.randint(1, 99, (batch, *shape), generator=rng)
    indices[:, 0, 0] = 0
    return Trial((indices, n_rows, n_draws))


@completion_canvas.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    indices, n_rows, n_draws = trial.args
    canvas, _, row, column = place = first_difference(got, want)
    wanted = "to be drawn, so -1" if row >= n_rows else f"kept, so {want[place]:.0f}"
    return (
        f"{len(indices)} fields of {indices.shape[1]}x{indices.shape[2]}, n_rows = {n_rows}, "
        f"n_draws = {n_draws}. Canvas {canvas} belongs to field {canvas // n_draws}; its code at "
        f"{(row, column)} is {wanted}. Your function says {got[place]:.0f}."
    )


completion_canvas.trials("one field, once")(lambda rng: [_trial(1, (5, 4), 2, 1, rng)])
completion_canvas.trials("several fields, several draws of each")(
    lambda rng: [_trial(3, (4, 5), 2, 4, rng)]
)
completion_canvas.trials("no row to keep, and every row to keep")(
    lambda rng: [_trial(2, (3, 3), n_rows, 1, rng) for n_rows in (0, 3)]
)
completion_canvas.also_try(lambda rng: [_trial(3, (5, 3), 2, 3, rng), _trial(4, (4, 4), 3, 2, rng)])


def _in_copies(canvas, n_draws):
    return canvas.repeat_interleave(n_draws, dim=0).unsqueeze(1)


def _keep(indices, rows, columns, unknown=-1):
    canvas = torch.full_like(indices, unknown)
    canvas[:, rows, columns] = indices[:, rows, columns]
    return canvas


@completion_canvas.mistakes
class Mistakes:
    def the_0_for_unknown(indices, n_rows, n_draws):
        """What is to be drawn is marked with 0. That is a code: the sampler would keep it."""
        return _in_copies(_keep(indices, slice(n_rows), EVERY, unknown=0), n_draws)

    def K_for_unknown(indices, n_rows, n_draws):
        """What is to be drawn is marked with a number above the codes. The sampler knows only -1,
        and a code that this field happens not to use is still a code."""
        unknown = int(indices.max()) + 1
        return _in_copies(_keep(indices, slice(n_rows), EVERY, unknown), n_draws)

    def ignored_in_a_loss(indices, n_rows, n_draws):
        """What is to be drawn is marked with -100, which a cross-entropy leaves out. The sampler
        looks for -1."""
        return _in_copies(_keep(indices, slice(n_rows), EVERY, -100), n_draws)

    def the_last_rows(indices, n_rows, n_draws):
        """The last rows are kept. The order is raster order: what is drawn must come after what it
        is drawn from, so the known part is the upper one."""
        return _in_copies(_keep(indices, slice(indices.shape[1] - n_rows, None), EVERY), n_draws)

    def the_wrong_part_is_drawn(indices, n_rows, n_draws):
        """Kept and drawn are exchanged: the first n_rows rows are those that stay."""
        return _in_copies(_keep(indices, slice(n_rows, None), EVERY), n_draws)

    def fields_for_rows(indices, n_rows, n_draws):
        """You count fields, not rows: axis 0 is the batch. The rows of a field are axis 1."""
        canvas = indices.clone()
        canvas[n_rows:] = -1
        return _in_copies(canvas, n_draws)

    def columns_(indices, n_rows, n_draws):
        """Columns are kept, not rows: the rows are axis 1."""
        return _in_copies(_keep(indices, EVERY, slice(n_rows)), n_draws)

    def one_row(indices, n_rows, n_draws):
        """Only the last of the kept rows is there."""
        return _in_copies(_keep(indices, slice(max(n_rows - 1, 0), n_rows), EVERY), n_draws)

    def one_row_more(indices, n_rows, n_draws):
        """One row too many is kept: n_rows counts from 1."""
        return _in_copies(_keep(indices, slice(n_rows + 1), EVERY), n_draws)

    def one_row_less(indices, n_rows, n_draws):
        """One row too few is kept."""
        return _in_copies(_keep(indices, slice(max(n_rows - 1, 0)), EVERY), n_draws)

    def a_slice_from_the_end(indices, n_rows, n_draws):
        """With n_rows = h, a slice that begins at `n_rows - h` begins at 0, and nothing is kept.
        Count from the top: `n_rows:`."""
        canvas = indices.clone()
        canvas[:, n_rows - indices.shape[1] :] = -1
        return _in_copies(canvas, n_draws)

    @says(NAN)
    def floating(indices, n_rows, n_draws):
        return reference(indices, n_rows, n_draws).float()

    @says(" ".join(K_for_unknown.__doc__.split()))
    def a_number_far_above(indices, n_rows, n_draws):
        return _in_copies(_keep(indices, slice(n_rows), EVERY, 999), n_draws)

    def draws_first(indices, n_rows, n_draws):
        """The draws come first, on an axis of their own. The n_draws canvases of a field follow
        each other along axis 0."""
        return torch.stack([_keep(indices, slice(n_rows), EVERY)] * n_draws)

    def one_field(indices, n_rows, n_draws):
        """Only the first field is completed. Every field of the batch needs its canvases."""
        return reference(indices[:1], n_rows, n_draws)

    def a_corner(indices, n_rows, n_draws):
        """Rows *and* columns are cut: only a corner is kept. Keep the rows whole."""
        return _in_copies(_keep(indices, slice(n_rows), slice(n_rows)), n_draws)

    def always_half(indices, n_rows, n_draws):
        """The upper half is kept, whatever n_rows says."""
        return reference(indices, indices.shape[1] // 2, n_draws)

    def row_n_rows(indices, n_rows, n_draws):
        """Only the one row with the number n_rows is kept. Keep all rows before it."""
        return _in_copies(_keep(indices, slice(n_rows, n_rows + 1), EVERY), n_draws)

    def code_0_is_redrawn(indices, n_rows, n_draws):
        """Code 0 is drawn again, although it stands in a kept row. It is a code like any other."""
        canvas = reference(indices, n_rows, n_draws)
        return torch.where(canvas == 0, -1, canvas)

    def a_mask(indices, n_rows, n_draws):
        """This marks what is kept. Asked for are the kept codes themselves, and -1 elsewhere."""
        return reference(indices, n_rows, n_draws) >= 0

    def everything_is_drawn(indices, n_rows, n_draws):
        """Nothing is kept: every code is -1. The first n_rows rows are those of the field."""
        return _in_copies(torch.full_like(indices, -1), n_draws)

    def everything_is_kept(indices, n_rows, n_draws):
        """Everything is kept, and nothing is left to draw: no -1 stands below the n_rows rows."""
        return _in_copies(indices, n_draws)

    def lower_rows_missing(indices, n_rows, n_draws):
        """The lower rows are left out. The canvas has all h rows, with -1 where one is to be
        drawn."""
        return _in_copies(indices[:, :n_rows], n_draws)

    def rows_repeated(indices, n_rows, n_draws):
        """The rows are repeated, not the fields: copies lie along axis 0, before the axis of the
        colour goes in."""
        canvas = _keep(indices, slice(n_rows), EVERY)
        return canvas.repeat_interleave(n_draws, dim=1).unsqueeze(1)

    def numbers_repeated(indices, n_rows, n_draws):
        """Without `dim=0`, `repeat_interleave` makes one long row and repeats every number."""
        return _keep(indices, slice(n_rows), EVERY).repeat_interleave(n_draws)

    def colour_last(indices, n_rows, n_draws):
        """The axis of the colour comes last. It is axis 1, as in images: (B, 1, h, w)."""
        return reference(indices, n_rows, n_draws).movedim(1, -1)

    def colour_first(indices, n_rows, n_draws):
        """The axis of the colour comes first. It is axis 1, as in images: (B, 1, h, w)."""
        return reference(indices, n_rows, n_draws).movedim(1, 0)

    def fields_apart(indices, n_rows, n_draws):
        """Fields and draws have an axis each. The sampler takes one axis of images, B * n_draws."""
        return reference(indices, n_rows, n_draws).view(
            len(indices), n_draws, 1, *indices.shape[1:]
        )

    def a_list(indices, n_rows, n_draws):
        """The canvases come back as a list. Join them to one tensor with `torch.stack` or
        `torch.cat`."""
        return list(reference(indices, n_rows, n_draws))

    def the_32_bits(indices, n_rows, n_draws):
        """The canvas is right, in another dtype. Code numbers are torch.long."""
        return reference(indices, n_rows, n_draws).int()

    def unsigned(indices, n_rows, n_draws):
        """8 bits without a sign have no -1: it has become 255. Code numbers are torch.long."""
        return reference(indices, n_rows, n_draws).to(torch.uint8)

    def round_and_round(indices, n_rows, n_draws):
        """The copies go round: all fields once, then all of them again. The canvases of one field
        have to follow each other."""
        return _keep(indices, slice(n_rows), EVERY).repeat(n_draws, 1, 1).unsqueeze(1)

    @says(NO_COLOUR)
    def no_colour(indices, n_rows, n_draws):
        return reference(indices, n_rows, n_draws).squeeze(1)

    @says(ONCE)
    def once(indices, n_rows, n_draws):
        return reference(indices, n_rows, 1)

    @says(AS_COLOURS)
    def copies_as_colours(indices, n_rows, n_draws):
        return reference(indices, n_rows, 1).repeat(1, n_draws, 1, 1)

    @says(IN_PLACE)
    def in_place(indices, n_rows, n_draws):
        indices[:, n_rows:] = -1
        return _in_copies(indices, n_draws)

    @says(NAN)
    def nan(indices, n_rows, n_draws):
        canvas = indices.float()
        canvas[:, n_rows:] = float("nan")
        return _in_copies(canvas, n_draws)


@completion_canvas.right
def by_where(indices, n_rows, n_draws):
    rows = torch.arange(indices.shape[1]).view(1, 1, -1, 1)
    copies = indices[torch.arange(len(indices) * n_draws) // n_draws][:, None]
    return torch.where(rows < n_rows, copies, torch.tensor(-1))


@completion_canvas.right
def field_by_field(indices, n_rows, n_draws):
    canvases = []
    for field in indices:
        rest = torch.full((field.shape[0] - n_rows, field.shape[1]), -1)
        canvases += [torch.cat([field[:n_rows], rest])] * n_draws
    return torch.stack(canvases).view(-1, 1, *indices.shape[1:])
