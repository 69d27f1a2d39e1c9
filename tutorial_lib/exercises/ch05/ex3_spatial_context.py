"""Exercise 5.3: equation 5 with s = m(h), a vector unfolded into a map."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.exercises.comparing import first_difference, number, numbers
from tutorial_lib.exercises.engine import Exercise, says
from tutorial_lib.exercises.trials import Trial


def _unfolded(h: Tensor, seed: Tensor) -> Tensor:
    return torch.einsum("bd,dshw->bshw", h, seed)


def reference(h: Tensor, seed: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """Eq. 5: V * m(h), a vector for each image in, (B, 2C, H, W) out.

    A 1x1 convolution sees one pixel at a time, so enlarging before or after it is the same.
    """
    height, width = (big // small for big, small in zip(size, seed.shape[2:], strict=True))
    cells = _unfolded(h, seed)
    enlarged = cells.repeat_interleave(height, dim=2).repeat_interleave(width, dim=3)
    return F.conv2d(enlarged, weight[:, :, None, None])


spatial_context = Exercise(
    "5.3",
    "A vector becomes a map",
    goal="Write V * s of equation 5 with s = m(h): unfold a vector, enlarge it, apply V.",
    minutes=15,
    reference=reference,
    differentiated=True,
    otherwise="Some pixels get other numbers than V times those of their own block.",
    stub='''\
def spatial_context(
    h: torch.Tensor, seed: torch.Tensor, weight: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What a vector adds to the gates: V * m(h) of equation 5, at every pixel.

    h        (B, D): a vector for each image
    seed     (D, S, rows, columns): the network m. Each of the D numbers has a small picture of its
             own with S channels; m(h) is their sum, each picture as strong as its number
    weight   (2C, S): V, the weights of a 1x1 convolution without bias
    size     (H, W) of the image, multiples of rows and columns
    returns  (B, 2C, H, W): every cell of m(h) becomes a block of equal pixels

    By hand: h = [[2, 1]], the pictures [[1, 0]] and [[0, 3]], weight = [[10]] and size = (2, 4)
             give m(h) = [[2, 3]] and the result [[20, 20, 30, 30],
                                                  [20, 20, 30, 30]]
    """
    ____
