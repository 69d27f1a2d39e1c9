"""Exercise 5.3: a coarse map as a condition, equation 5."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def reference(coarse: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """Eq. 5: V * s for a map with one cell a block of pixels: (B, S, h, w) -> (B, 2C, H, W).

    A 1x1 convolution sees one pixel at a time, so enlarging before or after it is the same.
    """
    height, width = (big // small for big, small in zip(size, coarse.shape[2:], strict=True))
    enlarged = coarse.repeat_interleave(height, dim=2).repeat_interleave(width, dim=3)
    return F.conv2d(enlarged, weight[:, :, None, None])


spatial_context = Exercise(
    "5.3",
    "A coarse map as a condition",
    goal="Write V * s of equation 5 for a map that has one cell for each block of pixels.",
    minutes=10,
    reference=reference,
    differentiated=True,
    otherwise="Some pixels get other numbers than those of their own block.",
    stub='''\
def spatial_context(
    coarse: torch.Tensor, weight: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What a coarse map adds to the gates: V * s of equation 5, at every pixel.

    coarse   (B, S, h, w): S numbers for each block of pixels; stays as it is
    weight   (2C, S): V, the weights of a 1x1 convolution without bias
    size     (H, W) of the image, multiples of h and w
    returns  (B, 2C, H, W): at each pixel V times the numbers of the block that it lies in

    By hand: coarse = [[1, 2]], weight = [[10]] and size = (2, 4) give [[10, 10, 20, 20],
                                                                        [10, 10, 20, 20]]
    """
    ____
