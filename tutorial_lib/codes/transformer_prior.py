"""TransformerPrior: causal attention over codes in raster order, and its cache.

    p(z) = prod_i p(z_i | start, z_1, ..., z_(i-1))

Slot i of the sequence holds the code before it and where code i lies, and predicts code i. Slot 0
holds the start: the label, where there are labels. Every slot reads all slots up to its own
(`causal_attention`), so a prediction sees the whole past in one layer, where a convolution needs as
many as it has rows.

Keys and values of a slot depend on its past alone. The cache keeps them, so that a code costs one
slot in place of a whole pass: chapter 06's cache, with all of the past in the place of a few rows.

Where this leaves the papers: the place is sines of row and column, so the field may have any size.

References: Vaswani et al. 2017, Attention Is All You Need, sec. 3; as a prior over codes: Esser et
al. 2021, Taming Transformers, sec. 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.codes.causal_attention import Kept, TransformerBlock
from tutorial_lib.contracts import Count, Several, checked, symbols
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.gated import check_given
from tutorial_lib.sampling.sources import CACHES

N_WAVES = 8  # wave lengths of row and column, from 6 places to some 2,600


@dataclass(frozen=True, kw_only=True)
class TransformerPriorConfig(Config):
    """Settings of a TransformerPrior."""

    n_colors: Count = 1  # codes at one place, predicted in order: the depth of residual codes
    n_levels: Several  # K, the number of codes
    n_channels: Count = 64  # numbers of a slot, a multiple of n_heads
    n_layers: Count = 4
    n_heads: Count = 4
    n_classes: Count | None = None  # labels 0 .. n_classes-1 must then be given to every call

    def __post_init__(self):
        super().__post_init__()
        if self.n_channels % self.n_heads:
            raise ValueError(
                f"n_channels={self.n_channels} cannot be divided among {self.n_heads} heads: use a "
                f"multiple of n_heads={self.n_heads}"
            )


class TransformerPrior(nn.Module):
    """levels (B, C, H, W) of symbols without an order -> logits (B, L, C, H, W), for any H and W.

    >>> prior = TransformerPrior(n_levels=512, n_classes=10)
    >>> prior(torch.zeros(2, 1, 7, 7).long(), label=torch.tensor([3, 9])).shape
    torch.Size([2, 512, 1, 7, 7])
    """

    @built_from(TransformerPriorConfig)
    def __init__(self, config: TransformerPriorConfig):
        super().__init__()
        self.config, self.n_classes = config, config.n_classes
        self.n_colors, self.n_levels = config.n_colors, config.n_levels
        n_channels = config.n_channels
        self.symbols = nn.Embedding(config.n_colors * config.n_levels, n_channels)
        self.start = nn.Embedding(config.n_classes or 1, n_channels)
        self.place = nn.Linear(4 * N_WAVES, n_channels)
        self.color = nn.Embedding(config.n_colors, n_channels)
        self.layers = nn.ModuleList(
            TransformerBlock(n_channels, config.n_heads) for _ in range(config.n_layers)
        )
        self.head = nn.Sequential(nn.LayerNorm(n_channels), nn.Linear(n_channels, config.n_levels))

    def forward(
        self, levels: Int[Tensor, "B C H W"], *, label: Tensor | None = None
    ) -> Float[Tensor, "B L C H W"]:
        """Logits of every code given all those before it, in one pass."""
        return self.logits_from(self.embed(levels), label=label)

    @checked
    def embed(self, levels: Int[Tensor, "B {self.n_colors} H W"]) -> Float[Tensor, "B F H W"]:
        """A vector for each symbol, from a table for each colour."""
        symbols("levels", levels, self.n_levels)
        first = torch.arange(self.n_colors, device=levels.device) * self.n_levels
        return self.symbols(levels + first[:, None, None]).permute(0, 1, 4, 2, 3).flatten(1, 2)

    @checked
    def logits_from(
        self,
        features: Float[Tensor, "B {self.n_colors*self.config.n_channels} H W"],
        *,
        label: Int[Tensor, "B"] | None = None,
    ) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`: slots in raster order, the colours of a place in a row."""
        height, width = features.shape[2:]
        codes = features.unflatten(1, (self.n_colors, -1)).permute(0, 3, 4, 1, 2).flatten(1, 3)
        x = torch.cat([self.first_slot(len(features), label), codes], dim=1)[:, :-1]
        x = x + self.places(height, width)
        for layer in self.layers:
            x = layer(x)
        logits = self.head(x).unflatten(1, (height, width, self.n_colors))
        return logits.permute(0, 4, 3, 1, 2)

    @checked
    def first_slot(
        self, batch: Count, label: Int[Tensor, "{batch}"] | None = None
    ) -> Float[Tensor, "B 1 C"]:
        """The vector that every sequence begins with: that of its label, if there are labels."""
        check_given("label", label, self.n_classes, "n_classes")
        if label is None:
            return self.start.weight.expand(batch, 1, -1)
        return self.start(symbols("label", label, self.n_classes))[:, None]

    @checked
    def places(self, height: Count, width: Count) -> Float[Tensor, "N C"]:
        """Where the code lies that a slot predicts, for all N = H W n_colors slots in order."""
        like = self.place.weight
        waves = 1000 ** (-torch.arange(N_WAVES, device=like.device, dtype=like.dtype) / N_WAVES)
        rows, columns = (torch.arange(side, device=like.device) for side in (height, width))
        angles = torch.cartesian_prod(rows, columns)[..., None] * waves  # (H W, 2, waves)
        place = self.place(torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1))
        return (place[:, None] + self.color.weight).flatten(0, 1)


class TransformerCache:
    """Logits of a TransformerPrior in raster order, reading `levels` (B, C, H, W) as they come."""

    walks = "image"  # through every slot up to the last unknown one: later ones read its keys

    def __init__(self, model: TransformerPrior, levels: Tensor, label: Tensor | None = None):
        self.model, self.levels = model, levels
        self.first = model.first_slot(len(levels), label)
        self.places = model.places(*levels.shape[2:])
        self.table = model.symbols.weight.unflatten(0, (model.n_colors, -1))
        self.kept = [Kept() for _ in model.layers]

    def begin_row(self, row: int) -> None:
        """Nothing can be prepared: the row is only remembered."""
        self.row = row

    def logits(self, column: int, color: int) -> Tensor:
        """(B, L) for one code of the present row, given all those before it."""
        n_colors, _, width = self.levels.shape[1:]
        slot = (self.row * width + column) * n_colors + color
        x = self.first
        if slot:
            place, last_color = divmod(slot - 1, n_colors)
            last = self.levels[:, last_color, place // width, place % width]
            x = self.table[last_color][last][:, None]
        x = x + self.places[slot]
        for layer, kept in zip(self.model.layers, self.kept, strict=True):
            x = layer(x, kept)
        return self.model.head(x)[:, 0]


CACHES[TransformerPrior] = TransformerCache  # sampling stands before codes, and cannot import it
