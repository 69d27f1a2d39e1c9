"""Exercise 4.5: what a layer costs, and what a cropped kernel saves."""

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one layer after the first, for each pixel, with cropped kernels."""
    rows = columns = kernel_size // 2 + 1
    both_halves = 2 * n_channels
    vertical = rows * kernel_size * n_channels * both_halves
    horizontal = columns * n_channels * both_halves
    link = both_halves * both_halves
    output = n_channels * n_channels
    return vertical + horizontal + link + output


multiplications_per_pixel = Exercise(
    "4.5",
    "What a layer costs",
    goal="Count the multiplications of one gated layer with cropped kernels, for each pixel.",
    minutes=5,
    reference=reference,
    otherwise="The sum of the four convolutions is another one.",
    stub='''\
def multiplications_per_pixel(kernel_size: int, n_channels: int) -> int:
    """Multiplications of one gated layer after the first, for each pixel, kernels cropped.

    kernel_size  k, an odd number: the vertical kernel is k wide
    n_channels   C, the features of each stack
    returns      a whole number: vertical + horizontal + link + output, biases left out

    By hand: k = 3 and C = 1 need 21 multiplications, 12 of them in the vertical convolution
    """
    ____
''',
    answer="""\
def multiplications_per_pixel(kernel_size, n_channels):
    kept = kernel_size // 2 + 1  # rows of one, columns of the other
    wide = 2 * n_channels  # values and switches
    vertical = kept * kernel_size * n_channels * wide
    horizontal = kept * n_channels * wide
    link = wide * wide
    output = n_channels * n_channels
    return vertical + horizontal + link + output
