"""Exercise 4.1: a convolution that reads rows above, in all columns."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(x: Tensor, weight: Tensor, *, mask_type: str) -> Tensor:
    """Read rows above, and the own row in type B: (B, in, H, W) -> (B, out, H, W).

    Zeros above and at both sides put the kernel in place; nothing is added below. In type A its
    lowest tap must fall on the row above: one row of zeros more, and the last row is cut off.
    """
    n_rows, side = weight.shape[2], weight.shape[3] // 2
    above, below = (n_rows, -1) if mask_type == "A" else (n_rows - 1, 0)
    return F.conv2d(F.pad(x, (side, side, above, below)), weight)


vertical_conv = Exercise(
    "4.1",
    "All columns, and no row too many",
    goal="Convolve with a kernel of rows above the pixel, which needs no mask.",
    minutes=12,
    reference=reference,
    differentiated=True,
    otherwise="The kernel reads other pixels than it should.",
    stub='''\
def vertical_conv(x: torch.Tensor, weight: torch.Tensor, *, mask_type: str) -> torch.Tensor:
    """Convolve with n rows: those above the pixel (type A), or its own and those above (type B).

    x          (B, in, H, W), zeros outside
    weight     (out, in, n, k), k odd: its middle column lies on the pixel's own column
    mask_type  "A": the lowest row of the kernel lies on the row above.  "B": on the pixel's own
    returns    (B, out, H, W)

    By hand: the column x = [[1], [2], [4]] and weight = [[10], [1]] give
             type A [[0], [1], [12]]: 10 x (two rows up) + 1 x (one row up)
             type B [[1], [12], [24]]: 10 x (one row up) + 1 x (own row)
    """
    ____
''',
    answer="""\
def vertical_conv(x, weight, *, mask_type):
    rows, columns = weight.shape[2:]
    side = columns // 2  # zeros on the left and on the right
    above = rows if mask_type == "A" else rows - 1
    padded = torch.nn.functional.pad(x, (side, side, above, 0))
    result = torch.nn.functional.conv2d(padded, weight)
    return result[:, :, : x.shape[2]]  # in type A, no row is left to read the last one
