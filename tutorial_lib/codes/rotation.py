"""The rotation trick: another gradient through the nearest code than straight-through.

Straight-through copies the gradient at z_q to z_e, wherever in its cell z_e lies. The rotation
trick writes the step from z_e to its code as a rotation and a rescaling, and takes both as fixed:

    z_q = s R z_e      s = |z_q| / |z_e|      R = I - 2 r r^T + 2 q e^T     [rotation trick, sec. 4]

with e and q the unit vectors of z_e and z_q, and r the one of e + q. So the gradient that reaches
the encoder is s R^T g: it is turned back by the angle between z_q and z_e, and scaled. An encoder
vector far out (|z_e| > |z_q|) moves less; the angle between gradient and vector stays the same.

The value is z_q, to the last bit; R is never built, only multiplied with. Vectors of length 0 have
no direction: they are divided by a small number instead.

Reference: Fifty et al. 2024, Restructuring Vector Quantization with the Rotation Trick,
arXiv 2410.06424.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.codes.quantizer import VectorQuantizer, straight_through
from tutorial_lib.contracts import checked

SHORTEST = 1e-6  # a vector is divided by its length, or by this if it is shorter


@checked
def rotate_to(
    z_e: Float[Tensor, "B D *positions"], z_q: Float[Tensor, "B D *positions"]
) -> Float[Tensor, "B D *positions"]:
    """The value of z_q to the last bit, the gradient of s R z_e with s and R constant. [sec. 4]

    Takes the place of `straight_through`, vector by vector along axis 1.

    >>> z_e = torch.tensor([[2.0, 0.0]], requires_grad=True)  # z_q: half as long, a quarter turn on
    >>> rotate_to(z_e, torch.tensor([[0.0, 1.0]]))[0, 1].backward()  # the gradient at z_q is (0, 1)
    >>> z_e.grad.round(decimals=3)  # turned back, and halved
    tensor([[0.5000, 0.0000]])
    """
    e, q = _unit(z_e.detach()), _unit(z_q.detach())
    r = _unit(e + q)
    turned = z_e - 2 * _dot(r, z_e) * r + 2 * _dot(e, z_e) * q
    scale = _length(z_q.detach()) / _length(z_e.detach()).clamp(min=SHORTEST)
    return straight_through(scale * turned, z_q)


class RotationQuantizer(VectorQuantizer):
    """A VectorQuantizer whose gradient goes through `rotate_to`; all else is the same."""

    carry = staticmethod(rotate_to)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1, keepdim=True)


def _length(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=1, keepdim=True)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / _length(vectors).clamp(min=SHORTEST)
