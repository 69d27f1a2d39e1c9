"""Which input sub-pixel can change which prediction: measured, not drawn by hand.

Row i of the influence matrix says what the logits of sub-pixel i depend on. A proper autoregressive
model has a strictly lower triangular matrix: nothing sees itself or the future. A model that uses
*all* of the past has every entry below the diagonal set; what is missing there is its blind spot.

    influence[i, j] = (d logits_i / d input_j  is not zero)

Levels have no derivative, so a model says how it turns them into numbers, `embed(levels)`, and what
it does with these, `logits_from(features)`; `as_model` gives a stack of convolutions both.
"""

import copy
from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Natural, Several, checked, having, symbols

OpenModel = Annotated[nn.Module, having("n_levels", "n_colors", "embed", "logits_from")]


class StackModel(nn.Module):
    """A module (B, C, H, W) float -> (B, F, H, W), F in C contiguous groups, seen as a model."""

    @checked
    def __init__(self, stack: nn.Module, *, n_colors: Count = 1, n_levels: Several = 2):
        super().__init__()
        self.stack, self.n_colors, self.n_levels = stack, n_colors, n_levels

    @checked
    def embed(self, levels: Int[Tensor, "B {self.n_colors} H W"]) -> Float[Tensor, "B C H W"]:
        """Levels as floats, unscaled."""
        symbols("levels", levels, self.n_levels)
        return levels.to(next(self.stack.parameters()).dtype)

    @checked
    def logits_from(
        self, features: Float[Tensor, "B {self.n_colors} H W"]
    ) -> Float[Tensor, "B L C H W"]:
        """Outputs of the stack, one group of channels a colour."""
        return self.stack(features).unflatten(1, (self.n_colors, -1)).transpose(1, 2)

    def forward(self, levels: Tensor) -> Float[Tensor, "B L C H W"]:
        """The stack as a model of images; its outputs are logits if there are L a colour."""
        return self.logits_from(self.embed(levels))


def as_model(stack: nn.Module, *, n_colors: int = 1, n_levels: int = 2) -> StackModel:
    """A stack of convolutions as a model that can be probed: levels -> logits."""
    return StackModel(stack, n_colors=n_colors, n_levels=n_levels)


def _probes(
    model: nn.Module, height: int, width: int, n_probes: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One number for each output sub-pixel in raster order, and the embedded image they came from.

    Each is a random mix of the logits: a plain sum can cancel what the single ones depend on.
    """
    probe = copy.deepcopy(model).double()
    device = next(probe.parameters()).device
    shape = (1, probe.n_colors, height, width)
    for seed in range(n_probes):
        noise = torch.Generator().manual_seed(seed)
        levels = torch.randint(probe.n_levels, shape, generator=noise).to(device)
        features = probe.embed(levels).detach().requires_grad_()
        with torch.enable_grad():
            logits = probe.logits_from(features)
            mix = torch.randn(logits.shape, generator=noise, dtype=torch.float64).to(device)
            mixed = (logits * mix).sum(dim=1)[0].permute(1, 2, 0).flatten()
        yield mixed, features


def _sensitivity(output: Tensor, features: Tensor, n_colors: int) -> Float[Tensor, " N"]:
    """|d output / d input| of each sub-pixel in raster order, summed over its numbers."""
    (gradient,) = torch.autograd.grad(output, features, retain_graph=True, allow_unused=True)
    gradient = torch.zeros_like(features) if gradient is None else gradient
    by_color = gradient[0].abs().unflatten(0, (n_colors, -1)).sum(dim=1)
    return by_color.permute(1, 2, 0).flatten().cpu()


@checked
def influence_matrix(
    model: OpenModel, height: Count, width: Count, *, n_probes: Count = 3
) -> Bool[Tensor, "N N"]:
    """[output, input] for all N = height * width * n_colors sub-pixels in raster order.

    Takes N backward passes for each of `n_probes` random images (a ReLU may be shut on one).

    >>> above = nn.Conv2d(1, 2, (3, 1), padding="same")
    >>> above.weight.data[:, :, 1:] = 0  # only the pixel above is left
    >>> influence_matrix(as_model(above), 2, 2).int().tolist()
    [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    """
    reads = [
        torch.stack([_sensitivity(each, features, model.n_colors) for each in mixed]) != 0
        for mixed, features in _probes(model, height, width, n_probes)
    ]
    return torch.stack(reads).any(dim=0)


@checked
def influence_map(
    model: OpenModel,
    height: Count,
    width: Count,
    target: tuple[int, int],
    *,
    color: Natural = 0,
    n_probes: Count = 3,
) -> Float[Tensor, "C H W"]:
    """How strongly each input sub-pixel moves the logits of a target (row, column): |gradient|."""
    shape = (height, width, model.n_colors)
    if not all(0 <= at < size for at, size in zip((*target, color), shape, strict=True)):
        inside = "x".join(map(str, shape))
        raise ValueError(f"target {target} of color {color} lies outside {inside}")
    position = (target[0] * width + target[1]) * model.n_colors + color
    maps = [
        _sensitivity(mixed[position], features, model.n_colors)
        for mixed, features in _probes(model, height, width, n_probes)
    ]
    return torch.stack(maps).mean(dim=0).reshape(shape).permute(2, 0, 1)


@checked
def blind_spot(reads: Bool[Tensor, "N N"]) -> float:
    """The share of the past that is never read: unset entries below the diagonal, 0.0 to 1.0.

    >>> blind_spot(torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).bool())  # 1 of 3 is not read
    0.3333333333333333
    """
    past = torch.ones_like(reads).tril(diagonal=-1)
    if not past.any():
        raise ValueError(f"reads of shape {tuple(reads.shape)} has no past")
    return (past & ~reads).sum().item() / past.sum().item()
