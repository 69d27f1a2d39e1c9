"""One layer of the gated PixelCNN: two convolutions without masks, a link, and two gates.

What stands between two layers is the gate in place of the ReLU [eq. 2], with conditions inside it:
V_f h and V_g h for a label h [eq. 4], V * s for a spatial map s [eq. 5]. Every connection of the
paper's figure 2 is in `GatedLayer.forward`. Kernels are cropped to the taps that may be read,
k//2 + 1 rows and k//2 + 1 columns, so that nothing is multiplied by a masked zero.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.masks import MaskedConv2d, color_causal_mask, kernel_sides
from tutorial_lib.validation import (
    require_bool,
    require_choice,
    require_image_features,
    require_int,
    require_shape,
    require_tensor,
)


def shift_down(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Every row one down and zeros in the first: row i holds what was known above it."""
    require_image_features("features", features, "C")
    return F.pad(features, (0, 0, 1, -1))


def gate(features: Float[Tensor, "B twoC H W"]) -> Float[Tensor, "B C H W"]:
    """tanh of the first half of the channels times sigmoid of the second. [eq. 2]"""
    if require_image_features("features", features, "2C").shape[1] % 2:
        raise ValueError(f"features must be (B, 2C, H, W), got {tuple(features.shape)}")
    value, switch = features.chunk(2, dim=1)
    return torch.tanh(value) * torch.sigmoid(switch)


ACTIVATIONS = {"gate": (gate, 2), "relu": (torch.relu, 1)}  # and the channels it takes for one


def plus(features: Tensor, condition: Tensor | int) -> Tensor:
    """Their sum; without a condition, which is then the number 0, the features as they are.

    A condition may be the same for all images, rows or columns: its length there is 1.
    """
    if type(condition) is int and condition == 0:
        return require_image_features("features", features, "C")
    require_image_features("condition", condition, "C")
    require_image_features("features", features, condition.shape[1], like=condition)
    fits = zip(condition.shape, features.shape, strict=True)
    if condition.shape != features.shape and not all(own in (1, full) for own, full in fits):
        raise ValueError(
            f"condition must have shape {tuple(features.shape)}, or length 1 where it is the same "
            f"for all, got {tuple(condition.shape)}"
        )
    return features + condition


def pointwise(in_channels: int, out_channels: int, n_colors: int) -> nn.Conv2d:
    """A 1x1 convolution that keeps R -> G -> B, which for one colour needs no mask at all."""
    require_int("n_colors", n_colors, at_least=1)
    require_int("in_channels", in_channels, at_least=1)
    require_int("out_channels", out_channels, at_least=1)
    if n_colors == 1:
        return nn.Conv2d(in_channels, out_channels, 1)
    return MaskedConv2d(in_channels, out_channels, 1, mask_type="B", n_colors=n_colors)


class VerticalConv2d(nn.Conv2d):
    """Reads its own row and the k//2 rows above it: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        side, across = kernel_sides(kernel_size)
        require_int("in_channels", in_channels, at_least=1)
        require_int("out_channels", out_channels, at_least=1)
        self.reach = side // 2
        super().__init__(in_channels, out_channels, (self.reach + 1, across))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, zeros above the image and beside it."""
        require_image_features("x", x, self.in_channels, like=self.weight)
        return super().forward(F.pad(x, (self.reach, self.reach, self.reach, 0)))


class HorizontalConv2d(nn.Conv2d):
    """Reads k//2 pixels to the left in its own row, and the centre as the mask type allows.

    Type A, one colour: the centre tap does not exist. Otherwise it is the last tap, with the
    R -> G -> B rule where there are colours. Output channels are `halves` blocks (the two arguments
    of a gate), each grouped by colour.
    """

    def __init__(self, in_channels, out_channels, kernel_size, *, mask_type, n_colors, halves=2):
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            require_int(name, value, at_least=1)
        require_choice("mask_type", mask_type, ("A", "B"))
        require_int("n_colors", n_colors, at_least=1)
        if out_channels % require_int("halves", halves, at_least=1):
            raise ValueError(
                f"out_channels={out_channels} cannot be divided into {halves} halves: use a "
                f"multiple of halves={halves}"
            )
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
        require_image_features("x", x, self.in_channels, like=self.weight)
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
        require_choice("activation", activation, tuple(ACTIVATIONS))
        self.activate, halves = ACTIVATIONS[activation]
        require_int("n_channels", n_channels, at_least=1)
        require_int("vertical_channels", vertical_channels, at_least=1)
        require_int("horizontal_channels", horizontal_channels, at_least=1)
        require_int("context_channels", context_channels, at_least=0)
        if n_classes is not None:
            require_int("n_classes", n_classes, at_least=1)
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
        """What the conditions add to the gates of the vertical and of the horizontal stack.

        A context of one image is shared by all.
        """
        self._check_conditions(label, context)
        added = 0
        if self.label is not None:
            added = self.label(label)[:, :, None, None]
        if self.context is not None:
            added = added + self.context(context)
        return (added, added) if isinstance(added, int) else added.chunk(2, dim=1)

    def forward(self, v, h, *, label=None, context=None, last: bool = False):
        """Features of the two stacks, one layer on. `last` leaves out what nobody reads."""
        self._check_features(v, h, context, last)
        to_vertical, to_horizontal = self.condition(label, context)
        v = self.vertical(v)
        link = self.link(v)  # taken before the gate: figure 2
        out = self.output(self.activate(plus(self.horizontal(h) + link, to_horizontal)))
        v = None if last else self.activate(plus(v, to_vertical))
        return v, (h + out if self.residual else out)

    def _check_conditions(self, label: Tensor | None, context: Tensor | None) -> None:
        """That labels are in range the model has seen to: a look in each layer makes a GPU wait."""
        if self.label is not None:
            if require_tensor("label", label, like=self.link.weight).dtype != torch.long:
                raise TypeError(f"label must be a torch.long tensor, got {label.dtype}")
            require_shape("label", label, ("B",))
        if self.context is not None:
            channels = self.context.in_channels
            require_image_features("context", context, channels, like=self.link.weight)
            if self.label is not None and len(context) not in (1, len(label)):
                raise ValueError(
                    f"context must hold {len(label)} images, as many as there are labels, or one "
                    f"for all, got shape {tuple(context.shape)}"
                )

    def _check_features(self, v: Tensor, h: Tensor, context: Tensor | None, last: bool) -> None:
        require_bool("last", last)
        require_image_features("v", v, self.vertical.in_channels, like=self.link.weight)
        require_image_features("h", h, self.horizontal.in_channels, like=self.link.weight)
        require_shape("h", h, (len(v), "C", *v.shape[2:]))
        if self.context is None or not isinstance(context, Tensor) or context.ndim != 4:
            return
        if any(own not in (1, n) for own, n in zip(context.shape[2:], h.shape[2:], strict=True)):
            raise ValueError(
                f"context must be {tuple(h.shape[2:])} or of length 1, got {tuple(context.shape)}"
            )
