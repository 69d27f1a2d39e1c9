"""The chain rule in tables: autoregressive models of tiny binary images, with nothing to train.

An image of D binary pixels is a sequence, once an order of its pixels is fixed. Then

    p(x) = prod_i p(x_i | x_0, ..., x_{i-1})                       [Gated PixelCNN, eq. 1]

and each factor is one number in a table. The table of step i has an axis of length 2 for every
pixel that it reads, oldest first, and holds the probability that pixel i is 1:

    p_one[i][x_0, ..., x_{i-1}] = p(x_i = 1 | x_0, ..., x_{i-1})

Counting fills the tables. With all of the past as context they hold the distribution of the data
exactly, in whatever order the pixels are taken. With a context of the last m pixels only, they
cannot, and then the order matters: that is the trade every PixelCNN makes.

References: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tutorial_lib.likelihood import enumerate_images
from tutorial_lib.validation import (
    require_float,
    require_generator,
    require_int,
    require_number,
    require_shape,
    require_symbols,
    require_tensor,
)

MAX_CONTEXT = 19  # pixels: 2 ** 19 numbers in the largest table


def log_prob_nats(p_one: Sequence[Tensor], pixels: Int[Tensor, "*batch D"]) -> Tensor:
    """log p(x) of sequences of pixels, in nats: (..., D) zeros and ones -> (...).

    p_one[i] is the table of pixel i: probabilities of a 1, with an axis of length 2 for each of the
    last pixels before i. An impossible sequence costs everything: its log-probability is -inf.
    """
    _require_tables(p_one)
    require_symbols("pixels", pixels, 2)
    require_shape("pixels", pixels, (*pixels.shape[:-1], len(p_one)))
    total = torch.zeros(pixels.shape[:-1], dtype=p_one[0].dtype)
    for i, table in enumerate(p_one):
        one = table[pixels[..., i - table.ndim : i].unbind(-1)]
        total = total + torch.where(pixels[..., i] == 1, one, 1 - one).log()
    return total


def sample_pixels(p_one: Sequence[Tensor], uniforms: Float[Tensor, "*batch D"]) -> Tensor:
    """Draw sequences of pixels by ancestral sampling: uniforms (..., D) -> long (..., D).

    Each pixel is drawn given those drawn before it, by inverse CDF: 0 where its uniform number is
    below the probability of a 0, else 1. Uniform numbers lie in [0, 1).
    """
    _require_tables(p_one)
    _require_uniforms(uniforms)
    require_shape("uniforms", uniforms, (*uniforms.shape[:-1], len(p_one)))
    pixels = torch.zeros(uniforms.shape, dtype=torch.long)
    for i, table in enumerate(p_one):
        one = table[pixels[..., i - table.ndim : i].unbind(-1)]
        pixels[..., i] = (uniforms[..., i] >= 1 - one).long()
    return pixels


def entropy_bits(probabilities: Float[Tensor, "*batch K"]) -> Tensor:
    """-sum_k p_k log2 p_k over the last axis: (..., K) -> (...), bits, with 0 log 0 = 0.

    The mean cost of an outcome under the distribution that made it. No model pays less on average.
    """
    require_float("probabilities", probabilities)
    total = probabilities.sum(dim=-1)
    if (probabilities < 0).any() or not torch.allclose(total, torch.ones_like(total), atol=1e-4):
        raise ValueError(
            "probabilities must be at least 0 and sum to 1 over the last axis, got values from "
            f"{probabilities.min().item():.6g}, and sums {total.min().item():.6g} .. "
            f"{total.max().item():.6g}"
        )
    return torch.special.entr(probabilities).sum(dim=-1) / math.log(2)


@dataclass(frozen=True)
class TabularModel:
    """An autoregressive model of binary images (height, width): one table a pixel, in some order.

    `order[i]` is the place, in raster order, of the pixel that is drawn as number i.
    """

    p_one: tuple[Tensor, ...]
    order: tuple[int, ...]
    height: int
    width: int

    def __post_init__(self):
        _require_tables(self.p_one)
        require_int("height", self.height, at_least=1)
        require_int("width", self.width, at_least=1)
        require_order(self.order, self.height * self.width)
        if len(self.p_one) != len(self.order):
            raise ValueError(
                f"{len(self.order)} pixels need as many tables, got a {type(self.p_one).__name__} "
                f"of {len(self.p_one)} as p_one"
            )

    def log_prob_nats(self, images: Int[Tensor, "N 1 H W"]) -> Float[Tensor, "N"]:
        """log p(x) of each image, in nats; -inf for an image that the tables rule out."""
        require_shape("images", require_symbols("images", images, 2), (None, 1, *self._size))
        return log_prob_nats(self.p_one, images.flatten(1)[:, list(self.order)])

    def all_probabilities(self) -> Float[Tensor, "K"]:
        """p(x) of every image, in the order of `enumerate_images`: K = 2 ** (height * width)."""
        return self.log_prob_nats(enumerate_images(*self._size)).exp()

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        uniforms: Tensor | None = None,
    ) -> Int[Tensor, "N 1 H W"]:
        """Draw n images. `uniforms` (n, 1, H, W) in [0, 1) gives the noise of each pixel itself."""
        shape = (require_int("n", n, at_least=1), 1, *self._size)
        if uniforms is None:
            require_generator(generator)
            uniforms = torch.rand(shape, generator=generator, dtype=torch.float64)
        elif generator is not None:
            raise ValueError("give either `generator` or `uniforms`, not both")
        require_shape("uniforms", require_tensor("uniforms", uniforms), shape)
        drawn = sample_pixels(self.p_one, uniforms.flatten(1)[:, list(self.order)])
        images = torch.empty_like(drawn)
        images[:, list(self.order)] = drawn
        return images.reshape(shape)

    @property
    def _size(self) -> tuple[int, int]:
        return self.height, self.width


def fit_tables(
    images: Int[Tensor, "N 1 H W"],
    *,
    order: Sequence[int] | None = None,
    context_size: int | None = None,
    smoothing: float = 0.0,
) -> TabularModel:
    """Tables of conditionals by counting in binary images.

    order          pixels in the order of drawing, by their raster places; raster order if left out
    context_size   how many of the last pixels drawn a pixel may read; all of them if left out
    smoothing      pseudo-counts added to the zeros and to the ones of every table entry

    A context that never occurred, with no smoothing, says nothing: its entry is 1/2.
    """
    require_symbols("images", images, 2)
    require_shape("images", images, (None, 1, None, None))
    if not len(images) or require_number("smoothing", smoothing) < 0:
        raise ValueError(
            f"counting needs images and a finite smoothing of at least 0, got {len(images)} images "
            f"and {smoothing} (images of shape {tuple(images.shape)})"
        )
    height, width = images.shape[2:]
    order = tuple(range(height * width)) if order is None else order
    order = require_order(order, height * width)
    pixels = images.flatten(1)[:, list(order)]
    sizes = _context_sizes(len(order), context_size)
    tables = [_share_of_ones(pixels[:, i - m : i + 1], smoothing) for i, m in enumerate(sizes)]
    return TabularModel(tuple(tables), order, height, width)


def image_frequencies(images: Int[Tensor, "N 1 H W"]) -> Float[Tensor, "K"]:
    """The share of each binary image among `images`, in the order of `enumerate_images`."""
    require_symbols("images", images, 2)
    require_shape("images", images, (None, 1, None, None))
    n_pixels = images.shape[2] * images.shape[3]
    if not len(images) or n_pixels > MAX_CONTEXT + 1:
        raise ValueError(
            f"cannot list the binary images of {n_pixels} pixels and count images of shape "
            f"{tuple(images.shape)}: at most {MAX_CONTEXT + 1} pixels, at least one image"
        )
    place = 2 ** torch.arange(n_pixels - 1, -1, -1)
    number = (images.flatten(1) * place).sum(dim=1)
    return torch.bincount(number, minlength=2**n_pixels).double() / len(images)


def require_order(order: Sequence[int], n_pixels: int) -> tuple[int, ...]:
    """`order` as a tuple, if it names each of the pixels 0 .. n_pixels - 1 once."""
    require_int("n_pixels", n_pixels, at_least=1)
    if not isinstance(order, (Sequence, range)) or isinstance(order, str):
        raise TypeError(f"order must be a sequence, got {order!r} ({type(order).__name__})")
    whole = all(type(place) is int for place in order)
    if not whole or sorted(order) != list(range(n_pixels)):
        raise ValueError(f"order must hold each of 0 .. {n_pixels - 1} once, got {order!r}")
    return tuple(order)


def _context_sizes(n_pixels: int, context_size: int | None) -> list[int]:
    """How many pixels the table of each step reads."""
    most = (
        n_pixels if context_size is None else require_int("context_size", context_size, at_least=0)
    )
    sizes = [min(i, most) for i in range(n_pixels)]
    if max(sizes) > MAX_CONTEXT:
        raise ValueError(
            f"a table over {max(sizes)} pixels has 2**{max(sizes)} entries: too many to count "
            f"(at most {MAX_CONTEXT} pixels; use context_size)"
        )
    return sizes


def _share_of_ones(pixels: Tensor, smoothing: float) -> Tensor:
    """Table (2,) * m of p(1 | context). Columns of `pixels` (N, m + 1): context, then the pixel."""
    counts = torch.zeros((2,) * pixels.shape[1], dtype=torch.float64)
    one_each = torch.ones(len(pixels), dtype=torch.float64)
    counts.index_put_(pixels.unbind(1), one_each, accumulate=True)
    counts = counts + smoothing
    total = counts.sum(dim=-1)
    return torch.where(total > 0, counts[..., 1] / total, 0.5)


def _require_tables(p_one: Sequence[Tensor]) -> None:
    if not isinstance(p_one, (tuple, list)):
        raise TypeError(f"p_one must be a tuple of tables, got a {type(p_one).__name__}")
    if not p_one:
        raise ValueError(f"p_one must hold at least one table, got {p_one}")
    for i, table in enumerate(p_one):
        require_float(f"p_one[{i}]", table)
        if table.ndim > i or set(table.shape) - {2}:
            raise ValueError(
                f"p_one[{i}] must have at most {i} axes, each of length 2, got shape "
                f"{tuple(table.shape)}"
            )
        if not ((table >= 0) & (table <= 1)).all():
            raise ValueError(
                f"p_one[{i}] must hold probabilities, got values {table.min().item():.6g} .. "
                f"{table.max().item():.6g}"
            )


def _require_uniforms(uniforms: Tensor) -> None:
    require_float("uniforms", uniforms)
    if uniforms.numel() and not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError(
            f"uniforms must lie in [0, 1), got {uniforms.min().item()} .. {uniforms.max().item()}"
        )
