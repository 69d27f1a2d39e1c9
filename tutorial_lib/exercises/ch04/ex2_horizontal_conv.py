"""Exercise 4.2: a convolution that reads to the left in its own row."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(x: Tensor, weight: Tensor, *, mask_type: str) -> Tensor:
    """Read to the left in the own row, and the centre in type B: (B, in, H, W) -> (B, out, H, W).

    A kernel without its right half needs no mask: zeros on the left put it in place. Type A has no
    centre tap, so its last tap must fall on the neighbour, and the last column is cut off.
    """
    n_taps = weight.shape[-1]
    left, right = (n_taps, -1) if mask_type == "A" else (n_taps - 1, 0)
    return F.conv2d(F.pad(x, (left, right)), weight)


horizontal_conv = Exercise(
    "4.2",
    "To the left, and no further than the centre",
    goal="Convolve along the row with a kernel that holds no tap of the future, so needs no mask.",
    minutes=10,
    reference=reference,
    differentiated=True,
    otherwise="The kernel reads other pixels than it should.",
    stub='''\
def horizontal_conv(x: torch.Tensor, weight: torch.Tensor, *, mask_type: str) -> torch.Tensor:
    """Convolve along the own row: read n pixels to the left (type A), or n - 1 and the centre (B).

    x          (B, in, H, W), zeros to the left of it
    weight     (out, in, 1, n): only taps that may be read; weight[..., -1] is the rightmost tap
    mask_type  "A": the rightmost tap lies on the left neighbour.  "B": on the pixel itself
    returns    (B, out, H, W)

    By hand: x = [[1, 2, 4]] and weight = [[10, 1]] give
             type A [[0, 1, 12]]: at each place 10 x (two to the left) + 1 x (one to the left)
             type B [[1, 12, 24]]: at each place 10 x (one to the left) + 1 x (itself)
    """
    ____
''',
    answer="""\
def horizontal_conv(x, weight, *, mask_type):
    taps, width = weight.shape[-1], x.shape[-1]
    left = taps if mask_type == "A" else taps - 1  # zeros, outside the image
    padded = torch.nn.functional.pad(x, (left, 0))
    result = torch.nn.functional.conv2d(padded, weight)
    return result[..., :width]  # in type A, nobody is left to read the last column
