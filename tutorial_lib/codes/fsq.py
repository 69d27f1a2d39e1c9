"""FSQ: finite scalar quantization, codes without a codebook and without losses.

Each of the D numbers of a vector is squeezed into a range and rounded to one of its L_d levels:

    f(z) = h tanh(z + s) - o      h = (L - 1)(1 + eps) / 2      o = 1/2 for even L, else 0
    z_q = round(f(z)) / floor(L / 2)                                                  [FSQ, sec. 3]

The shift s = artanh(o / h) keeps f(0) = 0. There are K = L_1 L_2 ... L_D codes, a grid in -1 .. 1;
none is learned, so none can die. The gradient passes the rounding as it is (straight-through), and
the squeezing by its own slope: a number far outside gets almost none.

    levels     8, 5, 5      8, 8, 8      8, 5, 5, 5
    K          200          512          1000

The code of an index: the first number of the vector counts fastest.

Where this leaves the paper: s is artanh, of which the paper's tan is the first two terms, and eps
widens the range where the paper's narrows it; both round to the same grid.

Reference: Mentzer et al. 2023, Finite Scalar Quantization: VQ-VAE Made Simple, arXiv 2309.15505.
"""

from __future__ import annotations

from math import prod
from typing import Annotated

import torch
from jaxtyping import Float, Inexact, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.codes.quantizer import Quantized, code_counts, perplexity, straight_through
from tutorial_lib.contracts import (
    at_least,
    checked,
    finite,
    symbols,
    that,
    values_known_to_be_good,
)

EPS = 1e-3  # how much wider the range is than its outer levels
Levels = Annotated[
    tuple[Annotated[int, at_least(3)], ...], that(len, "hold a number of levels for each axis")
]


@checked
def fsq_bound(
    z_e: Float[Tensor, "B {len(levels)} *positions"], levels: Levels
) -> Float[Tensor, "B D *positions"]:
    """f(z): each number where rounding makes it one of L whole numbers around 0. [FSQ, sec. 3]

    For L = 5 these are -2 .. 2, for L = 4 they are -2 .. 1. ValueError for fewer than three.

    >>> z = torch.tensor([[-9.0, -9.0], [0.0, 0.0], [9.0, 9.0]])
    >>> fsq_bound(z, (5, 4)).round().tolist()
    [[-2.0, -2.0], [0.0, 0.0], [2.0, 1.0]]
    """
    return _bound(z_e, z_e.new_tensor(levels))


def _bound(z_e: Tensor, n_levels: Float[Tensor, "D"]) -> Tensor:
    n_levels = _along_axis_1(n_levels, z_e)
    half = (n_levels - 1) * (1 + EPS) / 2
    offset = (n_levels % 2 == 0) / 2
    return torch.tanh(z_e + torch.atanh(offset / half)) * half - offset


class FSQ(nn.Module):
    """z_e (B, D, *positions) -> Quantized, with D = len(levels) and K = their product.

    Both losses are 0, and nothing is learned: there is no state to store.

    >>> FSQ((8, 5, 5)).n_codes
    200
    """

    commitment_weight = 0.0  # there is nothing to commit to

    @checked
    def __init__(self, levels: Levels):
        super().__init__()
        self.levels, self.n_codes, self.code_dim = levels, prod(levels), len(levels)
        n_levels = torch.tensor(levels, dtype=torch.float32)
        places = torch.tensor([prod(levels[:d]) for d in range(len(levels))])
        digits = torch.arange(self.n_codes)[:, None] // places % n_levels - n_levels // 2
        # All are counted, none is learned: nothing of it is stored with weights.
        self.register_buffer("n_levels", n_levels, persistent=False)  # L_d, as numbers of a device
        self.register_buffer("places", places, persistent=False)  # L_1 ... L_(d-1)
        self.register_buffer("codebook", digits / (n_levels // 2), persistent=False)  # (K, D)

    @checked
    def forward(self, z_e: Float[Tensor, "B {self.code_dim} *positions"]) -> Quantized:
        """Round; z_q has the gradient of f. In eval mode NaN or infinity is refused."""
        if not self.training:
            finite("z_e", z_e)
        bounded = self._bounded(z_e)
        with values_known_to_be_good():
            indices = self._index(bounded.round())
            z_q = straight_through(bounded, bounded.round()) / self._half(bounded)
            usage = perplexity(code_counts(indices, self.n_codes))
        nothing = bounded.new_zeros(())
        return Quantized(z_q, indices, nothing, nothing, usage)

    @checked
    def indices_of(
        self, z_e: Inexact[Tensor, "B {self.code_dim} *positions"]
    ) -> Int[Tensor, "B *positions"]:
        """The index, 0 .. K-1, of the code at each position; ValueError for NaN or infinity.

        >>> FSQ((3, 3)).indices_of(torch.tensor([[-9.0, -9.0], [9.0, -9.0], [-9.0, 0.0]]))
        tensor([0, 2, 3])
        """
        return self._index(self._bounded(finite("z_e", z_e)).round())

    @checked
    def lookup(self, indices: Int[Tensor, "B *positions"]) -> Float[Tensor, "B D *positions"]:
        """The code vectors of a field of indices, each number in -1 .. 1.

        >>> FSQ((3, 3)).lookup(torch.tensor([0, 2, 3])).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 0.0]]
        """
        symbols("indices", indices, self.n_codes)
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    def _bounded(self, z_e: Tensor) -> Tensor:
        """f(z), in float32 even under half-precision autocast."""
        return _bound(z_e.to(self.codebook.dtype), self.n_levels)

    def _half(self, like: Tensor) -> Tensor:
        return _along_axis_1(self.n_levels // 2, like)

    def _index(self, rounded: Tensor) -> Tensor:
        """sum of digit_d L_1 ... L_(d-1), where the digits count from 0."""
        digits = (rounded + self._half(rounded)).long()
        indices = (digits * _along_axis_1(self.places, rounded)).sum(dim=1)
        return indices.clamp(0, self.n_codes - 1)  # of NaN, which shows in the losses

    def extra_repr(self) -> str:
        """The levels and K."""
        return f"levels={self.levels}, n_codes={self.n_codes}"


def _along_axis_1(numbers: Float[Tensor, "D"] | Int[Tensor, "D"], like: Tensor) -> Tensor:
    """The D numbers as a tensor (1, D, 1, ...) with as many axes as `like`."""
    return numbers.view(1, -1, *[1] * (like.ndim - 2))
