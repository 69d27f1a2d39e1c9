"""GatedPixelCNN: two stacks without a blind spot, gates, labels and spatial context.

What it adds to a single masked stack:

- A *vertical* stack that reads all rows above, unmasked, and a *horizontal* stack that reads to
  the left in its row and, through a 1x1 link, the vertical stack: together, the whole past.
- The gate in place of the ReLU: y = tanh(W_f * x) . sigmoid(W_g * x)          [eq. 2]
- Conditions inside the gate: y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)
  for a label h, and V * s in place of V h for a spatial map s               [eqs. 4 and 5]

One layer stands in `gated_layer`; here layers become a model. Where the code deviates:

- The vertical stack is shifted down by one row once, at its input, instead of at every link; row i
  of it then never knows row i of the image.
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

from tutorial_lib.coordinates import coordinate_features
from tutorial_lib.gated_layer import (
    ACTIVATIONS,
    GatedLayer,
    HorizontalConv2d,
    VerticalConv2d,
    gate,
    pointwise,
    shift_down,
)
from tutorial_lib.memory_format import in_fast_format
from tutorial_lib.plain_checks import check_kernel, plain_numbers
from tutorial_lib.validation import (
    require_bool,
    require_choice,
    require_float,
    require_image_features,
    require_int,
    require_shape,
    require_symbols,
)

__all__ = [
    "GatedLayer",
    "GatedPixelCNN",
    "HorizontalConv2d",
    "VerticalConv2d",
    "gate",
    "shift_down",
]
SYMBOL_DIM = 32


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

    @plain_numbers
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
        return self.logits_from(self.embed(levels), label=label, context=context)

    def embed(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B F H W"]:
        """Levels as numbers: scaled intensities, or a vector for each symbol, colour by colour."""
        require_symbols("levels", levels, self.n_levels, like=self.layers[0].link.weight)
        require_shape("levels", levels, ("batch", self.n_colors, "height", "width"))
        if self.symbols is not None:
            return self.symbols(levels).permute(0, 1, 4, 2, 3).flatten(1, 2)
        dtype = self.layers[0].link.weight.dtype
        return levels.to(dtype) * (2 / (self.n_levels - 1)) - 1

    def logits_from(self, features, *, label=None, context=None) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`: both stacks, then the head on the horizontal one.

        NaN features give NaN logits: training looks at its loss.
        """
        first = self.layers[0]
        require_image_features(
            "features", features, first.vertical.in_channels, like=first.link.weight
        )
        self._check_conditions(features, label, context)
        features = in_fast_format(features)
        context = self.with_coordinates(features, context)
        v, h = shift_down(features), features
        for i, layer in enumerate(self.layers):
            v, h = layer(v, h, label=label, context=context, last=i == len(self.layers) - 1)
        return self.head(h).unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)

    def with_coordinates(self, features: Tensor, context: Tensor | None) -> Tensor | None:
        """The context of every layer: the one given, and where each pixel is if it is told."""
        require_image_features("features", features, "F", like=self.layers[0].link.weight)
        if not self.coordinates:
            return context
        place = coordinate_features(*features.shape[-2:], self.n_frequencies, like=features)
        if context is None:
            return place
        require_image_features("context", context, "C", like=features)
        require_shape("context", context, ("B", "C", *features.shape[2:]))
        return torch.cat([context, place.expand(len(context), -1, -1, -1)], dim=1)

    def _check_conditions(self, features, label, context) -> None:
        weight = self.layers[0].link.weight
        _check_given("label", label, self.n_classes, "n_classes")
        _check_given("context", context, self.context_channels, "context_channels")
        batch, _, height, width = features.shape
        if label is not None:
            require_symbols("label", label, self.n_classes, like=weight)
            require_shape("label", label, (batch,))
        if context is not None:
            expected = (batch, self.context_channels, height, width)
            require_shape("context", require_float("context", context, like=weight), expected)


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
    for name in ("ordered", "coordinates"):
        require_bool(name, config[name])
    for name in ("kernel_size", "first_kernel_size"):
        if name == "kernel_size" or config[name] is not None:
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