""",
    hints=(
        """Four convolutions, and each costs its taps times its channels in times its channels
        out. Cut from a k x k square, the vertical kernel keeps its middle row and those
        above; from a row of k, the horizontal kernel keeps the middle and what is to its
        left.""",
        """`kernel_size // 2 + 1` is the number of rows that the vertical kernel keeps, and the
        number of columns of the horizontal one. The gate needs 2C channels from both, and
        from the link.""",
        """If C = 1 is right and C = 4 is not, a number of channels is missing in a product. If k
        = 3 is right and k = 5 is not, a 2 is written out that follows from k.""",
    ),
)


def _trials(kernel_sizes, channels) -> list[Trial]:
    return [Trial((k, c)) for k in kernel_sizes for c in channels]


@multiplications_per_pixel.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    kernel_size, n_channels = trial.args
    kept = kernel_size // 2 + 1
    told = (
        f"kernel_size={kernel_size}, n_channels={n_channels}: the vertical kernel has "
        f"{kept} x {kernel_size} taps and the horizontal one {kept}. "
    )
    return told + f"Together {int(want)} multiplications; your function says {number(got)}."


multiplications_per_pixel.trials("one channel, kernels of four sizes")(
    lambda rng: _trials((3, 5, 7, 9), (1,))
)


@multiplications_per_pixel.trials("3x3 kernels, several numbers of channels")
def three(rng):
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _trials((3,), channels)


@multiplications_per_pixel.trials("5x5 kernels as well")
def check_channels(rng):
    channels = torch.randint(2, 65, (3,), generator=rng).tolist()
    return _trials((3, 5), channels)


multiplications_per_pixel.also_try(lambda rng: _trials((3, 5, 7), (1, 4, 6)))


def _count(k, c, *, vertical=None, horizontal=None, wide=2, link=4, output=1, c_in=1):
    """The same sum with other taps, and other channels in units of c: for mistakes."""
    vertical = _kept(k) * k if vertical is None else vertical
    horizontal = _kept(k) if horizontal is None else horizontal
    return ((vertical + horizontal) * c_in * wide + link + output) * c * c


def _kept(kernel_size):
    return kernel_size // 2 + 1


FULL = "These are full kernels, k x k and 1 x k: about half of their taps would be zeros."
LEFT_OUT = (
    "The middle row, or the centre, is left out. After the shift, and in type B, they may be read."
)
HALVES = "The gate halves the channels, so both convolutions and the link have 2C outputs."
LINK = (
    "The link has 2C channels on both sides: it leaves before one gate, and joins before the other."
)
OUTPUT = "The output follows the gate: C channels go in, and C come out."
INPUTS = "Both convolutions read C channels. It is their outputs that are 2C, for the gate."
SOME_MISSING = "Not all four convolutions are counted: vertical, horizontal, link and output."
TWO_TOO_FEW = (
    "2 C x C are missing: the centre of the horizontal kernel, which type B reads, or half of the "
    "link, which goes from 2C channels to 2C."
)
A_HORIZONTAL_TOO_FEW = (
    "As many are missing as the horizontal convolution has: it is left out, or k / 2 rows and "
    "columns are counted where k // 2 + 1 are kept."
)
NO_CHANNELS = (
    "The number of channels makes no difference. Each tap costs channels in x channels out."
)
MORE = "More than the four convolutions is counted: biases, gates and the residual are left out."
NOT_WHOLE = "k / 2 is no whole number of rows: of three, two are kept. Use `//`."
WRITTEN_OUT = "What is kept of a kernel follows from k: `k // 2 + 1` rows or columns."


@multiplications_per_pixel.mistakes
class Mistakes:
    @says(FULL)
    def full_kernels(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=kernel_size**2, horizontal=kernel_size)

    @says(FULL)
    def full_vertical_kernel(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=kernel_size**2)

    @says(FULL)
    def full_horizontal_kernel(kernel_size, n_channels):
        return _count(kernel_size, n_channels, horizontal=kernel_size)

    @says(LEFT_OUT)
    def middle_left_out(kernel_size, n_channels):
        kept = kernel_size // 2
        return _count(kernel_size, n_channels, vertical=kept * kernel_size, horizontal=kept)

    @says(LEFT_OUT)
    def middle_row_left_out(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=kernel_size // 2 * kernel_size)

    @says(TWO_TOO_FEW)
    def centre_left_out(kernel_size, n_channels):
        return _count(kernel_size, n_channels, horizontal=kernel_size // 2)

    @says(HALVES)
    def one_half(kernel_size, n_channels):
        return _count(kernel_size, n_channels, wide=1, link=1)

    @says(HALVES)
    def one_half_but_in_the_link(kernel_size, n_channels):
        return _count(kernel_size, n_channels, wide=1)

    @says(HALVES)
    def one_half_and_half_a_link(kernel_size, n_channels):
        return _count(kernel_size, n_channels, wide=1, link=2)

    def no_link(kernel_size, n_channels):
        """The link is missing: a 1x1 convolution from 2C to 2C channels."""
        return _count(kernel_size, n_channels, link=0)

    @says(TWO_TOO_FEW)
    def half_a_link(kernel_size, n_channels):
        return _count(kernel_size, n_channels, link=2)

    @says(LINK)
    def quarter_of_a_link(kernel_size, n_channels):
        return _count(kernel_size, n_channels, link=1)

    def no_output(kernel_size, n_channels):
        """The output is missing: a 1x1 convolution from C to C channels."""
        return _count(kernel_size, n_channels, output=0)

    @says(OUTPUT)
    def wide_output(kernel_size, n_channels):
        return _count(kernel_size, n_channels, output=2)

    @says(OUTPUT)
    def output_like_the_link(kernel_size, n_channels):
        return _count(kernel_size, n_channels, output=4)

    @says(SOME_MISSING)
    def no_1x1_convolutions(kernel_size, n_channels):
        return _count(kernel_size, n_channels, link=0, output=0)

    @says(SOME_MISSING)
    def vertical_only(kernel_size, n_channels):
        return _count(kernel_size, n_channels, horizontal=0, link=0, output=0)

    @says(SOME_MISSING)
    def horizontal_only(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=0, link=0, output=0)

    @says(A_HORIZONTAL_TOO_FEW)
    def no_horizontal_convolution(kernel_size, n_channels):
        return _count(kernel_size, n_channels, horizontal=0)

    @says(SOME_MISSING)
    def no_vertical_convolution(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=0)

    @says(INPUTS)
    def wide_inputs(kernel_size, n_channels):
        return _count(kernel_size, n_channels, c_in=2)

    @says(NO_CHANNELS)
    def one_channel(kernel_size, n_channels):
        return reference(kernel_size, 1)

    @says(NO_CHANNELS)
    def taps_only(kernel_size, n_channels):
        return _kept(kernel_size) * (kernel_size + 1) + 2

    @says(MORE)
    def biases(kernel_size, n_channels):
        return reference(kernel_size, n_channels) + 7 * n_channels

    @says(MORE)
    def residual(kernel_size, n_channels):
        return reference(kernel_size, n_channels) + n_channels

    @says(MORE)
    def gates(kernel_size, n_channels):
        return reference(kernel_size, n_channels) + 2 * n_channels

    def first_layer(kernel_size, n_channels):
        """This is a first layer, whose input is an image of one channel. Later layers read C."""
        taps = _kept(kernel_size) * kernel_size + kernel_size // 2
        return taps * 2 * n_channels + 5 * n_channels**2

    @says(NOT_WHOLE)
    def half_and_one(kernel_size, n_channels):
        kept = kernel_size / 2 + 1
        return _count(kernel_size, n_channels, vertical=kept * kernel_size, horizontal=kept)

    @says(A_HORIZONTAL_TOO_FEW)
    def exactly_half(kernel_size, n_channels):
        kept = kernel_size / 2
        return _count(kernel_size, n_channels, vertical=kept * kernel_size, horizontal=kept)

    @says(WRITTEN_OUT)
    def two_rows(kernel_size, n_channels):
        return _count(kernel_size, n_channels, vertical=2 * kernel_size, horizontal=2)

    @says(WRITTEN_OUT)
    def all_but_one(kernel_size, n_channels):
        kept = kernel_size - 1
        return _count(kernel_size, n_channels, vertical=kept * kernel_size, horizontal=kept)

    def quarter_kernel(kernel_size, n_channels):
        """The vertical kernel is cropped on its right. Above, all columns may be read."""
        return _count(kernel_size, n_channels, vertical=_kept(kernel_size) ** 2)

    def raster_order(kernel_size, n_channels):
        """The vertical kernel is counted as a mask in raster order, which ends at the centre. It
        keeps its middle row whole."""
        return _count(kernel_size, n_channels, vertical=kernel_size**2 // 2 + 1)

    def times_the_kernel(kernel_size, n_channels):
        """The sum is multiplied by k x k once more. The taps are in it already."""
        return kernel_size**2 * reference(kernel_size, n_channels)

    def a_constant(kernel_size, n_channels):
        """The result is 21 whatever k and C: that is the worked example."""
        return 21

    def channels_added_up(kernel_size, n_channels):
        """A convolution costs channels in TIMES channels out: every output reads every input."""
        kept = _kept(kernel_size)
        return (kept * kernel_size + kept) * n_channels * 2 + 4 * n_channels + n_channels

    def always_3(kernel_size, n_channels):
        """The result is that of 3x3 kernels, whatever the kernel size."""
        return reference(3, n_channels)


@multiplications_per_pixel.right
def by_sizes(kernel_size, n_channels):
    kept = (kernel_size + 1) // 2
    shapes = [
        (2 * n_channels, n_channels, kept, kernel_size),
        (2 * n_channels, n_channels, 1, kept),
        (2 * n_channels, 2 * n_channels, 1, 1),
        (n_channels, n_channels, 1, 1),
    ]
    return sum(torch.Size(shape).numel() for shape in shapes)


@multiplications_per_pixel.right
def factored(kernel_size, n_channels):
    return n_channels**2 * ((kernel_size + 1) ** 2 + 5)
