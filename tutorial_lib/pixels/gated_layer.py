"""One layer of the gated PixelCNN: two convolutions without masks, a link, and two gates.

    y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)     the gate, told a label h [eqs. 2 and 4]

and V * s in the place of V h for a spatial map s [eq. 5]. Every connection of the paper's figure 2
is in `GatedLayer.forward`. Kernels are cropped to the taps that may be read,
k//2 + 1 rows and k//2 + 1 columns, so that nothing is multiplied by a masked zero.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Count, Natural, OddSides, checked
from tutorial_lib.pixels.masks import color_causal_mask, kernel_sides, pointwise


@checked
def shift_down(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Every row one down and zeros in the first: row i holds what was known above it.

    >>> shift_down(torch.tensor([[[[1.0, 2], [3, 4]]]]))[0, 0].tolist()
    [[0.0, 0.0], [1.0, 2.0]]
    """
    return F.pad(features, (0, 0, 1, -1))


def gate(features: Float[Tensor, "B twoC H W"]) -> Float[Tensor, "B C H W"]:
    """tanh of the first half of the channels times sigmoid of the second. [eq. 2]

    >>> gate(torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)).item()  # tanh(1) / 2
    0.3807970881462097
    """
    value, switch = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


@checked
def coordinate_features(
    height: Count,
    width: Count,
    n_frequencies: Natural = 0,
    *,
    like: Float[Tensor, "..."] | None = None,
) -> Float[Tensor, "1 features height width"]:
    """Where a pixel is, as features, on the device and dtype of `like`; a convolution cannot tell.

    Row and column run from -1 to 1. sin and cos of k pi x / 2 for k = 1, 2, ..., n_frequencies let
    one linear layer single out a region that the bare numbers cannot.

    >>> coordinate_features(1, 3)[0, 1]  # the columns; a single row lies at -1
    tensor([[-1.,  0.,  1.]])
    """
    device = None if like is None else like.device
    rows = torch.linspace(-1, 1, height, device=device)
    columns = torch.linspace(-1, 1, width, device=device)
    place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    waves = [math.pi / 2 * k * place for k in range(1, n_frequencies + 1)]
    place = torch.cat([place, *(f(wave) for wave in waves for f in (torch.sin, torch.cos))])[None]
    return place if like is None else place.to(like)


# What stands between two layers, and how many channels it takes for one.
ACTIVATIONS = {"gate": (gate, 2), "relu": (torch.relu, 1)}
Activation = Literal[tuple(ACTIVATIONS)]


class VerticalConv2d(nn.Conv2d):
    """Reads its own row and the k//2 rows above it: (B, in, H, W) -> (B, out, H, W)."""

    @checked
    def __init__(self, in_channels: Count, out_channels: Count, kernel_size: OddSides):
        side, across = kernel_sides(kernel_size)
        self.reach = side // 2
        super().__init__(in_channels, out_channels, (self.reach + 1, across))

    def forward(self, x: Float[Tensor, "B in H W"]) -> Float[Tensor, "B out H W"]:
        """Convolve, zeros above the image and beside it."""
        return super().forward(F.pad(x, (self.reach, self.reach, self.reach, 0)))


class HorizontalConv2d(nn.Conv2d):
    """Reads k//2 pixels to the left in its own row, and the centre as the mask type allows.

    Type A, one colour: the centre tap does not exist. Otherwise it is the last, with the rule for
    colours. Output channels are `n_blocks` arguments of an activation, each grouped by colour.
    """

    @checked
    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        kernel_size: OddSides,
        *,
        mask_type: Literal["A", "B"],
        n_colors: Count,
        n_blocks: Count = 2,
    ):
        if out_channels % n_blocks:
            raise ValueError(
                f"out_channels={out_channels} cannot be divided into {n_blocks} blocks: use a "
                f"multiple of n_blocks={n_blocks}"
            )
        self.reach = kernel_sides(kernel_size)[1] // 2
        self.has_center = mask_type == "B" or n_colors > 1
        super().__init__(in_channels, out_channels, (1, self.reach + self.has_center))
        mask = None
        if n_colors > 1:
            sides, options = (1, 2 * self.reach + 1), {"include_center": mask_type == "B"}
            sizes = (out_channels // n_blocks, in_channels, sides)
            of_a_block = color_causal_mask(*sizes, n_colors=n_colors, **options)
            mask = of_a_block[..., : self.reach + 1].repeat(n_blocks, 1, 1, 1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "B in H W"]) -> Float[Tensor, "B out H W"]:
        """Convolve, zeros to the left of the image."""
        x = F.pad(x, (self.reach, 0 if self.has_center else -1))
        weight = self.weight if self.mask is None else self.weight * self.mask
        return F.conv2d(x, weight, self.bias)


class GatedLayer(nn.Module):
    """One layer of both stacks (figure 2): vertical, horizontal -> vertical, horizontal."""

    @checked
    def __init__(
        self,
        in_channels: Count,
        n_channels: Count,
        kernel_size: OddSides,
        *,
        mask_type: Literal["A", "B"],
        n_colors: Count = 1,
        n_classes: Count | None = None,
        context_channels: Natural = 0,
        activation: Activation = "gate",
    ):
        super().__init__()
        self.activate, n_blocks = ACTIVATIONS[activation]
        width = n_blocks * n_channels
        self.vertical = VerticalConv2d(in_channels, width, kernel_size)
        self.link = nn.Conv2d(width, width, 1)
        options = {"mask_type": mask_type, "n_colors": n_colors, "n_blocks": n_blocks}
        self.horizontal = HorizontalConv2d(in_channels, width, kernel_size, **options)
        self.output = pointwise(n_channels, n_channels, n_colors)
        self.label = nn.Embedding(n_classes, 2 * width) if n_classes else None
        self.context = nn.Conv2d(context_channels, 2 * width, 1) if context_channels else None
        # The first layer is type A: adding its input back would show each pixel to itself.
        self.residual = mask_type == "B"

    def condition(
        self, label: Int[Tensor, "B"] | None, context: Float[Tensor, "B_or_1 C H W"] | None
    ) -> tuple[Tensor, Tensor] | None:
        """What is added inside the gates of the vertical and of the horizontal stack, if any."""
        added = None if self.label is None else self.label(label)[:, :, None, None]
        if self.context is not None:
            place = self.context(context)
            added = place if added is None else added + place
        return None if added is None else added.chunk(2, dim=1)

    def forward(self, v, h, *, label=None, context=None, last: bool = False):
        """Features of the two stacks, one layer on. `last` leaves out what nobody reads."""
        v = self.vertical(v)
        link = self.link(v)  # taken before the gate: figure 2
        z = self.horizontal(h) + link
        condition = self.condition(label, context)
        if condition is not None:
            v, z = v + condition[0], z + condition[1]
        out = self.output(self.activate(z))
        v = None if last else self.activate(v)
        return v, (h + out if self.residual else out)