""",
    hints=(
        """`conv2d` without padding puts the result of taps 0 .. n-1 at place 0. Which pixels
        should place 0 read instead? All n of them lie outside the image (type A), or all but
        one (type B).""",
        """`torch.nn.functional.pad(x, (left, right))` adds columns of zeros, and cuts some off
        where a number is negative. Then `torch.nn.functional.conv2d(x, weight)` as it is.""",
        """If the result is one column too wide in type A, the last column of the image is still
        there: nobody to its right reads it. If an impulse is read at its own place in type
        A, the kernel lies one column too far to the right.""",
    ),
)

RING = (
    "The first columns read the last ones: the row is bent into a ring. Outside the image are "
    "zeros."
)
TO_THE_RIGHT = "The zeros stand on the right, so every pixel reads what comes later in its row."
LAST_TAP_LOST = (
    "In type A the last tap is set to 0. `weight` holds only taps that may be read: the kernel "
    "moves to the left, and all of its taps count."
)
TYPE_A_TO_THE_RIGHT = (
    "In type A everything has moved one column the wrong way: each pixel reads its right "
    "neighbour. The column that is cut off is the last, not the first."
)
HALF = (
    "n // 2 columns of zeros suit a kernel that is centred. This one has no right half, so more "
    "are needed on the left: n in type A, n - 1 in type B."
)
NARROW = (
    "The image shrinks: columns of zeros are missing on the left, or a column was cut off that is "
    "needed."
)
SURPLUS = (
    "A column too many in type A. Nothing to the right of the image needs the last column: cut it "
    "off."
)
SURPLUS_B = (
    "A column too many in type B: n - 1 columns of zeros on the left are enough, and none on the "
    "right."
)


def _impulse(row: int, column: int, n_taps: int, mask_type: str) -> Trial:
    """A 3x6 image that is 0 but for one pixel, and taps 1, 2, ..., n."""
    x = torch.zeros(1, 1, 3, 6)
    x[0, 0, row, column] = 1
    weight = torch.arange(1.0, n_taps + 1).view(1, 1, 1, n_taps)
    return Trial((x, weight), {"mask_type": mask_type})


def _random_trial(mask_type: str, rng: torch.Generator, n_taps: int = 3) -> Trial:
    x = torch.randn((2, 3, 4, 7), generator=rng)
    return Trial((x, torch.randn((4, 3, 1, n_taps), generator=rng)), {"mask_type": mask_type})


def _impulses(mask_type: str) -> list[Trial]:
    places = ((1, 2, 2), (1, 2, 3), (2, 5, 2), (0, 0, 1))
    return [_impulse(*place, mask_type) for place in places]


@horizontal_conv.advises
def advice(shape, trial):
    x, weight = trial.args
    if len(shape) != 4 or shape[1] != weight.shape[0]:
        return ""
    if shape[2] != x.shape[2]:
        return "The height must not change: the sides of `pad` are left, right, top, bottom."
    if shape[3] > x.shape[3] + 1:
        return "Zeros belong on the left only: `padding=` adds them on both sides."
    if shape[3] == x.shape[3] + 1:
        return SURPLUS if trial.kwargs["mask_type"] == "A" else SURPLUS_B
    return NARROW if shape[3] < x.shape[3] else ""


@horizontal_conv.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    x, weight = trial.args
    kind = trial.kwargs["mask_type"]
    place = first_difference(got, want)
    _, channel, row, column = place
    if len(x.nonzero()) > 1:
        return (
            f"Type {kind}, {weight.shape[-1]} taps, output channel {channel} at {(row, column)}: "
            f"{number(want[place])} expected, got {number(got[place])}."
        )
    source = tuple(x.nonzero()[0, 2:].tolist())
    return "\n".join(
        [
            f"Type {kind}, taps {numbers(weight)}. The image is 0 but for a 1 at {source}.",
            f"Row {row} of your result:   {numbers(got[0, 0, row])}",
            f"Row {row} should hold:      {numbers(want[0, 0, row])}",
            _heard((row, column), source, bool(got[place]), bool(want[place])),
        ]
    )


def _heard(place: tuple[int, int], source: tuple[int, int], got: bool, want: bool) -> str:
    if got == want:
        return f"Pixel {place} reads {source} through another tap."
    if want:
        return f"Pixel {place} must read {source}, and does not."
    return f"Pixel {place} reads {'itself' if place == source else source}, and must not."


horizontal_conv.trials("type A: where a single bright pixel is heard", points=2)(
    lambda rng: (_impulses("A"), _impulses("B"))
)
horizontal_conv.trials("type B: the same")(lambda rng: (_impulses("B"), _impulses("A")))
horizontal_conv.trials("several channels, one to three taps")(
    lambda rng: [_random_trial(kind, rng, n_taps) for kind in "AB" for n_taps in (1, 2, 3)]
)


def _conv(x, weight, left, right):
    return F.conv2d(F.pad(x, (left, right)), weight)


@horizontal_conv.mistakes
class Mistakes:
    def centre_shown_in_type_A(x, weight, *, mask_type):
        """In type A a pixel reads itself: the last tap lies on the centre. The first layer would be
        handed the pixel it has to predict."""
        return reference(x, weight, mask_type="B")

    def centre_hidden_in_type_B(x, weight, *, mask_type):
        """In type B the centre is not read: the kernel lies one column too far to the left."""
        return reference(x, weight, mask_type="A")

    def types_exchanged(x, weight, *, mask_type):
        """The two types are exchanged: it is type B whose last tap lies on the centre."""
        return reference(x, weight, mask_type="B" if mask_type == "A" else "A")

    @says(TO_THE_RIGHT)
    def to_the_right(x, weight, *, mask_type):
        n_taps = weight.shape[-1]
        return _conv(x, weight, *((-1, n_taps) if mask_type == "A" else (0, n_taps - 1)))

    def padding_on_both_sides(x, weight, *, mask_type):
        """With padding="same" the kernel is centred: half of its taps lie to the right, in the
        future."""
        n_taps = weight.shape[-1]
        return _conv(
            x, weight, (n_taps - 1) // 2, n_taps // 2
        )  # padding="same", without its warning

    def flipped(x, weight, *, mask_type):
        """The taps are in reversed order. conv2d slides the kernel without turning it."""
        return reference(x, weight.flip(-1), mask_type=mask_type)

    def up_the_column(x, weight, *, mask_type):
        """The kernel lies along the column and reads what is above. That is the task of the other
        stack."""
        turned = reference(x.transpose(2, 3), weight, mask_type=mask_type)
        return turned.transpose(2, 3)

    @says(RING)
    def wrapped_round(x, weight, *, mask_type):
        n_taps = weight.shape[-1]
        whole = F.conv2d(torch.cat([x[..., -n_taps:], x], dim=-1), weight)
        return whole[..., :-1] if mask_type == "A" else whole[..., 1:]

    @says(NARROW)
    def no_zeros_on_the_left(x, weight, *, mask_type):
        return F.conv2d(x, weight)

    @says(SURPLUS)
    def a_surplus_column(x, weight, *, mask_type):
        n_taps = weight.shape[-1]
        return _conv(x, weight, n_taps if mask_type == "A" else n_taps - 1, 0)

    @says(SURPLUS_B)
    def a_surplus_column_in_type_B(x, weight, *, mask_type):
        n_taps = weight.shape[-1]
        return _conv(x, weight, n_taps, -1 if mask_type == "A" else 0)

    @says(RING)
    def rolled_in_type_A(x, weight, *, mask_type):
        x = torch.roll(x, 1, dims=3) if mask_type == "A" else x
        return reference(x, weight, mask_type="B")

    @says(RING)
    def result_rolled_in_type_A(x, weight, *, mask_type):
        out = reference(x, weight, mask_type="B")
        return torch.roll(out, 1, dims=3) if mask_type == "A" else out

    @says(TO_THE_RIGHT)
    def to_the_right_and_flipped(x, weight, *, mask_type):
        return Mistakes.to_the_right(x, weight.flip(-1), mask_type=mask_type)

    @says(TYPE_A_TO_THE_RIGHT)
    def type_A_moved_to_the_right(x, weight, *, mask_type):
        x = F.pad(x, (-1, 1)) if mask_type == "A" else x
        return reference(x, weight, mask_type="B")

    @says(TYPE_A_TO_THE_RIGHT)
    def result_moved_to_the_right(x, weight, *, mask_type):
        out = reference(x, weight, mask_type="B")
        return F.pad(out, (-1, 1)) if mask_type == "A" else out

    def zeros_cut_off(x, weight, *, mask_type):
        """Columns are cut off on the left, where the zeros stand, so the kernel reads to the right
        of the pixel. What is too much lies on the right."""
        n_taps, width = weight.shape[-1], x.shape[-1]
        return _conv(x, weight, n_taps, n_taps)[..., n_taps : n_taps + width]

    def too_far_in_type_A(x, weight, *, mask_type):
        """In type A the kernel lies one column too far to the left: the left neighbour is not
        read."""
        return F.pad(
            reference(x, weight, mask_type=mask_type), (1, -1) if mask_type == "A" else (0, 0)
        )

    def too_far_in_both_types(x, weight, *, mask_type):
        """In both types the kernel lies one column too far to the left."""
        return F.pad(reference(x, weight, mask_type=mask_type), (1, -1))

    @says(LAST_TAP_LOST)
    def last_tap_hidden_in_type_A(x, weight, *, mask_type):
        kept = (
            torch.cat([weight[..., :-1], 0 * weight[..., -1:]], -1) if mask_type == "A" else weight
        )
        return reference(x, kept, mask_type="B")

    @says(LAST_TAP_LOST)
    def last_tap_hidden_and_moved(x, weight, *, mask_type):
        kept = (
            torch.cat([weight[..., :-1], 0 * weight[..., -1:]], -1) if mask_type == "A" else weight
        )
        return reference(x, kept, mask_type=mask_type)

    @says(HALF)
    def half_the_zeros(x, weight, *, mask_type):
        half, width = weight.shape[-1] // 2, x.shape[-1]
        return _conv(x, weight, half, half)[..., :width]

    @says(HALF)
    def half_the_zeros_in_front(x, weight, *, mask_type):
        half = weight.shape[-1] // 2
        right = weight.shape[-1] - 1 - half
        return _conv(x, weight, half, right)

    def edge_repeated(x, weight, *, mask_type):
        """Left of the image the first column is repeated. There are zeros."""
        left = x[..., :1].expand(-1, -1, -1, weight.shape[-1])
        padded = torch.cat([left, x], dim=3)
        return F.conv2d(padded[..., :-1] if mask_type == "A" else padded[..., 1:], weight)

    def first_channel_only(x, weight, *, mask_type):
        """Only the first channel of x is read. A convolution adds up all channels."""
        return reference(x[:, :1], weight[:, :1], mask_type=mask_type)

    def mean_of_the_channels(x, weight, *, mask_type):
        """The channels are averaged. A convolution adds them up."""
        return reference(x, weight, mask_type=mask_type) / x.shape[1]

    def mean_of_the_taps(x, weight, *, mask_type):
        """The taps are averaged. A convolution adds them up."""
        return reference(x, weight, mask_type=mask_type) / weight.shape[-1]

    def upside_down(x, weight, *, mask_type):
        """The image is turned round before or after the convolution, but not back."""
        return reference(x.flip(3), weight, mask_type=mask_type)


@horizontal_conv.right
def tap_by_tap(x, weight, *, mask_type):
    n_taps, width = weight.shape[-1], x.shape[-1]
    padded = F.pad(x, (n_taps, 0))
    first = 0 if mask_type == "A" else 1
    out = 0
    for tap in range(n_taps):
        window = padded[..., first + tap : first + tap + width]
        out = out + torch.einsum("oi,bihw->bohw", weight[:, :, 0, tap], window)
    return out


@horizontal_conv.right
def by_a_masked_kernel(x, weight, *, mask_type):
    n_taps = weight.shape[-1]
    right = n_taps if mask_type == "A" else n_taps - 1
    kernel = F.pad(weight, (0, right + (mask_type == "A")))
    return F.conv2d(x, kernel, padding=(0, right))