""",
    hints=(
        """`conv2d` without padding puts the result of the kernel's first position at row 0. Which
        rows should row 0 read instead? All n of them lie above the image (type A), or all but one
        (type B). To the left and right the kernel is centred as usual.""",
        """`torch.nn.functional.pad(x, (left, right, top, bottom))` adds zeros on each side, and
        cuts off where a number is negative. Then `torch.nn.functional.conv2d(x, weight)` as it
        is.""",
        """If the result is one row too high in type A, the last row of the image is still there:
        no row below reads it. If a bright pixel is read in its own row in type A, the kernel
        lies one row too low.""",
    ),
)

BELOW = "The zeros stand below, so every row reads the rows that are drawn after it."
ROLLED = "The first rows read the last ones: the image is bent into a ring. Above it are zeros."
SURPLUS = "A row too many in type A. No row below the image needs the last one: cut it off."
SURPLUS_B = "A row too many in type B: n - 1 rows of zeros above are enough, and none below."
LOW = "The image loses rows: zeros are missing above, or a row was cut off that is needed."
NARROW = "Columns are missing: k // 2 of zeros belong on each side."
WIDE = "Too many columns: k // 2 of zeros belong on each side."
LOST = (
    "In type A the lowest row of the kernel is set to 0. `weight` holds only taps that may be "
    "read: the kernel moves up, and all of its rows count."
)
TYPE_A_DOWN = (
    "In type A everything has moved one row the wrong way: each row reads the row below it. The "
    "row that is cut off is the last, not the first."
)


def _impulse(row: int, column: int, n_rows: int, mask_type: str) -> Trial:
    """A 6x5 image that is 0 but for one pixel, and taps 1, 2, ..., 3n."""
    x = torch.zeros(1, 1, 6, 5)
    x[0, 0, row, column] = 1
    weight = torch.arange(1.0, 3 * n_rows + 1).view(1, 1, n_rows, 3)
    return Trial((x, weight), {"mask_type": mask_type})


def _random(mask_type: str, n_rows: int, width: int, rng: torch.Generator) -> Trial:
    x = torch.randn((2, 3, 5, 7), generator=rng)
    return Trial((x, torch.randn((4, 3, n_rows, width), generator=rng)), {"mask_type": mask_type})


def _impulses(mask_type: str) -> list[Trial]:
    places = ((2, 2, 2), (2, 1, 3), (5, 2, 2), (0, 3, 1))
    return [_impulse(*place, mask_type) for place in places]


@vertical_conv.advises
def advice(shape, trial):
    x, weight = trial.args
    if len(shape) != 4 or shape[1] != weight.shape[0]:
        return ""
    if shape[3] != x.shape[3]:
        return NARROW if shape[3] < x.shape[3] else WIDE
    if shape[2] > x.shape[2] + 1:
        return "Zeros belong above only: `padding=` adds them below as well."
    if shape[2] == x.shape[2] + 1:
        return SURPLUS if trial.kwargs["mask_type"] == "A" else SURPLUS_B
    return LOW if shape[2] < x.shape[2] else ""


@vertical_conv.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, weight = trial.args
    place = first_difference(got, want)
    _, channel, *pixel = place
    told = (
        f"Type {trial.kwargs['mask_type']}, kernel of {weight.shape[2]} rows and "
        f"{weight.shape[3]} columns, output channel {channel} at {tuple(pixel)}: "
        f"{number(want[place])} expected, got {number(got[place])}."
    )
    if len(x.nonzero()) > 1:
        return told
    source = tuple(x.nonzero()[0, 2:].tolist())
    told = f"{told} The image is 0 but for a 1 at {source}."
    if bool(got[place]) == bool(want[place]):
        return f"{told} Pixel {tuple(pixel)} reads it through another tap."
    may = "must" if want[place] else "must not"
    return f"{told} Pixel {tuple(pixel)} {may} read it."


vertical_conv.trials("type A: where a single bright pixel is heard", points=2)(
    lambda rng: (_impulses("A"), _impulses("B"))
)
vertical_conv.trials("type B: the same")(lambda rng: (_impulses("B"), _impulses("A")))
vertical_conv.trials("several channels, kernels of one to three rows and one to five columns")(
    lambda rng: [
        _random(kind, *size, rng) for kind in "AB" for size in ((1, 3), (2, 5), (3, 1), (2, 3))
    ]
)


def _conv(x, weight, above, below, left=None, right=None):
    side = weight.shape[3] // 2
    left, right = side if left is None else left, side if right is None else right
    return F.conv2d(F.pad(x, (left, right, above, below)), weight)


def _of_type_b(x, weight):
    return reference(x, weight, mask_type="B")


@vertical_conv.mistakes
class Mistakes:
    def own_row_in_type_A(x, weight, *, mask_type):
        """In type A a pixel reads its own row: the lowest row of the kernel lies on it. The first
        layer would be shown the pixel it has to predict, and those to its right."""
        return _of_type_b(x, weight)

    def own_row_hidden_in_type_B(x, weight, *, mask_type):
        """In type B the own row is not read: the kernel lies one row too high."""
        return reference(x, weight, mask_type="A")

    def types_exchanged(x, weight, *, mask_type):
        """The two types are exchanged: it is type B whose lowest row lies on the pixel's own."""
        return reference(x, weight, mask_type="B" if mask_type == "A" else "A")

    @says(BELOW)
    def zeros_below(x, weight, *, mask_type):
        n = weight.shape[2]
        return _conv(x, weight, *((-1, n) if mask_type == "A" else (0, n - 1)))

    def same_padding(x, weight, *, mask_type):
        """With padding="same" the kernel is centred: half of its rows lie below, in the future."""
        n = weight.shape[2]
        return _conv(x, weight, (n - 1) // 2, n // 2)

    def upside_down(x, weight, *, mask_type):
        """The rows of the kernel are in reversed order. conv2d slides it without turning it."""
        return reference(x, weight.flip(2), mask_type=mask_type)

    def mirrored(x, weight, *, mask_type):
        """The columns of the kernel are in reversed order. conv2d slides it without turning it."""
        return reference(x, weight.flip(3), mask_type=mask_type)

    def turned_round(x, weight, *, mask_type):
        """The kernel is turned by 180 degrees. conv2d slides it as it is."""
        return reference(x, weight.flip(2, 3), mask_type=mask_type)

    def along_the_row(x, weight, *, mask_type):
        """Height and width are exchanged: the kernel reads columns on the left, not rows above."""
        turned = reference(x.transpose(2, 3), weight, mask_type=mask_type)
        return turned.transpose(2, 3)

    @says(ROLLED)
    def rolled_in_type_A(x, weight, *, mask_type):
        return _of_type_b(torch.roll(x, 1, dims=2) if mask_type == "A" else x, weight)

    @says(ROLLED)
    def result_rolled_in_type_A(x, weight, *, mask_type):
        out = _of_type_b(x, weight)
        return torch.roll(out, 1, dims=2) if mask_type == "A" else out

    @says(ROLLED)
    def ring(x, weight, *, mask_type):
        n = weight.shape[2]
        whole = _conv(torch.cat([x[:, :, -n:], x], dim=2), weight, 0, 0)
        return whole[:, :, :-1] if mask_type == "A" else whole[:, :, 1:]

    @says(SURPLUS)
    def a_row_too_many(x, weight, *, mask_type):
        return _conv(x, weight, weight.shape[2] - (mask_type == "B"), 0)

    @says(SURPLUS_B)
    def a_row_too_many_in_type_B(x, weight, *, mask_type):
        return _conv(x, weight, weight.shape[2], -1 if mask_type == "A" else 0)

    @says(LOW)
    def no_zeros_above(x, weight, *, mask_type):
        return _conv(x, weight, 0, 0)

    @says(NARROW)
    def no_zeros_beside(x, weight, *, mask_type):
        n = weight.shape[2]
        above, below = (n, -1) if mask_type == "A" else (n - 1, 0)
        return _conv(x, weight, above, below, 0, 0)

    def all_zeros_on_the_left(x, weight, *, mask_type):
        """The columns of zeros stand on the left, so the pixels on the upper right are never read.
        The rows above are past in all columns: half of the zeros belong on each side."""
        n, k = weight.shape[2:]
        above, below = (n, -1) if mask_type == "A" else (n - 1, 0)
        return _conv(x, weight, above, below, k - 1, 0)

    def all_zeros_on_the_right(x, weight, *, mask_type):
        """The columns of zeros stand on the right, so the kernel lies too far to the right. Half
        of them belong on each side."""
        n, k = weight.shape[2:]
        above, below = (n, -1) if mask_type == "A" else (n - 1, 0)
        return _conv(x, weight, above, below, 0, k - 1)

    @says(TYPE_A_DOWN)
    def type_A_moved_down(x, weight, *, mask_type):
        return _of_type_b(F.pad(x, (0, 0, -1, 1)) if mask_type == "A" else x, weight)

    @says(TYPE_A_DOWN)
    def result_moved_up(x, weight, *, mask_type):
        out = _of_type_b(x, weight)
        return F.pad(out, (0, 0, -1, 1)) if mask_type == "A" else out

    def zeros_cut_off(x, weight, *, mask_type):
        """Rows are cut off above, where the zeros stand, so the kernel reads below the pixel. What
        is too much lies below."""
        n, height = weight.shape[2], x.shape[2]
        return _conv(x, weight, n, n)[:, :, n : n + height]

    @says(LOST)
    def lowest_row_hidden(x, weight, *, mask_type):
        kept = torch.cat([weight[:, :, :-1], 0 * weight[:, :, -1:]], dim=2)
        return _of_type_b(x, kept if mask_type == "A" else weight)

    @says(LOST)
    def lowest_row_hidden_and_moved(x, weight, *, mask_type):
        kept = torch.cat([weight[:, :, :-1], 0 * weight[:, :, -1:]], dim=2)
        return reference(x, kept if mask_type == "A" else weight, mask_type=mask_type)

    def masked_like_chapter_02(x, weight, *, mask_type):
        """The lowest row of the kernel is cut at the centre, as a mask does it. Here whole rows are
        read, to the left and to the right: what may not be read is kept out by moving the image."""
        kept, middle = weight.clone(), weight.shape[3] // 2
        kept[:, :, -1, middle + (mask_type == "B") :] = 0
        return _of_type_b(x, kept)

    def too_high_in_type_A(x, weight, *, mask_type):
        """In type A the kernel lies one row too high: the row directly above is not read."""
        moved = F.pad(reference(x, weight, mask_type=mask_type), (0, 0, 1, -1))
        return moved if mask_type == "A" else _of_type_b(x, weight)

    def too_high_in_both(x, weight, *, mask_type):
        """In both types the kernel lies one row too high."""
        return F.pad(reference(x, weight, mask_type=mask_type), (0, 0, 1, -1))

    def edge_repeated(x, weight, *, mask_type):
        """Above the image its first row is repeated. There are zeros."""
        top = x[:, :, :1].expand(-1, -1, weight.shape[2], -1)
        padded = torch.cat([top, x], dim=2)
        return _conv(padded[:, :, :-1] if mask_type == "A" else padded[:, :, 1:], weight, 0, 0)

    def first_channel_only(x, weight, *, mask_type):
        """Only the first channel of x is read. A convolution adds up all channels."""
        return reference(x[:, :1], weight[:, :1], mask_type=mask_type)

    def mean_of_the_channels(x, weight, *, mask_type):
        """The channels are averaged. A convolution adds them up."""
        return reference(x, weight, mask_type=mask_type) / x.shape[1]

    def mean_of_the_taps(x, weight, *, mask_type):
        """The taps are averaged. A convolution adds them up."""
        return reference(x, weight, mask_type=mask_type) / weight[0, 0].numel()


@vertical_conv.right
def tap_by_tap(x, weight, *, mask_type):
    n, k = weight.shape[2:]
    height, width = x.shape[2:]
    padded = F.pad(x, (k // 2, k // 2, n, 0))
    first = 0 if mask_type == "A" else 1
    out = 0
    for row in range(n):
        for column in range(k):
            window = padded[:, :, first + row : first + row + height, column : column + width]
            out = out + torch.einsum("oi,bihw->bohw", weight[:, :, row, column], window)
    return out


@vertical_conv.right
def by_moving_the_image(x, weight, *, mask_type):
    if mask_type == "A":
        x = torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], dim=2)
    n, k = weight.shape[2:]
    return F.conv2d(F.pad(x, (k // 2, k // 2, n - 1, 0)), weight)


@vertical_conv.right
def by_a_masked_kernel(x, weight, *, mask_type):
    n, k = weight.shape[2:]
    below = n if mask_type == "A" else n - 1
    kernel = F.pad(weight, (0, 0, 0, below + (mask_type == "A")))
    return F.conv2d(x, kernel, padding=(below, k // 2))
