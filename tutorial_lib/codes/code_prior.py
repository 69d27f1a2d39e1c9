"""CodePrior: one interface for a prior over code indices of 1, 2 or 3 dimensions.

    log p(z) = sum_i log p(z_i | all z before it)

A VQVAE turns a sound into a sequence of codes, an image into a field, a clip into a volume. Stage
two predicts each code from those before it in raster order, time first in a volume. What differs is
the network that reads the past:

    n_dims   indices        network          what a prediction remembers (`memory`)
    1        (B, T)         GatedRow         n_layers * (k//2) codes
    2        (B, h, w)      GatedPixelCNN    1 + n_layers * (k//2) rows, all of its own row's part
    3        (B, T, h, w)   GatedFrames      n_past_frames frames, and its own as in 2

Codes are symbols without an order: code 7 is no nearer to code 8 than to code 100.

Reference: van den Oord et al. 2017, Neural Discrete Representation Learning, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.codes.gated_frames import GatedFrames
from tutorial_lib.contracts import (
    Count,
    Kernel,
    Natural,
    Several,
    checked,
    filled,
    having,
    held,
    symbols,
)
from tutorial_lib.pixels.config import Config, built_from
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRow
from tutorial_lib.pixels.likelihood import bits_per_dim, nll_nats
from tutorial_lib.sampling.ancestral import sample

AXES = {1: ("length",), 2: ("height", "width"), 3: ("time", "height", "width")}


@dataclass(frozen=True, kw_only=True)
class CodePriorConfig(Config):
    """Settings of a CodePrior."""

    n_dims: Literal[1, 2, 3]
    n_codes: Several  # K
    n_channels: Count = 64
    n_layers: Count = 8
    kernel_size: Kernel = 3  # odd and at least 3
    n_classes: Count | None = None  # labels 0 .. n_classes-1 must then be given to every call
    coordinates: bool = True  # the network gets the place of each code in the field
    n_frequencies: Natural = 0  # waves of so many lengths beside the coordinates
    n_past_frames: Count = 2  # for n_dims=3 alone: how many earlier frames a frame reads


class CodePrior(nn.Module):
    """indices (B, *shape) -> logits (B, K, *shape), for any shape of n_dims axes."""

    @built_from(CodePriorConfig)
    def __init__(self, config: CodePriorConfig):
        super().__init__()
        self.config, self.n_dims, self.n_codes = config, config.n_dims, config.n_codes
        self.n_classes = config.n_classes
        settings = asdict(config)
        del settings["n_dims"], settings["n_codes"]
        if config.n_dims < 3:
            del settings["n_past_frames"]
        if config.n_dims == 2:
            settings["ordered"] = False
        network = {1: GatedRow, 2: GatedPixelCNN, 3: GatedFrames}[config.n_dims]
        self.network = network(n_levels=config.n_codes, **settings)

    @property
    def memory(self) -> int:
        """How far back a prediction reads: codes (1-D), rows (2-D), frames (3-D)."""
        reach = self.config.n_layers * (self.config.kernel_size // 2)
        return {1: reach, 2: 1 + reach, 3: self.config.n_past_frames}[self.n_dims]

    @checked
    def forward(
        self, indices: Int[Tensor, "B *shape"], label: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B K *shape"]:
        """Logits of every code given all those before it, in one pass."""
        held("indices", indices, Int[Tensor, f"batch {' '.join(AXES[self.n_dims])}"])
        symbols("indices", indices, self.n_codes)
        if self.n_dims == 3:
            return self.network(indices, label=label)
        image = indices.reshape(self._image_shape(indices.shape))
        logits = self.network(image, label=label)
        return logits.reshape(len(indices), self.n_codes, *indices.shape[1:])

    def nll_nats(
        self, indices: Int[Tensor, "B *shape"], label: Tensor | None = None
    ) -> Float[Tensor, "B"]:
        """-log p(z) of each field, nats; given a label, -log p(z | label)."""
        return nll_nats(self(indices, label), indices)

    @checked
    @torch.no_grad()  # not inference_mode: what is drawn may be trained on
    def sample(
        self,
        n: Count,
        shape: tuple[Count, ...],
        *,
        label: Tensor | int | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        progress: bool = False,
    ) -> Int[Tensor, "n *shape"]:
        """Draw n fields of that shape; `label` is (n,), one for all, or None without labels."""
        if len(shape) != self.n_dims:
            raise ValueError(f"shape must be ({', '.join(AXES[self.n_dims])}), got {shape}")
        options = {"temperature": temperature, "generator": generator, "progress": progress}
        options["label"] = labels_for(n, label, self)
        if self.n_dims == 3:
            return self.network.sample((n, *shape), **options)
        return sample(self.network, self._image_shape((n, *shape)), **options).view(n, *shape)

    def _image_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(B, 1, height, width) of a field (B, *shape): a sequence is an image of one row."""
        return (shape[0], 1, prod(shape[1:-1]), shape[-1])


@checked
def labels_for(
    n: Count, label: Tensor | int | None, prior: Annotated[nn.Module, having("n_classes")]
) -> Int[Tensor, "{n}"] | None:
    """(n,) labels on the prior's device, from as many or one for all; None if it takes none."""
    if label is None and not prior.n_classes:
        return None
    if label is None:
        known = f"0 .. {prior.n_classes - 1}"
        raise ValueError(f"this model draws by label: give label={known}, or one for each image")
    if not prior.n_classes:
        raise ValueError(f"label={label} was given, but this model was trained without labels")
    if isinstance(label, int):
        label = torch.full((n,), label)
    symbols("label", held("label", label, Int[Tensor, f"{n}"]), prior.n_classes)
    return label.to(next(prior.parameters()).device)


@checked
def code_prior_step(
    model: CodePrior, indices: Int[Tensor, "B *shape"], label: Tensor | None = None
) -> dict[str, Tensor]:
    """Stage two on a batch of index fields: a step for `fit`, shown as bits per code."""
    n_codes = filled("indices", indices)[0].numel()
    nats = model.nll_nats(indices, label).mean()
    return {"loss": nats / n_codes, "bits/code": bits_per_dim(nats, n_codes)}
