"""GatedRow: the gated PixelCNN on an image of one row, that is, on a sequence.

    p(z) = prod_t p(z_t | z_1, ..., z_(t-1))

A sequence is an image of one row, of which the vertical stack sees only the zeros above, and does
three quarters of all multiplications (16 C^2 of 21 C^2 with 3x3 kernels). Without it:

    h' = h + W_out gate(W * h + V_label + V_place)

A layer reads k//2 positions to the left and its own (the first layer not its own), so a prediction
remembers n_layers * (k//2) symbols. WaveNet's dilated kernels would be another way.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.2;
WaveNet: van den Oord et al. 2016, arXiv 1609.03499.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Kernel, Natural, OddSides, Several, checked, symbols
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.gated import SYMBOL_DIM, check_given
from tutorial_lib.pixels.gated_layer import HorizontalConv2d, coordinate_features, gate
from tutorial_lib.pixels.masks import head


class RowLayer(nn.Module):
    """One gated layer of the horizontal stack: (B, in, 1, T) -> (B, n_channels, 1, T)."""

    activate = staticmethod(gate)

    @checked
    def __init__(
        self,
        in_channels: Count,
        n_channels: Count,
        kernel_size: OddSides,
        *,
        mask_type: Literal["A", "B"],
        n_classes: Count | None,
        place_channels: Natural,
    ):
        super().__init__()
        width = 2 * n_channels
        self.horizontal = HorizontalConv2d(
            in_channels, width, kernel_size, mask_type=mask_type, n_colors=1
        )
        self.output = nn.Conv2d(n_channels, n_channels, 1)
        self.label = nn.Embedding(n_classes, width) if n_classes else None
        self.place = nn.Conv2d(place_channels, width, 1) if place_channels else None
        self.residual = mask_type == "B"

    def condition(self, label: Tensor | None, place: Tensor | None) -> Tensor | None:
        """What label and place add inside the gate, (B or 1, 2C, 1, T or 1), if anything."""
        added = None if label is None else self.label(label)[:, :, None, None]
        if place is not None:
            place = self.place(place)
            added = place if added is None else added + place
        return added

    def forward(self, h: Tensor, label: Tensor | None, place: Tensor | None) -> Tensor:
        """The stack's features, one layer on."""
        z, condition = self.horizontal(h), self.condition(label, place)
        out = self.output(self.activate(z if condition is None else z + condition))
        return h + out if self.residual else out


@dataclass(frozen=True, kw_only=True)
class GatedRowConfig(Config):
    """Settings of a GatedRow."""

    n_levels: Several  # L, the number of symbols
    n_channels: Count = 64
    n_layers: Count = 8
    kernel_size: Kernel = 9
    n_classes: Count | None = None  # labels 0 .. n_classes-1 must then be given to every call
    coordinates: bool = True  # each layer gets the place in the sequence
    n_frequencies: Natural = 0  # waves of so many lengths beside it: `coordinate_features`


class GatedRow(nn.Module):
    """levels (B, 1, 1, T) of symbols without an order -> logits (B, L, 1, 1, T), for any T."""

    n_colors = 1

    @built_from(GatedRowConfig)
    def __init__(self, config: GatedRowConfig):
        super().__init__()
        self.config = config
        self.n_levels, self.n_classes = config.n_levels, config.n_classes
        n_channels = config.n_channels
        self.symbols = nn.Embedding(config.n_levels, SYMBOL_DIM)
        self.layers = nn.ModuleList(
            RowLayer(
                n_channels if i else SYMBOL_DIM,
                n_channels,
                config.kernel_size,
                mask_type="B" if i else "A",
                n_classes=config.n_classes,
                place_channels=1 + 2 * config.n_frequencies if config.coordinates else 0,
            )
            for i in range(config.n_layers)
        )
        self.head = head(n_channels, config.n_levels, 1)

    def forward(
        self, levels: Int[Tensor, "B 1 1 T"], *, label: Tensor | None = None
    ) -> Float[Tensor, "B L 1 1 T"]:
        """Logits of every symbol given all those before it, in one pass."""
        return self.logits_from(self.embed(levels), label=label)

    @checked
    def embed(self, levels: Int[Tensor, "B 1 1 T"]) -> Float[Tensor, "B F 1 T"]:
        """A vector for each symbol."""
        symbols("levels", levels, self.n_levels)
        return self.symbols(levels).permute(0, 1, 4, 2, 3).flatten(1, 2)

    @checked
    def logits_from(
        self,
        features: Float[Tensor, "B {self.symbols.embedding_dim} 1 T"],
        *,
        label: Int[Tensor, "B"] | None = None,
    ) -> Float[Tensor, "B L 1 1 T"]:
        """The network after `embed`."""
        place, h = self.place(features, label), features
        for layer in self.layers:
            h = layer(h, label, place)
        return self.head(h).unsqueeze(2)

    @checked
    def place(
        self, features: Float[Tensor, "B F 1 T"], label: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "1 features 1 T"] | None:
        """Where each position is; None if the model is not to know. Looks at the label, too."""
        check_given("label", label, self.n_classes, "n_classes")
        if label is not None:
            symbols("label", label, self.n_classes)
        if not self.config.coordinates:
            return None
        place = coordinate_features(1, features.shape[-1], self.config.n_frequencies, like=features)
        return place[:, 1::2]  # the other half is the row, always the same
