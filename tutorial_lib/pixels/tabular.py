"""The chain rule in tables: autoregressive models of tiny binary images, with nothing to train.

An image of D binary pixels is a sequence, once an order of its pixels is fixed. Then

    p(x) = prod_i p(x_i | x_0, ..., x_{i-1})                       [Gated PixelCNN, eq. 1]

and each factor is one number in a table. The table of step i has an axis of length 2 for every
pixel that it reads, oldest first, and holds the probability that pixel i is 1:

    p_one[i][x_0, ..., x_{i-1}] = p(x_i = 1 | x_0, ..., x_{i-1})

Counting fills the tables. With all of the past as context they hold the distribution of the data
exactly. With a context of the last m pixels they cannot, and then the order matters.

References: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tutorial_lib.contracts import (
    Count,
    Natural,
    NotNegative,
    check_fields,
    checked,
    filled,
    plain,
    symbols,
    within,
)
from tutorial_lib.contracts import probabilities as distributions
from tutorial_lib.pixels.likelihood import enumerate_images

MAX_CONTEXT = 19  # pixels: 2 ** 19 numbers in the largest table


def _tables(name: str, p_one: Sequence[Tensor]) -> Sequence[Tensor]:
    """For Annotated: tables of probabilities, the i-th with at most i axes, each of length 2."""
    for i, table in enumerate(filled(name, p_one)):
        if not isinstance(table, Tensor) or not table.is_floating_point():
            kind = getattr(table, "dtype", type(table).__name__)
            raise TypeError(f"{name}[{i}] must be a floating-point tensor, got {kind}")
        if table.ndim > i or set(table.shape) - {2}:
            raise ValueError(
                f"{name}[{i}] must have at most {i} axes, each of length 2, got shape "
                f"{tuple(table.shape)}"
            )
        within(f"{name}[{i}]", table, 0, 1)
    return p_one


Tables = Annotated[Sequence[Tensor], _tables]


def _permutation(order: Sequence[int], n_pixels: int) -> tuple[int, ...]:
    """`order` as a tuple, if it names each of the pixels 0 .. n_pixels - 1 once."""
    whole = all(type(plain(place)) is int for place in order)
    if not whole or sorted(order) != list(range(n_pixels)):
        raise ValueError(f"order must hold each of 0 .. {n_pixels - 1} once, got {order!r}")
    return tuple(order)


def _of_one(table: Tensor, pixels: Tensor, i: int) -> Tensor:
    """p(pixel i is 1), looked up by the last pixels before it: (..., D) -> (...)."""
    return table[pixels[..., i - table.ndim : i].unbind(-1)]


@checked
def log_prob_nats(
    p_one: Tables, pixels: Int[Tensor, "*batch {len(p_one)}"]
) -> Float[Tensor, "*batch"]:
    """log p(x) of sequences of zeros and ones, in nats; -inf for one that is impossible.

    >>> tables = torch.tensor(0.5), torch.tensor([0.5, 0.25])  # p(x_0 = 1), p(x_1 = 1 | x_0)
    >>> log_prob_nats(tables, torch.tensor([1, 1])).exp()  # 0.5 * 0.25
    tensor(0.1250)
    """
    symbols("pixels", pixels, 2)
    total = torch.zeros(pixels.shape[:-1], dtype=p_one[0].dtype)
    for i, table in enumerate(p_one):
        one = _of_one(table, pixels, i)
        total = total + torch.where(pixels[..., i] == 1, one, 1 - one).log()
    return total


@checked
def sample_pixels(
    p_one: Tables, uniforms: Float[Tensor, "*batch {len(p_one)}"]
) -> Int[Tensor, "*batch {len(p_one)}"]:
    """Ancestral sampling: each pixel given those before it, 0 where its uniform is below p(0).

    >>> tables = torch.tensor(0.5), torch.tensor([0.5, 0.25])
    >>> sample_pixels(tables, torch.tensor([0.6, 0.6]))  # 0.6 >= 1 - 0.5, but 0.6 < 1 - 0.25
    tensor([1, 0])
    """
    within("uniforms", uniforms, 0, 1, open_end=True)
    pixels = torch.zeros(uniforms.shape, dtype=torch.long)
    for i, table in enumerate(p_one):
        pixels[..., i] = uniforms[..., i] >= 1 - _of_one(table, pixels, i)
    return pixels


@checked
def entropy_bits(probabilities: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
    """-sum_k p_k log2 p_k, bits: the mean cost of an outcome, below which no model's mean lies.

    >>> entropy_bits(torch.tensor([0.25, 0.25, 0.25, 0.25]))
    tensor(2.)
    """
    distributions("probabilities", probabilities)
    return torch.special.entr(probabilities).sum(dim=-1) / math.log(2)


@dataclass(frozen=True)
class TabularModel:
    """Tables of binary images; `order[i]` is the raster place of the pixel drawn as number i."""

    p_one: Tables
    order: Sequence[int]
    height: Count
    width: Count

    def __post_init__(self):
        check_fields(self)
        _permutation(self.order, self.height * self.width)
        if len(self.p_one) != len(self.order):
            raise ValueError(
                f"{len(self.order)} pixels need as many tables, got a {type(self.p_one).__name__} "
                f"of {len(self.p_one)} as p_one"
            )

    @checked
    def log_prob_nats(
        self, images: Int[Tensor, "N 1 {self.height} {self.width}"]
    ) -> Float[Tensor, "N"]:
        """log p(x) of each image, in nats; -inf for an image that the tables rule out."""
        symbols("images", images, 2)
        return log_prob_nats(self.p_one, images.flatten(1)[:, list(self.order)])

    def all_probabilities(self) -> Float[Tensor, "K"]:
        """p(x) of every image, in the order of `enumerate_images`: K = 2 ** (height * width)."""
        return self.log_prob_nats(enumerate_images(self.height, self.width)).exp()

    @checked
    def sample(
        self,
        n: Count,
        *,
        generator: torch.Generator | None = None,
        uniforms: Float[Tensor, "{n} 1 {self.height} {self.width}"] | None = None,
    ) -> Int[Tensor, "{n} 1 {self.height} {self.width}"]:
        """Draw n images; `uniforms` in [0, 1) give the noise of each pixel itself."""
        shape = (n, 1, self.height, self.width)
        if uniforms is None:
            uniforms = torch.rand(shape, generator=generator, dtype=torch.float64)
        elif generator is not None:
            raise ValueError("give either `generator` or `uniforms`, not both")
        drawn = sample_pixels(self.p_one, uniforms.flatten(1)[:, list(self.order)])
        images = torch.empty_like(drawn)
        images[:, list(self.order)] = drawn
        return images.reshape(shape)


@checked
def fit_tables(
    images: Int[Tensor, "N 1 H W"],
    *,
    order: Sequence[int] | None = None,
    context_size: Natural | None = None,
    smoothing: NotNegative = 0.0,
) -> TabularModel:
    """Tables of conditionals by counting in binary images.

    order          pixels in the order of drawing, by their raster places; raster order if left out
    context_size   how many of the last pixels drawn a pixel may read; all of them if left out
    smoothing      pseudo-counts added to the zeros and to the ones of every table entry

    A context that never occurred, with no smoothing, says nothing: its entry is 1/2.
    """
    symbols("images", filled("images", images), 2)
    height, width = images.shape[2:]
    n_pixels = height * width
    order = _permutation(range(n_pixels) if order is None else order, n_pixels)
    reach = n_pixels - 1 if context_size is None else min(context_size, n_pixels - 1)
    if reach > MAX_CONTEXT:
        raise ValueError(
            f"a table over {reach} pixels has 2**{reach} entries: too many to count (at most "
            f"{MAX_CONTEXT} pixels; use context_size)"
        )
    pixels = images.flatten(1)[:, list(order)]
    read = (pixels[:, max(0, i - reach) : i + 1] for i in range(n_pixels))
    return TabularModel(
        tuple(_share_of_ones(each, smoothing) for each in read), order, height, width
    )


def _share_of_ones(pixels: Tensor, smoothing: float) -> Tensor:
    """Table (2,) * m of p(1 | context). Columns of `pixels` (N, m + 1): context, then the pixel."""
    counts = torch.zeros((2,) * pixels.shape[1], dtype=torch.float64)
    one_each = torch.ones(len(pixels), dtype=torch.float64)
    counts.index_put_(pixels.unbind(1), one_each, accumulate=True)
    counts = counts + smoothing
    total = counts.sum(dim=-1)
    return torch.where(total > 0, counts[..., 1] / total, 0.5)


@checked
def image_frequencies(images: Int[Tensor, "N 1 H W"]) -> Float[Tensor, "K"]:
    """The share of each image of at most 20 binary pixels, in the order of `enumerate_images`.

    >>> image_frequencies(torch.tensor([[[[0, 1]]], [[[0, 1]]], [[[1, 1]]], [[[0, 0]]]]))
    tensor([0.2500, 0.5000, 0.0000, 0.2500], dtype=torch.float64)
    """
    symbols("images", filled("images", images), 2)
    n_pixels = images.shape[2] * images.shape[3]
    if n_pixels > MAX_CONTEXT + 1:
        raise ValueError(
            f"images of shape {tuple(images.shape)} have {n_pixels} pixels: the binary images of "
            f"at most {MAX_CONTEXT + 1} can be listed"
        )
    place = 2 ** torch.arange(n_pixels - 1, -1, -1)
    number = (images.flatten(1) * place).sum(dim=1)
    return torch.bincount(number, minlength=2**n_pixels).double() / len(images)
