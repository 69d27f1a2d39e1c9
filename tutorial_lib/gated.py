"""GatedPixelCNN: two stacks without a blind spot, gates, labels and spatial context.

What it adds to a single masked stack:

- A *vertical* stack that reads all rows above, unmasked, and a *horizontal* stack that reads to
  the left in its row and, through a 1x1 link, the vertical stack: together, the whole past.
- The gate in place of the ReLU: y = tanh(W_f * x) . sigmoid(W_g * x)          [eq. 2]
- Conditions inside the gate: y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)
  for a label h, and V * s in place of V h for a spatial map s               [eqs. 4 and 5]

Every connection of the paper's figure 2 is in `GatedLayer.forward`. Where the code deviates:

- The vertical stack is shifted down by one row once, at its input, instead of at every link; row i
  of it then never knows row i of the image. Kernels are cropped to the taps that may be read (k//2
  + 1 rows, k//2 + 1 columns), so that nothing is multiplied by a masked zero.
- `ordered=False` gives each symbol its own vector: for code indices, whose order means nothing.
- `coordinates=True` adds the row and column of a pixel, and waves of `n_frequencies` lengths, as a
  context that all images share; a convolution alone cannot tell where it is.
- `first_kernel_size` widens the first layer, which reads the image itself and is cheap.
- `activation="relu"` puts a ReLU in the place of every gate, to measure what the gate brings.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.coordinates import coordinate_features
from tutorial_lib.masks import MaskedConv2d, color_causal_mask, kernel_sides
from tutorial_lib.pixelcnn import check_kernel
from tutorial_lib.validation import (
    require_choice,
    require_float,
    require_int,
    require_shape,
    require_symbols,
)

SYMBOL_DIM = 32


def shift_down(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Every row one down and zeros in the first: row i holds what was known above it."""
    return F.pad(features, (0, 0, 1, -1))


def gate(features: Float[Tensor, "B twoC H W"]) -> Float[Tensor, "B C H W"]:
    """tanh of the first half of the channels times sigmoid of the second. [eq. 2]"""
    value, switch = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


ACTIVATIONS = {"gate": (gate, 2), "relu": (torch.relu, 1)}  # and the channels it takes for one


def plus(features: Tensor, condition: Tensor | int) -> Tensor:
    """Their sum; without a condition, which is then the number 0, the features as they are."""
    return features if isinstance(condition, int) else features + condition


def pointwise(in_channels: int, out_channels: int, n_colors: int) -> nn.Conv2d:
    """A 1x1 convolution that keeps R -> G -> B, which for one colour needs no mask at all."""
    if n_colors == 1:
        return nn.Conv2d(in_channels, out_channels, 1)
    return MaskedConv2d(in_channels, out_channels, 1, mask_type="B", n_colors=n_colors)


class VerticalConv2d(nn.Conv2d):
    """Reads its own row and the k//2 rows above it: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        self.reach = kernel_sides(kernel_size)[0] // 2
        super().__init__(in_channels, out_channels, (self.reach + 1, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, zeros above the image and beside it."""
        return super().forward(F.pad(x, (self.reach, self.reach, self.reach, 0)))