''',
    answer="""\
def spatial_context(h, seed, weight, size):
    # m(h): the D pictures, each times its number, added up
    cells = torch.einsum("bd,dsij->bsij", h, seed)
    rows = size[0] // cells.shape[2]  # of pixels in a block
    columns = size[1] // cells.shape[3]
    blocks = cells.repeat_interleave(rows, dim=2).repeat_interleave(columns, dim=3)
    # At each pixel: the matrix (2C, S) times the S numbers of its block.
    return torch.einsum("cs,bshw->bchw", weight, blocks)
""",
    hints=(
        """Three things happen, one after the other: D numbers become a small map with S channels,
        each cell of the map becomes a block of equal pixels, and at every pixel S numbers become
        2C by a matrix. No pixel needs to know another cell than its own.""",
        """A sum over one index is an einsum: `torch.einsum("bd,dsij->bsij", h, seed)`.
        `cells.repeat_interleave(n, dim=2)` repeats every row n times in a row; a 1x1 convolution
        is `torch.einsum("cs,bshw->bchw", weight, ...)`, or `F.conv2d` with
        `weight[:, :, None, None]`.""",
        """If the map shows up several times side by side, you have tiled it. If the edges
        between blocks are soft, an interpolation or a larger kernel has mixed neighbouring
        cells. If every image has the same map, h is not used, or that of one image for all.""",
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
FUNCTION = "A function bends the map or the result. V * m(h) is a sum, which the gate then bends."
MEAN = "The sum is divided by a number. V * s adds up: V times the numbers of the cell."
ONE_CELL = (
    "All pixels get the same numbers: a mean over the map, or one cell of it, has lost where "
    "things are. That would be equation 4."
)


def draw_trial(
    batch: int, dim: int, seed: tuple[int, ...], out: int, scale: tuple[int, int], rng
) -> Trial:
    """`batch` vectors of `dim` numbers, and as many pictures (S, rows, columns)."""
    h = torch.randn(batch, dim, generator=rng)
    pictures = torch.randn(dim, *seed, generator=rng)
    weight = torch.randn(out, seed[0], generator=rng)
    return Trial((h, pictures, weight, (seed[1] * scale[0], seed[2] * scale[1])))


@spatial_context.advises
def advice(shape, trial):
    h, seed, weight, size = trial.args
    fits = [got == want for got, want in zip(shape[2:], size, strict=False)]
    if len(shape) != 4:
        return ""
    if shape[2:] == seed.shape[2:]:
        return "The map is still coarse: each cell has to become a block of pixels."
    if sum(fits) < 2:
        return NOT_SQUARE
    return "V has 2C rows, and each gives a channel." if shape[1] != len(weight) else ""


@spatial_context.evidence
def evidence(trial: Trial, got: Tensor, want: Tensor) -> str:
    h, seed, _, size = trial.args
    b, channel, row, column = place = first_difference(got, want)
    cell = row * seed.shape[2] // size[0], column * seed.shape[3] // size[1]
    cells = _unfolded(h, seed)[(b, slice(None), *cell)]
    return (
        f"{seed.shape[0]} pictures of {seed.shape[2]}x{seed.shape[3]} cells for "
        f"{size[0]}x{size[1]} pixels. Pixel {(row, column)} of image {b} is in cell {cell}, where "
        f"m(h) is ({numbers(cells)}). V gives its channel {channel} {number(want[place])}. Your "
        f"function says {number(got[place])}."
    )


spatial_context.trials("one image, two pictures of 2x2 cells")(
    lambda rng: [draw_trial(1, 2, (1, 2, 2), 2, (2, 2), rng) for _ in range(2)]
)
spatial_context.trials("several images, and maps of three channels")(
    lambda rng: [draw_trial(3, 3, (3, 2, 3), 4, (2, 2), rng)]
)
spatial_context.trials("blocks that are not square")(
    lambda rng: [draw_trial(1, 4, (2, 2, 3), 6, (4, 1), rng)]
)
spatial_context.also_try(
    lambda rng: [
        draw_trial(2, 3, (3, 2, 3), 4, (3, 2), rng),
        draw_trial(3, 5, (2, 3, 2), 2, (2, 4), rng),
    ]
)


def _times(weight, s):
    return F.conv2d(s, weight[:, :, None, None])


def _enlarged(coarse, size):
    return F.interpolate(coarse, size=size, mode="nearest")


@spatial_context.mistakes
class Mistakes:
    @says(TILED)
    def tiled(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        height, width = coarse.shape[2:]
        return _times(weight, coarse.repeat(1, 1, size[0] // height, size[1] // width))

    @says(BLENDED)
    def bilinear(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(
            weight, F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        )

    def rows_and_columns_exchanged(h, seed, weight, size):
        """Rows and columns of the map are exchanged."""
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse.transpose(2, 3), size))

    @says(TURNED)
    def upside_down(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse.flip(2), size))

    @says(ONE_CELL)
    def one_vector_for_all_pixels(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse.mean(dim=(2, 3), keepdim=True), size))

    def corner_pixels(h, seed, weight, size):
        """Only the first pixel of each block is told. The others get zeros."""
        coarse = _unfolded(h, seed)
        height, width = size[0] // coarse.shape[2], size[1] // coarse.shape[3]
        s = coarse.new_zeros(*coarse.shape[:2], *size)
        s[:, :, ::height, ::width] = coarse
        return _times(weight, s)

    @says(BORDER)
    def neighbours(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        smeared = F.avg_pool2d(
            _enlarged(coarse, size), 3, stride=1, padding=1, count_include_pad=False
        )
        return _times(weight, smeared)

    @says(MOVED)
    def moved_by_a_pixel(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        s = _enlarged(coarse, size)
        return _times(weight, F.pad(s, (1, -1, 1, -1)))

    def the_map_of_the_first_image(h, seed, weight, size):
        """All images get the map of the first one. Every image has its own."""
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse[:1].expand_as(coarse), size))

    def channels_added_up(h, seed, weight, size):
        """The channels of the map are added up before V sees them. V has a column for each."""
        coarse = _unfolded(h, seed)
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return _times(weight[:, :1], s)

    @says(NOT_SQUARE)
    def one_factor_for_both(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        factor = size[0] // coarse.shape[2]
        return _times(weight, F.interpolate(coarse, scale_factor=factor, mode="nearest"))

    @says(TILED)
    def tiled_along_the_row(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        rows = coarse.repeat_interleave(size[0] // coarse.shape[2], dim=2)
        return _times(weight, rows.repeat(1, 1, 1, size[1] // coarse.shape[3]))

    @says(TILED)
    def tiled_along_the_column(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        columns = coarse.repeat_interleave(size[1] // coarse.shape[3], dim=3)
        return _times(weight, columns.repeat(1, 1, size[0] // coarse.shape[2], 1))

    @says(BLENDED)
    def bilinear_from_corner_to_corner(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        options = {"mode": "bilinear", "align_corners": True}
        return _times(weight, F.interpolate(coarse, size=size, **options))

    @says(BLENDED)
    def bicubic(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, F.interpolate(coarse, size=size, mode="bicubic"))

    @says(BORDER)
    def neighbours_and_zeros(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, F.avg_pool2d(_enlarged(coarse, size), 3, stride=1, padding=1))

    @says(MOVED)
    def moved_down(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return F.pad(_times(weight, _enlarged(coarse, size)), (0, 0, 1, -1))

    @says(MOVED)
    def moved_by_a_cell(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(F.pad(coarse, (1, -1, 1, -1)), size))

    @says(TURNED)
    def left_for_right(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse.flip(3), size))

    @says(TURNED)
    def turned_round(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse.flip(2, 3), size))

    @says(ONE_CELL)
    def the_first_cell(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse[:, :, :1, :1], size))

    def without_weights(h, seed, weight, size):
        """V is not used: the map itself comes back, as if V were the identity."""
        coarse = _unfolded(h, seed)
        return _enlarged(coarse, size)

    def sums_without_weights(h, seed, weight, size):
        """V is not used: every channel is the plain sum of the numbers of the cell."""
        coarse = _unfolded(h, seed)
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return s.expand(-1, len(weight), -1, -1)

    @says(FUNCTION)
    def relu(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return torch.relu(_times(weight, _enlarged(coarse, size)))

    @says(FUNCTION)
    def sigmoid(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return torch.sigmoid(_times(weight, _enlarged(coarse, size)))

    @says(FUNCTION)
    def tanh(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return torch.tanh(_times(weight, _enlarged(coarse, size)))

    @says(MEAN)
    def divided_by_the_area(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        area = size[0] // coarse.shape[2] * (size[1] // coarse.shape[3])
        return _times(weight, _enlarged(coarse, size)) / area

    @says(MEAN)
    def divided_by_the_channels(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse, size)) / coarse.shape[1]

    def mean_of_the_batch(h, seed, weight, size):
        """The maps of all images are averaged. Every image has its own."""
        coarse = _unfolded(h, seed)
        mean = coarse.mean(dim=0, keepdim=True).expand_as(coarse)
        return _times(weight, _enlarged(mean, size))

    def sum_of_the_channels(h, seed, weight, size):
        """The channels of the map are added up, and the weights as well. V has a column for each
        channel: number times weight first, then the sum."""
        coarse = _unfolded(h, seed)
        s = _enlarged(coarse, size).sum(dim=1, keepdim=True)
        return _times(weight.sum(dim=1, keepdim=True), s)

    def the_first_channel_only(h, seed, weight, size):
        """Only the first channel of the map is used. V has a column for each."""
        coarse = _unfolded(h, seed)
        return _times(weight[:, :1], _enlarged(coarse[:, :1], size))

    def weights_as_they_lie(h, seed, weight, size):
        """The weights are reshaped as they lie in memory: rows and columns of V get mixed up."""
        coarse = _unfolded(h, seed)
        return _times(weight.T.reshape(weight.shape), _enlarged(coarse, size))

    def cells_as_they_lie(h, seed, weight, size):
        """The cells are repeated as they lie in memory, so a cell fills a line of pixels, not a
        block. Repeat along the height and along the width."""
        coarse = _unfolded(h, seed)
        n = size[0] * size[1] // coarse[0, 0].numel()
        return _times(weight, coarse.flatten(2).repeat_interleave(n, 2).unflatten(2, tuple(size)))

    def still_coarse(h, seed, weight, size):
        """The map is still coarse: each cell has to become a block of pixels."""
        coarse = _unfolded(h, seed)
        return _times(weight, coarse)

    def size_exchanged(h, seed, weight, size):
        """Height and width are exchanged: `size` is (H, W), rows first."""
        coarse = _unfolded(h, seed)
        return _times(weight, _enlarged(coarse, (size[1], size[0])))

    @says(NOT_SQUARE)
    def factors_exchanged(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        rows, columns = size[0] // coarse.shape[2], size[1] // coarse.shape[3]
        return _times(weight, coarse.repeat_interleave(columns, 2).repeat_interleave(rows, 3))

    @says(NOT_SQUARE)
    def factor_of_the_width(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, F.interpolate(coarse, scale_factor=size[1] // coarse.shape[3]))

    @says(NOT_SQUARE)
    def always_twice(h, seed, weight, size):
        coarse = _unfolded(h, seed)
        return _times(weight, F.interpolate(coarse, scale_factor=2))

    def h_is_not_used(h, seed, weight, size):
        """The D pictures are added up as they are. Each counts as much as its number in h."""
        cells = seed.sum(dim=0, keepdim=True).expand(len(h), -1, -1, -1)
        return _times(weight, _enlarged(cells, size))

    def only_the_first_number(h, seed, weight, size):
        """Only the first number of h and its picture are used. All D of them are added up."""
        return _times(weight, _enlarged(_unfolded(h[:, :1], seed[:1]), size))

    def only_the_largest_number(h, seed, weight, size):
        """Only the picture of the largest number is used. m(h) adds up all D of them."""
        best = h.max(dim=1)
        cells = seed[best.indices] * best.values[:, None, None, None]
        return _times(weight, _enlarged(cells, size))

    def mean_of_the_pictures(h, seed, weight, size):
        """The sum over the D pictures is divided by D. m(h) is the sum."""
        return _times(weight, _enlarged(_unfolded(h, seed) / h.shape[1], size))

    def shares(h, seed, weight, size):
        """h is turned into shares by a softmax. The numbers of h are used as they are."""
        return _times(weight, _enlarged(_unfolded(h.softmax(dim=1), seed), size))

    def numbers_added(h, seed, weight, size):
        """The numbers of h are added to their pictures. Each picture is multiplied by its
        number."""
        cells = (h[:, :, None, None, None] + seed).sum(dim=1)
        return _times(weight, _enlarged(cells, size))

    def squared_numbers(h, seed, weight, size):
        """The numbers of h are squared, or lose their sign. They are used as they are."""
        return _times(weight, _enlarged(_unfolded(h.square(), seed), size))

    def cells_in_another_order(h, seed, weight, size):
        """The list of numbers that h makes is folded into another order than (S, rows, columns),
        so channels and places are mixed up."""
        flat = h @ seed.flatten(1)
        rows, columns, channels = *seed.shape[2:], seed.shape[1]
        cells = flat.view(len(h), rows, columns, channels).permute(0, 3, 1, 2)
        return _times(weight, _enlarged(cells, size))

    def the_last_vector(h, seed, weight, size):
        """All images get the map of the last one. Every image has its own."""
        return _times(weight, _enlarged(_unfolded(h[-1:].expand_as(h), seed), size))

    @says(FUNCTION)
    def relu_of_the_map(h, seed, weight, size):
        return _times(weight, _enlarged(_unfolded(h, seed).relu(), size))

    @says(FUNCTION)
    def tanh_of_the_map(h, seed, weight, size):
        return _times(weight, _enlarged(_unfolded(h, seed).tanh(), size))


@spatial_context.right
def matrix_first(h, seed, weight, size):
    coarse = _unfolded(h, seed)
    moved = torch.einsum("cs,bshw->bchw", weight, coarse)
    rows = torch.arange(size[0]) * coarse.shape[2] // size[0]
    columns = torch.arange(size[1]) * coarse.shape[3] // size[1]
    return moved[:, :, rows][..., columns]


@spatial_context.right
def by_kronecker(h, seed, weight, size):
    coarse = _unfolded(h, seed)
    block = torch.ones(size[0] // coarse.shape[2], size[1] // coarse.shape[3])
    return torch.tensordot(torch.kron(coarse, block), weight, dims=([1], [1])).movedim(-1, 1)