''',
    answer="""\
def spatial_context(coarse, weight, size):
    rows = size[0] // coarse.shape[2]  # of pixels in a block
    columns = size[1] // coarse.shape[3]
    blocks = coarse.repeat_interleave(rows, dim=2).repeat_interleave(columns, dim=3)
    # At each pixel: the matrix (2C, S) times the S numbers of its block.
    return torch.einsum("cs,bshw->bchw", weight, blocks)
""",
    hints=(
        """Two things happen: each cell becomes a block of equal pixels, and at every pixel S
        numbers become 2C by a matrix. No pixel needs to know another cell than its own.""",
        """`coarse.repeat_interleave(n, dim=2)` repeats every row n times in a row;
        `torch.einsum("cs,bshw->bchw", weight, ...)` is a 1x1 convolution, and so is
        `F.conv2d` with `weight[:, :, None, None]`.""",
        """If the map shows up several times side by side, you have tiled it. If the edges
        between blocks are soft, an interpolation or a larger kernel has mixed neighbouring
        cells.""",
    ),
)

NOT_SQUARE = "Height and width each have a factor of their own: the blocks need not be square."


BLENDED = "Neighbouring cells are blended into each other: the enlargement interpolates."
BORDER = (
    "Pixels at the border of a block hear of the next cell, too: the kernel is larger than 1x1."
)
MOVED = (
    "The map has moved. Only the image needs such a shift: the map is known in full beforehand, so "
    "a pixel may read its own cell."
)
TILED = (
    "The map is tiled, small and several times, over the image. Each cell has to grow into a block "
    "of its own."
)
TURNED = "The map is upside down, or left and right are exchanged."
FUNCTION = "A function bends the result. V * s is a sum, which the gate then bends."
MEAN = "The sum is divided by a number. V * s adds up: V times the numbers of the cell."
ONE_CELL = (
    "All pixels get the same numbers: a mean over the map, or one cell of it, has lost where "
    "things are. That would be equation 4."
)


def draw_trial(
    shape: tuple[int, ...], out: int, scale: tuple[int, int], rng: torch.Generator
) -> Trial:
    coarse = torch.randn(shape, generator=rng)
    weight = torch.randn(out, shape[1], generator=rng)
    return Trial((coarse, weight, (shape[2] * scale[0], shape[3] * scale[1])))


@spatial_context.advises
def advice(shape, trial):
    coarse, weight, size = trial.args
    fits = [got == want for got, want in zip(shape[2:], size, strict=False)]
    if len(shape) != 4:
        return ""
    if shape[2:] == coarse.shape[2:]:
        return "The map is still coarse: each cell has to become a block of pixels."
    if sum(fits) < 2:
        return NOT_SQUARE
    return "V has 2C rows, and each gives a channel." if shape[1] != len(weight) else ""


@spatial_context.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    coarse, _, size = trial.args
    b, channel, row, column = place = first_difference(got, want)
    cell = row * coarse.shape[2] // size[0], column * coarse.shape[3] // size[1]
    return (
        f"A map of {coarse.shape[2]}x{coarse.shape[3]} cells for {size[0]}x{size[1]} pixels. Pixel "
        f"{(row, column)} of image {b} lies in cell {cell}, and V gives its channel {channel} "
        f"{number(want[place])}. Your function says {number(got[place])}."
    )


spatial_context.trials("one image, a map of 2x2 cells")(
    lambda rng: [draw_trial((1, 1, 2, 2), 2, (2, 2), rng) for _ in range(2)]
)
spatial_context.trials("several images, and maps of three channels")(
    lambda rng: [draw_trial((3, 3, 2, 3), 4, (2, 2), rng)]
)
spatial_context.trials("blocks that are not square")(
    lambda rng: [draw_trial((1, 2, 1, 3), 6, (4, 1), rng)]
)
spatial_context.also_try(
    lambda rng: [draw_trial((2, 3, 2, 3), 4, (3, 2), rng), draw_trial((3, 2, 3, 2), 2, (2, 4), rng)]
)


def _times(weight, s):
    return F.conv2d(s, weight[:, :, None, None])


def _enlarged(coarse, size):
    return F.interpolate(coarse, size=size, mode="nearest")


@spatial_context.mistakes
class Mistakes:
    @says(TILED)
    def tiled(coarse, weight, size):
        height, width = coarse.shape[2:]
        return _times(weight, coarse.repeat(1, 1, size[0] // height, size[1] // width))

    @says(BLENDED)
    def bilinear(coarse, weight, size):
        return _times(
            weight, F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        )

    def rows_and_columns_exchanged(coarse, weight, size):
        """Rows and columns of the map are exchanged."""
        return _times(weight, _enlarged(coarse.transpose(2, 3), size))

    @says(TURNED)
    def upside_down(coarse, weight, size):
        return _times(weight, _enlarged(coarse.flip(2), size))

    @says(ONE_CELL)
    def one_vector_for_all_pixels(coarse, weight, size):
        return _times(weight, _enlarged(coarse.mean(dim=(2, 3), keepdim=True), size))

    def corner_pixels(coarse, weight, size):
        """Only the first pixel of each block is told. The others get zeros."""
        height, width = size[0] // coarse.shape[2], size[1] // coarse.shape[3]
        s = coarse.new_zeros(*coarse.shape[:2], *size)
        s[:, :, ::height, ::width] = coarse
        return _times(weight, s)

    @says(BORDER)
    def neighbours(coarse, weight, size):
        smeared = F.avg_pool2d(
            _enlarged(coarse, size), 3, stride=1, padding=1, count_include_pad=False
        )
        return _times(weight, smeared)

    @says(MOVED)
    def moved_by_a_pixel(coarse, weight, size):
        s = _enlarged(coarse, size)
        return _times(weight, F.pad(s, (1, -1, 1, -1)))

    def the_map_of_the_first_image(coarse, weight, size):
        """All images get the map of the first one. Every image has its own."""
        return _times(weight, _enlarged(coarse[:1].expand_as(coarse), size))

    def channels_added_up(coarse, weight, size):
        """The channels of the map are added up before V sees them. V has a column for each."""
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return _times(weight[:, :1], s)

    @says(NOT_SQUARE)
    def one_factor_for_both(coarse, weight, size):
        factor = size[0] // coarse.shape[2]
        return _times(weight, F.interpolate(coarse, scale_factor=factor, mode="nearest"))

    @says(TILED)
    def tiled_along_the_row(coarse, weight, size):
        rows = coarse.repeat_interleave(size[0] // coarse.shape[2], dim=2)
        return _times(weight, rows.repeat(1, 1, 1, size[1] // coarse.shape[3]))

    @says(TILED)
    def tiled_along_the_column(coarse, weight, size):
        columns = coarse.repeat_interleave(size[1] // coarse.shape[3], dim=3)
        return _times(weight, columns.repeat(1, 1, size[0] // coarse.shape[2], 1))

    @says(BLENDED)
    def bilinear_from_corner_to_corner(coarse, weight, size):
        options = {"mode": "bilinear", "align_corners": True}
        return _times(weight, F.interpolate(coarse, size=size, **options))

    @says(BLENDED)
    def bicubic(coarse, weight, size):
        return _times(weight, F.interpolate(coarse, size=size, mode="bicubic"))

    @says(BORDER)
    def neighbours_and_zeros(coarse, weight, size):
        return _times(weight, F.avg_pool2d(_enlarged(coarse, size), 3, stride=1, padding=1))

    @says(MOVED)
    def moved_down(coarse, weight, size):
        return F.pad(_times(weight, _enlarged(coarse, size)), (0, 0, 1, -1))

    @says(MOVED)
    def moved_by_a_cell(coarse, weight, size):
        return _times(weight, _enlarged(F.pad(coarse, (1, -1, 1, -1)), size))

    @says(TURNED)
    def left_for_right(coarse, weight, size):
        return _times(weight, _enlarged(coarse.flip(3), size))

    @says(TURNED)
    def turned_round(coarse, weight, size):
        return _times(weight, _enlarged(coarse.flip(2, 3), size))

    @says(ONE_CELL)
    def the_first_cell(coarse, weight, size):
        return _times(weight, _enlarged(coarse[:, :, :1, :1], size))

    def without_weights(coarse, weight, size):
        """V is not used: the map itself comes back, as if V were the identity."""
        return _enlarged(coarse, size)

    def sums_without_weights(coarse, weight, size):
        """V is not used: every channel is the plain sum of the numbers of the cell."""
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return s.expand(-1, len(weight), -1, -1)

    @says(FUNCTION)
    def relu(coarse, weight, size):
        return torch.relu(_times(weight, _enlarged(coarse, size)))

    @says(FUNCTION)
    def sigmoid(coarse, weight, size):
        return torch.sigmoid(_times(weight, _enlarged(coarse, size)))

    @says(FUNCTION)
    def tanh(coarse, weight, size):
        return torch.tanh(_times(weight, _enlarged(coarse, size)))

    @says(MEAN)
    def divided_by_the_area(coarse, weight, size):
        area = size[0] // coarse.shape[2] * (size[1] // coarse.shape[3])
        return _times(weight, _enlarged(coarse, size)) / area

    @says(MEAN)
    def divided_by_the_channels(coarse, weight, size):
        return _times(weight, _enlarged(coarse, size)) / coarse.shape[1]

    def mean_of_the_batch(coarse, weight, size):
        """The maps of all images are averaged. Every image has its own."""
        mean = coarse.mean(dim=0, keepdim=True).expand_as(coarse)
        return _times(weight, _enlarged(mean, size))

    def sum_of_the_channels(coarse, weight, size):
        """The channels of the map are added up, and the weights as well. V has a column for each
        channel: number times weight first, then the sum."""
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return _times(weight.sum(dim=1, keepdim=True), s)

    def the_first_channel_only(coarse, weight, size):
        """Only the first channel of the map is used. V has a column for each."""
        return _times(weight[:, :1], _enlarged(coarse[:, :1], size))

    def weights_as_they_lie(coarse, weight, size):
        """The weights are reshaped as they lie in memory: rows and columns of V get mixed up."""
        return _times(weight.T.reshape(weight.shape), _enlarged(coarse, size))

    def cells_as_they_lie(coarse, weight, size):
        """The cells are repeated as they lie in memory, so a cell fills a line of pixels, not a
        block. Repeat along the height and along the width."""
        n = size[0] * size[1] // coarse[0, 0].numel()
        return _times(weight, coarse.flatten(2).repeat_interleave(n, 2).unflatten(2, tuple(size)))

    def still_coarse(coarse, weight, size):
        """The map is still coarse: each cell has to become a block of pixels."""
        return _times(weight, coarse)

    def size_exchanged(coarse, weight, size):
        """Height and width are exchanged: `size` is (H, W), rows first."""
        return _times(weight, _enlarged(coarse, (size[1], size[0])))

    @says(NOT_SQUARE)
    def factors_exchanged(coarse, weight, size):
        rows, columns = size[0] // coarse.shape[2], size[1] // coarse.shape[3]
        return _times(weight, coarse.repeat_interleave(columns, 2).repeat_interleave(rows, 3))

    @says(NOT_SQUARE)
    def factor_of_the_width(coarse, weight, size):
        return _times(weight, F.interpolate(coarse, scale_factor=size[1] // coarse.shape[3]))

    @says(NOT_SQUARE)
    def always_twice(coarse, weight, size):
        return _times(weight, F.interpolate(coarse, scale_factor=2))


@spatial_context.right
def matrix_first(coarse, weight, size):
    moved = torch.einsum("cs,bshw->bchw", weight, coarse)
    rows = torch.arange(size[0]) * coarse.shape[2] // size[0]
    columns = torch.arange(size[1]) * coarse.shape[3] // size[1]
    return moved[:, :, rows][..., columns]


@spatial_context.right
def by_kronecker(coarse, weight, size):
    block = torch.ones(size[0] // coarse.shape[2], size[1] // coarse.shape[3])
    return torch.tensordot(torch.kron(coarse, block), weight, dims=([1], [1])).movedim(-1, 1)
