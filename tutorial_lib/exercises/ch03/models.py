"""Small models with known habits, for the exercises of chapter 03."""

import torch
from torch import Tensor, nn

from tutorial_lib.pixels.masks import MaskedConv2d

TOO_MANY = "The model was given more images at once than batch_size allows."


class IndependentPixels(nn.Module):
    """The same logits for every image, whatever it shows: what it costs is known by heart.

    at_most   the most images it takes at once; None for any number
    """

    def __init__(self, logits: Tensor, at_most: int | None = None):
        super().__init__()
        self.register_buffer("logits", logits)
        self.at_most = at_most
        self.recorded: list[bool] = []

    def forward(self, levels: Tensor) -> Tensor:
        self.recorded.append(torch.is_grad_enabled())
        if self.at_most is not None and len(levels) > self.at_most:
            raise ValueError(f"{TOO_MANY} It is {self.at_most}, and {len(levels)} came.")
        return self.logits.expand(len(levels), *self.logits.shape)


class CausalPixels(nn.Module):
    """Two masked layers with large random weights: each sub-pixel depends strongly on its past."""

    def __init__(self, n_colors: int, n_levels: int, rng: torch.Generator):
        super().__init__()
        self.n_colors, self.n_levels = n_colors, n_levels
        shapes = (n_colors, 4 * n_colors), (4 * n_colors, n_levels * n_colors)
        first = MaskedConv2d(*shapes[0], 5, mask_type="A", n_colors=n_colors)
        second = MaskedConv2d(*shapes[1], 3, mask_type="B", n_colors=n_colors)
        self.stack = nn.Sequential(first, nn.Tanh(), second).double()
        with torch.no_grad():
            for parameter in self.stack.parameters():
                parameter.copy_(1.5 * torch.randn(parameter.shape, generator=rng))

    def forward(self, levels: Tensor) -> Tensor:
        out = self.stack(levels.double() * 2 / (self.n_levels - 1) - 1)
        return out.unflatten(1, (self.n_colors, self.n_levels)).transpose(1, 2)
