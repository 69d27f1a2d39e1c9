"""Which input sub-pixel can change which prediction: measured by autograd, not drawn by hand.

Row i of the influence matrix says what the logits of sub-pixel i depend on. A proper autoregressive
model has a strictly lower triangular matrix: nothing sees itself or the future. A model that uses
*all* of the past has every entry below the diagonal set; what is missing there is its blind spot.

    influence[i, j] = (d logits_i / d input_j  is not zero)

Levels are integers and have no derivative, so a model says how it turns them into numbers and what
it does with these: `model.embed(levels)`, then `model.logits_from(features)`. `as_model` gives a
plain stack of convolutions the same two methods.
"""

from __future__ import annotations

import copy
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tutorial_lib.contracts import Count, Natural, Several, checked, having, symbols

OpenModel = Annotated[nn.Module, having("n_levels", "n_colors", "embed", "logits_from")]


class as_model(nn.Module):  # noqa: N801  (reads as a conversion where it is used)
    """A plain module (B, C, H, W) float -> (B, F, H, W), seen as a model of C colours.

    The F output channels must be C equal contiguous groups, one a colour.
    """

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
        out = self.stack(features)
        return out.unflatten(1, (self.n_colors, -1)).transpose(1, 2)

    def forward(self, levels: Tensor) -> Float[Tensor, "B L C H W"]:
        """The stack as a model of images; its outputs are logits if there are L a colour."""
        return self.logits_from(self.embed(levels))


def _raster(field: Tensor, n_colors: int) -> Tensor:
    """(groups of channels, H, W) -> (H*W*n_colors, per group): raster order, colours within."""
    grouped = field.unflatten(0, (n_colors, -1))
    return grouped.permute(2, 3, 0, 1).flatten(0, 2)


def _probe(model: nn.Module, height: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
    """One number for each output sub-pixel in raster order, and the embedded image they came from.

    Each number is a random mix of the logits rather than their sum: logits are only defined up to a
    constant, and a plain sum can cancel what the single logits depend on. Float64 keeps small
    gradients from vanishing.
    """
    probe = copy.deepcopy(model).double()
    device = next(probe.parameters()).device
    noise = torch.Generator().manual_seed(seed)
    shape = (1, probe.n_colors, height, width)
    levels = torch.randint(probe.n_levels, shape, generator=noise).to(device)
    features = probe.embed(levels).detach().requires_grad_()
    with torch.enable_grad():
        logits = probe.logits_from(features)
        mix = torch.randn(logits.shape, generator=noise, dtype=torch.float64).to(device)
        mixed = (logits * mix).sum(dim=1)[0].permute(1, 2, 0).flatten()
    return mixed, features


def _sensitivity(output: Tensor, features: Tensor, n_colors: int) -> Float[Tensor, " N"]:
    """|d output / d input|, summed over the numbers that stand for an input sub-pixel."""
    (gradient,) = torch.autograd.grad(output, features, retain_graph=True, allow_unused=True)
    gradient = torch.zeros_like(features) if gradient is None else gradient
    return _raster(gradient[0].abs(), n_colors).sum(dim=1).cpu()


@checked
def influence_matrix(
    model: OpenModel, height: Count, width: Count, *, n_probes: Count = 3
) -> Bool[Tensor, "N N"]:
    """[output, input] for all N = height * width * n_colors sub-pixels in raster order.

    The model is probed as it stands, in train or in eval mode, on `n_probes` random images (a ReLU
    may be shut on one of them). Takes N backward passes a probe.
    """
    reads = None
    for seed in range(n_probes):
        mixed, features = _probe(model, height, width, seed)
        rows = torch.stack([_sensitivity(each, features, model.n_colors) for each in mixed]) != 0
        reads = rows if reads is None else reads | rows
    return reads


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
    """How strongly each input sub-pixel moves the logits of one target: mean |gradient|.

    `target` is (row, column) and `color` its sub-pixel. Takes one backward pass a probe; where the
    map is not 0 is the target's row of the influence matrix.
    """
    row, column = target
    if not (0 <= row < height and 0 <= column < width and color < model.n_colors):
        raise ValueError(
            f"target {target} of color {color} lies outside {height}x{width}x{model.n_colors}"
        )
    position = (row * width + column) * model.n_colors + color
    maps = []
    for seed in range(n_probes):
        mixed, features = _probe(model, height, width, seed)
        maps.append(_sensitivity(mixed[position], features, model.n_colors))
    mean = torch.stack(maps).mean(dim=0).reshape(height, width, model.n_colors)
    return mean.permute(2, 0, 1)


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
