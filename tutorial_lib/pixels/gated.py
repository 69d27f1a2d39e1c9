"""GatedPixelCNN: two stacks without a blind spot, gates, labels and spatial context.

What it adds to a single masked stack:

- A *vertical* stack that reads all rows above, unmasked, and a *horizontal* stack that reads to
  the left in its row and, through a 1x1 link, the vertical stack: together, the whole past.
- The gate in place of the ReLU, with labels and spatial maps inside it.

One layer stands in `gated_layer`, with its equations; here layers become a model. Where the code
deviates:

- The vertical stack is shifted down by one row once, at its input, instead of at every link; row i
  of it then never knows row i of the image.
- `ordered=False` gives each symbol its own vector: for code indices, whose order means nothing.
- `coordinates=True` adds where a pixel is as a context; a convolution alone cannot tell.
- `first_kernel_size` widens the first layer, which reads the image itself and is cheap.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Kernel, Natural, Several, checked, symbols
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.gated_layer import Activation, GatedLayer, coordinate_features, shift_down
from tutorial_lib.pixels.masks import head
from tutorial_lib.pixels.modes import in_fast_format

SYMBOL_DIM = 32  # numbers in the vector of a symbol


@dataclass(frozen=True, kw_only=True)
class GatedPixelCNNConfig(Config):
    """Settings of a GatedPixelCNN."""

    n_colors: Count = 1  # sub-pixels of a pixel, predicted in order (R, G, B)
    n_levels: Several = 2  # L, the number of values of a sub-pixel
    n_channels: Count = 64  # features of each stack: a multiple of n_colors
    n_layers: Count = 7  # gated layers, the first of type A
    kernel_size: Kernel = 3  # k, odd: a layer reads k//2 rows up and k//2 columns left
    n_classes: Count | None = None  # labels 0 .. n_classes-1 must then be given to every call
    context_channels: Count | None = None  # a context (B, context_channels, H, W) must then be
    ordered: bool = True  # levels are intensities, scaled to -1 .. 1. False: without an order
    coordinates: bool = False  # each layer gets the row and column of its pixels
    n_frequencies: Natural = 0  # waves of so many lengths beside them: `coordinate_features`
    first_kernel_size: Kernel | None = None  # of the first layer, if not kernel_size
    activation: Activation = "gate"  # or "relu", for the same two stacks without gates

    def __post_init__(self):
        super().__post_init__()
        if self.n_frequencies and not self.coordinates:
            raise ValueError("n_frequencies are waves beside the coordinates: set coordinates=True")
        if self.n_channels % self.n_colors:
            raise ValueError(
                f"n_channels={self.n_channels} cannot be divided among {self.n_colors} colours: "
                f"use a multiple of {self.n_colors}"
            )


class GatedPixelCNN(nn.Module):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any height and width."""

    @built_from(GatedPixelCNNConfig)
    def __init__(self, config: GatedPixelCNNConfig):
        super().__init__()
        self.config = config
        self.n_colors, self.n_levels = n_colors, n_levels = config.n_colors, config.n_levels
        self.n_classes, self.context_channels = config.n_classes, config.context_channels
        self.coordinates = config.coordinates
        self.symbols = None if config.ordered else nn.Embedding(n_levels, SYMBOL_DIM)
        inputs = n_colors * (1 if config.ordered else SYMBOL_DIM)
        places = 2 + 4 * config.n_frequencies if config.coordinates else 0
        self.layers = nn.ModuleList(
            GatedLayer(
                config.n_channels if i else inputs,
                config.n_channels,
                config.kernel_size if i else config.first_kernel_size or config.kernel_size,
                mask_type="B" if i else "A",
                n_colors=n_colors,
                n_classes=config.n_classes,
                context_channels=(config.context_channels or 0) + places,
                activation=config.activation,
            )
            for i in range(config.n_layers)
        )
        self.head = head(config.n_channels, n_colors * n_levels, n_colors)

    def forward(self, levels, *, label=None, context=None) -> Float[Tensor, "B L C H W"]:
        """Logits of every sub-pixel given all those before it, in one pass."""
        return self.logits_from(self.embed(levels), label=label, context=context)

    @checked
    def embed(self, levels: Int[Tensor, "B {self.n_colors} H W"]) -> Float[Tensor, "B F H W"]:
        """Levels as numbers: scaled intensities, or a vector for each symbol, colour by colour."""
        symbols("levels", levels, self.n_levels)
        if self.symbols is not None:
            return self.symbols(levels).permute(0, 1, 4, 2, 3).flatten(1, 2)
        dtype = self.layers[0].link.weight.dtype
        return levels.to(dtype) * (2 / (self.n_levels - 1)) - 1

    @checked
    def logits_from(
        self,
        features: Float[Tensor, "B {self.layers[0].vertical.in_channels} H W"],
        *,
        label=None,
        context=None,
    ) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`: both stacks, then the head on the horizontal one."""
        context = self.context_of_layers(features, label, context)
        features = in_fast_format(features)
        v, h = shift_down(features), features
        for i, layer in enumerate(self.layers):
            v, h = layer(v, h, label=label, context=context, last=i == len(self.layers) - 1)
        return self.head(h).unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)

    @checked
    def context_of_layers(
        self,
        features: Float[Tensor, "B F H W"],
        label: Int[Tensor, "B"] | None,
        context: Float[Tensor, "B {self.context_channels} H W"] | None,
    ) -> Tensor | None:
        """The context of every layer: the one given, and where each pixel is, if it is to know."""
        check_given("label", label, self.n_classes, "n_classes")
        check_given("context", context, self.context_channels, "context_channels")
        if label is not None:
            symbols("label", label, self.n_classes)
        if not self.coordinates:
            return context
        place = coordinate_features(*features.shape[-2:], self.config.n_frequencies, like=features)
        if context is None:
            return place
        return torch.cat([context, place.expand(len(context), -1, -1, -1)], dim=1)


def check_given(name: str, value: Tensor | None, size: int | None, option: str) -> None:
    """ValueError unless a condition is given to a model that was built for it, and to no other."""
    if value is None and size:
        raise ValueError(f"this model was built with {option}={size}: give it {name}=...")
    if value is not None and not size:
        raise ValueError(f"{name} was given, but this model was built without {option}")
