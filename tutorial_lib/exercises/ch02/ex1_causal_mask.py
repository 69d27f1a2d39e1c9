"""Exercise 2.1: masks A and B."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial
from tutorial_lib.pixels.masks import causal_mask as reference

causal_mask = Exercise(
    "2.1",
    "Masks A and B",
    goal="Build the mask that keeps a convolution from reading what is drawn later.",
    minutes=10,
    reference=reference,
    otherwise="The mask does not follow raster order.",
    stub='''\
def causal_mask(kernel_size: int, *, include_center: bool) -> torch.Tensor:
    """1 for the taps that a raster-scan convolution may read, else 0.

    kernel_size     an odd number
    include_center  False for type A, True for type B
    returns         (kernel_size, kernel_size), floating point

    By hand: kernel_size=3, type A      1 1 1
                                        1 0 0
                                        0 0 0
    """
    ____
''',
    answer="""\
def causal_mask(kernel_size, *, include_center):
    mask = torch.zeros(kernel_size, kernel_size)
    middle = kernel_size // 2
    mask[:middle] = 1  # all rows above
    mask[middle, :middle] = 1  # in its own row, what lies to the left
    if include_center:  # type B
        mask[middle, middle] = 1
    return mask
""",
    hints=(
        """The tap in the middle lies on the pixel that is predicted. In raster order, what comes
        before it? All rows above, and in its own row what is to the left. Only type B adds
        the middle.""",
        """Start from `torch.zeros(kernel_size, kernel_size)`. `kernel_size // 2` is the row, and
        the column, of the middle. A slice like `mask[:middle]` takes whole rows,
        `mask[middle, :middle]` a part of one.""",
        """If your 3x3 mask is right and the 5x5 one is not, a number is written out that should
        follow from `kernel_size`. If pixel 0 of an image changes when pixel 1 does, the mask
        lets through what lies to the right.""",
    ),
)

FIXED_SIZE = "The size is written out in your function: it has to follow from kernel_size."


def _trials(*kernel_sizes: int, types: tuple[bool, ...] = (False, True)) -> list[Trial]:
    return [Trial((size,), {"include_center": center}) for size in kernel_sizes for center in types]


@causal_mask.advises
def advice(shape, trial):
    return FIXED_SIZE if shape in ((3, 3), (5, 5), (7, 7)) else ""


@causal_mask.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    (size,), center = trial.args, trial.kwargs["include_center"]
    row, column = first_difference(got, want)
    told = f"{_reason(row, column, size // 2, center)}, so it must be {number(want[row, column])}."
    lines = [f"kernel_size={size}, include_center={center}. Your mask:"]
    lines += ["  " + numbers(line) for line in got]
    return "\n".join([*lines, f"Tap ({row}, {column}) {told}"])


def _reason(row: int, column: int, middle: int, include_center: bool) -> str:
    if (row, column) == (middle, middle):
        kind = "B, which includes it" if include_center else "A, which leaves it out"
        return f"is the centre of a mask of type {kind}"
    earlier = (row, column) < (middle, middle)
    return (
        f"lies {'before' if earlier else 'after'} the centre ({middle}, {middle}) in raster order"
    )


causal_mask.trials("the 3x3 mask of type A")(lambda rng: _trials(3, types=(False,)))
causal_mask.trials("the 3x3 mask of type B")(lambda rng: _trials(3, types=(True,)))


@causal_mask.trials("kernels of 1, 5, 7, and one larger size")
def sizes(rng):
    random_size = 2 * int(torch.randint(4, 10, (), generator=rng)) + 1
    return _trials(5, 1, 7, random_size)


causal_mask.also_try(lambda rng: _trials(3, 5))


def _blank(kernel_size):
    return torch.zeros(kernel_size, kernel_size), kernel_size // 2


@causal_mask.mistakes
class Mistakes:
    def centre_open_in_type_A(kernel_size, *, include_center):
        """Type A includes the centre. The pixel would be handed the value it has to predict."""
        return reference(kernel_size, include_center=True)

    def centre_shut_in_type_B(kernel_size, *, include_center):
        """Type B leaves out the centre. Its features know nothing of the present pixel yet, so they
        may be read."""
        return reference(kernel_size, include_center=False)

    def types_exchanged(kernel_size, *, include_center):
        """Types A and B are exchanged: include_center=False must shut the centre, True open it."""
        return reference(kernel_size, include_center=not include_center)

    def transposed(kernel_size, *, include_center):
        """The mask is transposed: it reads columns to the left where it should read rows above."""
        return reference(kernel_size, include_center=include_center).T

    def upside_down(kernel_size, *, include_center):
        """The mask is upside down: it reads the rows below, which are drawn later."""
        return reference(kernel_size, include_center=include_center).flip(0)

    def mirrored(kernel_size, *, include_center):
        """Left and right are exchanged: in its own row, the mask reads what comes later."""
        return reference(kernel_size, include_center=include_center).flip(1)

    def turned_round(kernel_size, *, include_center):
        """The mask is turned round: it holds the future. A kernel in PyTorch slides without
        turning."""
        return reference(kernel_size, include_center=include_center).flip(0, 1)

    def only_the_row_next_above(kernel_size, *, include_center):
        """Only the next row above is open. All rows above were drawn before."""
        mask, middle = _blank(kernel_size)
        mask[max(middle - 1, 0) : middle] = 1
        mask[middle, :middle] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def nothing_of_the_own_row(kernel_size, *, include_center):
        """The pixels to the left in the same row are shut. They were drawn before, too."""
        mask, middle = _blank(kernel_size)
        mask[:middle] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def the_whole_own_row(kernel_size, *, include_center):
        """The whole row of the centre is open, and so is what lies to the right and comes later."""
        mask, middle = _blank(kernel_size)
        mask[: middle + 1] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def only_what_is_above_and_to_the_left(kernel_size, *, include_center):
        """The taps above and to the right are shut. In raster order they come before the centre."""
        mask, middle = _blank(kernel_size)
        mask[: middle + 1, : middle + 1] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def one_column_too_far(kernel_size, *, include_center):
        """In its own row the mask is open one tap too far to the right: for type A up to the one
        before the centre, for type B up to the centre."""
        mask, middle = _blank(kernel_size)
        mask[:middle] = 1
        mask[middle, : middle + 1 + include_center] = 1
        return mask

    def one_column_short(kernel_size, *, include_center):
        """In its own row the mask ends one tap too early: type A reads up to the tap before the
        centre, type B the centre too."""
        mask, middle = _blank(kernel_size)
        mask[:middle] = 1
        mask[middle, : max(middle - 1 + include_center, 0)] = 1
        return mask

    def only_the_centre_counts(kernel_size, *, include_center):
        """All taps are open but the centre: what comes later must be shut, too."""
        mask, middle = _blank(kernel_size)
        mask[:] = 1
        mask[middle, middle] = float(include_center)

        return mask

    def the_whole_row_of_the_centre(kernel_size, *, include_center):
        """The whole row of the centre is open in both types. Of it, only what lies to the left of
        the centre comes before it; type B adds the centre."""
        mask, middle = _blank(kernel_size)
        mask[: middle + 1] = 1
        return mask

    def only_the_own_row(kernel_size, *, include_center):
        """The rows above are shut. In raster order all of them come before the centre."""
        mask, middle = _blank(kernel_size)
        mask[middle, :middle] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def only_the_column_above(kernel_size, *, include_center):
        """Above, only the column of the centre is open. In raster order the whole rows above come
        before."""
        mask, middle = _blank(kernel_size)
        mask[:middle, middle] = 1
        mask[middle, :middle] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def above_and_to_the_left_only(kernel_size, *, include_center):
        """Of the rows above, only what lies to the left of the centre is open. Whole rows come
        before it."""
        mask, middle = _blank(kernel_size)
        mask[:middle, :middle] = 1
        mask[middle, :middle] = 1
        mask[middle, middle] = float(include_center)
        return mask

    def lower_triangle(kernel_size, *, include_center):
        """This is the lower triangle (`tril`). The mask follows raster order: whole rows above the
        centre, none below it."""
        mask = torch.ones(kernel_size, kernel_size)
        return mask.tril(0 if include_center else -1)

    def upper_triangle(kernel_size, *, include_center):
        """This is the upper triangle (`triu`). The mask follows raster order: whole rows above the
        centre, none below it."""
        mask = torch.ones(kernel_size, kernel_size)
        return mask.triu(0 if include_center else 1)

    def inverted(kernel_size, *, include_center):
        """Zeros and ones are exchanged: a 1 marks a tap that may be read."""
        return 1 - reference(kernel_size, include_center=include_center)

    def all_open(kernel_size, *, include_center):
        """The mask is all ones: nothing is shut."""
        return torch.ones(kernel_size, kernel_size)

    def all_shut(kernel_size, *, include_center):
        """The mask is all zeros: nothing may be read."""
        return torch.zeros(kernel_size, kernel_size)

    def rows_above_and_centre(kernel_size, *, include_center):
        """The own row is empty but for the centre, and it is open in both types: to the left of it
        lies the past."""
        mask, middle = _blank(kernel_size)
        mask[:middle] = 1
        mask[middle, middle] = 1
        return mask

    def middle_rounded_up(kernel_size, *, include_center):
        """The middle is taken one too far, as (kernel_size + 1) // 2. Counted from 0, it is
        kernel_size // 2."""
        mask, middle = torch.zeros(kernel_size, kernel_size), (kernel_size + 1) // 2
        mask[:middle] = 1
        mask[middle : middle + 1, : middle + include_center] = 1
        return mask

    def not_reshaped(kernel_size, *, include_center):
        """The mask is a row of numbers: give it the shape (kernel_size, kernel_size), as with
        `.view`."""
        return reference(kernel_size, include_center=include_center).flatten()

    def axes_of_a_weight(kernel_size, *, include_center):
        """The mask has axes for channels as well. Here it is (kernel_size, kernel_size)."""
        return reference(kernel_size, include_center=include_center)[None, None]

    @says(FIXED_SIZE)
    def always_5x5(kernel_size, *, include_center):
        return reference(5, include_center=include_center)

    @says(FIXED_SIZE)
    def always_7x7(kernel_size, *, include_center):
        return reference(7, include_center=include_center)

    @says(FIXED_SIZE)
    def always_3x3(kernel_size, *, include_center):
        return reference(3, include_center=include_center)


@causal_mask.right
def by_raster_number(kernel_size, *, include_center):
    place = torch.arange(kernel_size**2).view(kernel_size, kernel_size)
    center = kernel_size**2 // 2
    return (place <= center if include_center else place < center).float()


@causal_mask.right
def by_a_loop(kernel_size, *, include_center):
    rows, middle = [], kernel_size // 2
    for row in range(kernel_size):
        last = kernel_size if row < middle else middle + include_center if row == middle else 0
        rows.append([1.0] * last + [0.0] * (kernel_size - last))
    return torch.tensor(rows, dtype=torch.float64)