class HorizontalConv2d(nn.Conv2d):
    """Reads k//2 pixels to the left in its own row, and the centre as the mask type allows.

    Type A, one colour: the centre tap does not exist. Otherwise it is the last tap, with the
    R -> G -> B rule where there are colours. Output channels are `halves` blocks (the two arguments
    of a gate), each grouped by colour.
    """

    def __init__(self, in_channels, out_channels, kernel_size, *, mask_type, n_colors, halves=2):
        self.reach = kernel_sides(kernel_size)[1] // 2
        self.has_center = mask_type == "B" or n_colors > 1
        super().__init__(in_channels, out_channels, (1, self.reach + self.has_center))
        mask = None
        if n_colors > 1:
            mask = color_causal_mask(
                out_channels // halves,
                in_channels,
                (1, 2 * self.reach + 1),
                n_colors=n_colors,
                include_center=mask_type == "B",
            )[..., : self.reach + 1].repeat(halves, 1, 1, 1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, zeros to the left of the image."""
        x = F.pad(x, (self.reach, 0 if self.has_center else -1))
        weight = self.weight if self.mask is None else self.weight * self.mask
        return F.conv2d(x, weight, self.bias)


class GatedLayer(nn.Module):
    """One layer of both stacks (figure 2): vertical, horizontal -> vertical, horizontal."""

    def __init__(
        self,
        vertical_channels: int,
        horizontal_channels: int,
        n_channels: int,
        kernel_size: int,
        *,
        mask_type: str,
        n_colors: int,
        n_classes: int | None,
        context_channels: int,
        activation: str = "gate",
    ):
        super().__init__()
        self.activate, halves = ACTIVATIONS[activation]
        width = halves * n_channels
        self.vertical = VerticalConv2d(vertical_channels, width, kernel_size)
        self.link = nn.Conv2d(width, width, 1)
        self.horizontal = HorizontalConv2d(
            horizontal_channels,
            width,
            kernel_size,
            mask_type=mask_type,
            n_colors=n_colors,
            halves=halves,
        )
        self.output = pointwise(n_channels, n_channels, n_colors)
        self.label = nn.Embedding(n_classes, 2 * width) if n_classes else None
        self.context = nn.Conv2d(context_channels, 2 * width, 1) if context_channels else None
        # The first layer is type A: adding its input back would show each pixel to itself.
        self.residual = mask_type == "B"

    def condition(self, label: Tensor | None, context: Tensor | None):
        """What the conditions add to the gates of the vertical and of the horizontal stack."""
        added = 0
        if self.label is not None:
            added = self.label(label)[:, :, None, None]
        if self.context is not None:
            added = added + self.context(context)
        return (added, added) if isinstance(added, int) else added.chunk(2, dim=1)

    def forward(self, v, h, *, label=None, context=None, last: bool = False):
        """Features of the two stacks, one layer on. `last` leaves out what nobody reads."""
        to_vertical, to_horizontal = self.condition(label, context)
        v = self.vertical(v)
        link = self.link(v)  # taken before the gate: figure 2
        out = self.output(self.activate(plus(self.horizontal(h) + link, to_horizontal)))
        v = None if last else self.activate(plus(v, to_vertical))
        return v, (h + out if self.residual else out)


class GatedPixelCNN(nn.Module):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any height and width.

    n_colors      sub-pixels of a pixel, predicted in order (R, G, B)
    n_levels      L, the number of values of a sub-pixel
    n_channels    features of each stack; a multiple of n_colors
    n_layers      gated layers, the first of type A
    kernel_size   k, odd and at least 3; a layer reads k//2 rows up and k//2 columns left
    n_classes     labels 0 .. n_classes-1 must then be given to every call
    context_channels   a context (B, context_channels, H, W) must then be given to every call
    ordered       True: levels are intensities, scaled to -1 .. 1. False: symbols without an order
    coordinates   True: each layer is told the row and column of its pixels
    n_frequencies waves of so many lengths beside the coordinates; see `coordinate_features`
    first_kernel_size   of the first layer, if not kernel_size
    activation    "gate", or "relu" for the same two stacks without gates
    """

    def __init__(
        self,
        *,
        n_colors: int = 1,
        n_levels: int = 2,
        n_channels: int = 64,
        n_layers: int = 7,
        kernel_size: int = 3,
        n_classes: int | None = None,
        context_channels: int | None = None,
        ordered: bool = True,
        coordinates: bool = False,
        n_frequencies: int = 0,
        first_kernel_size: int | None = None,
        activation: str = "gate",
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        _check_sizes(self.config)
        self.n_colors, self.n_levels, self.n_classes = n_colors, n_levels, n_classes
        self.context_channels, self.ordered, self.coordinates = (
            context_channels,
            ordered,
            coordinates,
        )
        self.n_frequencies = n_frequencies
        self.symbols = None if ordered else nn.Embedding(n_levels, SYMBOL_DIM)
        places = 2 + 4 * n_frequencies if coordinates else 0
        inputs = n_colors * (1 if ordered else SYMBOL_DIM)
        self.layers = nn.ModuleList(
            GatedLayer(
                n_channels if i else inputs,
                n_channels if i else inputs,
                n_channels,
                kernel_size if i else first_kernel_size or kernel_size,
                mask_type="B" if i else "A",
                n_colors=n_colors,
                n_classes=n_classes,
                context_channels=(context_channels or 0) + places,
                activation=activation,
            )
            for i in range(n_layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            pointwise(n_channels, n_channels, n_colors),
            nn.ReLU(),
            pointwise(n_channels, n_colors * n_levels, n_colors),
        )

    def forward(self, levels, *, label=None, context=None) -> Float[Tensor, "B L C H W"]:
        """Logits of every sub-pixel given all those before it, in one pass.

        Raises ValueError or TypeError for levels or labels out of range, wrong shapes, and a
        condition that is missing or that the model was not built for.
        """
        require_symbols("levels", levels, self.n_levels)
        require_shape("levels", levels, ("batch", self.n_colors, "height", "width"))
        return self.logits_from(self.embed(levels), label=label, context=context)

    def embed(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B F H W"]:
        """Levels as numbers: scaled intensities, or a vector for each symbol, colour by colour."""
        if self.symbols is not None:
            return self.symbols(levels).permute(0, 1, 4, 2, 3).flatten(1, 2)
        dtype = self.layers[0].link.weight.dtype
        return levels.to(dtype) * (2 / (self.n_levels - 1)) - 1

    def logits_from(self, features, *, label=None, context=None) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`: both stacks, then the head on the horizontal one."""
        self._check_conditions(features, label, context)
        features = features.contiguous(memory_format=torch.channels_last)
        context = self.with_coordinates(features, context)
        v, h = shift_down(features), features
        for i, layer in enumerate(self.layers):
            v, h = layer(v, h, label=label, context=context, last=i == len(self.layers) - 1)
        return self.head(h).unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)

    def with_coordinates(self, features: Tensor, context: Tensor | None) -> Tensor | None:
        """The context of every layer: the one given, and where each pixel is if it is told."""
        if not self.coordinates:
            return context
        place = coordinate_features(*features.shape[-2:], self.n_frequencies).to(features)
        if context is None:
            return place
        return torch.cat([context, place.expand(len(context), -1, -1, -1)], dim=1)

    def _check_conditions(self, features, label, context) -> None:
        _check_given("label", label, self.n_classes, "n_classes")
        _check_given("context", context, self.context_channels, "context_channels")
        batch, _, height, width = features.shape
        if label is not None:
            require_shape("label", require_symbols("label", label, self.n_classes), (batch,))
        if context is not None:
            expected = (batch, self.context_channels, height, width)
            require_shape("context", require_float("context", context), expected)


def _check_given(name: str, value: Tensor | None, size: int | None, option: str) -> None:
    if value is None and size:
        raise ValueError(f"this model was built with {option}={size}: give it {name}=...")
    if value is not None and not size:
        raise ValueError(f"{name} was given, but this model was built without {option}")


def _check_sizes(config: dict) -> None:
    require_choice("activation", config["activation"], tuple(ACTIVATIONS))
    require_int("n_levels", config["n_levels"], at_least=2)
    require_int("n_layers", config["n_layers"], at_least=1)
    require_int("n_colors", config["n_colors"], at_least=1)
    for name in ("kernel_size", "first_kernel_size"):
        if config[name] is not None:
            check_kernel(name, config[name])
    if (
        require_int("n_frequencies", config["n_frequencies"], at_least=0)
        and not config["coordinates"]
    ):
        raise ValueError("n_frequencies are waves beside the coordinates: set coordinates=True")
    for name in ("n_classes", "context_channels"):
        if config[name] is not None:
            require_int(name, config[name], at_least=1)
    if require_int("n_channels", config["n_channels"], at_least=1) % config["n_colors"]:
        raise ValueError(
            f"n_channels={config['n_channels']} cannot be divided among "
            f"{config['n_colors']} colours: use a multiple of {config['n_colors']}"
        )
