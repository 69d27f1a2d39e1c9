"""KL divergences, the ELBO, and what the discrete codes of a VQ-VAE cost: all in nats.

    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z))                 the ELBO
    KL(one-hot || uniform over K) = log K                             [VQ-VAE, sec. 3.1]
    log p(x) >= log p(x | z_q(x)) + log p(z_q(x))                     [VQ-VAE, sec. 3.2]

The last line holds because p(x) = sum over all codes of p(x|z) p(z), and one term of a sum of
probabilities cannot exceed the sum. Under a uniform prior over N latents, log p(z) = -N log K.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.validation import (
    require_float,
    require_int,
    require_same_shape,
    require_tensor,
)


def _probabilities(name: str, value: Tensor) -> Tensor:
    require_float(name, value)
    if value.ndim < 1 or value.shape[-1] < 1:
        raise ValueError(f"{name} must have a last axis of probabilities, got {tuple(value.shape)}")
    if not torch.isfinite(value).all() or (value < 0).any():
        raise ValueError(
            f"{name} must hold probabilities, got a value that is negative or not finite: values "
            f"from {value.min().item():.6g} to {value.max().item():.6g}"
        )
    off = (value.sum(dim=-1) - 1).flatten()
    worst = off[off.abs().argmax()].item() if value.numel() else 0.0
    if abs(worst) > 1e-3:
        raise ValueError(
            f"{name} must sum to 1 over its last axis, but is off by {abs(worst):.3g}, got a sum "
            f"of {1 + worst:.3g} in shape {tuple(value.shape)}"
        )
    return value


def categorical_kl(q: Float[Tensor, "*batch K"], p: Float[Tensor, "*batch_or_none K"]) -> Tensor:
    """KL(q || p) = sum_k q_k log(q_k / p_k), in nats over the last axis.

    Where q_k = 0 the term is 0 (the limit of t log t), whatever p_k; where only p_k = 0 it is
    infinite. Leading shapes must be equal, or `p` one distribution (K,) for all.
    """
    require_tensor("q", q)
    require_tensor("p", p, like=q)
    _probabilities("q", q)
    _probabilities("p", p)
    if p.shape != q.shape and p.shape != q.shape[-1:]:
        raise ValueError(
            f"q of shape {tuple(q.shape)} and p of shape {tuple(p.shape)} do not match"
        )
    # Where q is 0 the term has no gradient either: xlogy would make it NaN behind a sure softmax.
    log_ratio = torch.where(q > 0, q, 1).log() - torch.where(q > 0, p, 1).log()
    return (q * log_ratio).sum(dim=-1)


def kl_to_uniform(q: Float[Tensor, "*batch K"]) -> Tensor:
    """KL(q || uniform over K) = log K - H(q), in nats; exactly log K for a one-hot q."""
    _probabilities("q", q)
    return math.log(q.shape[-1]) + (q * torch.where(q > 0, q, 1).log()).sum(dim=-1)


def gaussian_kl(mean: Float[Tensor, "*batch D"], log_variance: Float[Tensor, "*batch D"]) -> Tensor:
    """KL(N(mean, diag exp(log_variance)) || N(0, I)), in nats over the last axis.

    A NaN in gives a NaN: training looks at its loss.
    """
    require_float("mean", mean)
    require_float("log_variance", log_variance)
    require_same_shape("mean", mean, "log_variance", log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)


def elbo_nats(log_likelihood_nats: Tensor, kl_nats: Tensor) -> Tensor:
    """E_q[log p(x|z)] - KL(q || p), a lower bound on log p(x) of each image, in nats.

    A NaN in gives a NaN.
    """
    return _sum_of_two("log_likelihood_nats", log_likelihood_nats, "kl_nats", kl_nats, sign=-1)


def latent_rate_nats(n_latents: int, n_codes: int) -> float:
    """What N latents cost under a uniform prior over K codes: N log K nats, for the whole image."""
    require_int("n_latents", n_latents, at_least=1)
    return n_latents * math.log(require_int("n_codes", n_codes, at_least=1))


def two_stage_bound_nats(log_likelihood_nats: Tensor, log_prior_nats: Tensor) -> Tensor:
    """log p(x|z) + log p(z) at z = z_q(x): a lower bound on log p(x), nats an image. [sec. 3.2]

    A NaN in gives a NaN.
    """
    return _sum_of_two("log_likelihood_nats", log_likelihood_nats, "log_prior_nats", log_prior_nats)


def _sum_of_two(name_a: str, a: Tensor, name_b: str, b: Tensor, sign: int = 1) -> Tensor:
    require_float(name_a, a)
    require_float(name_b, b)
    require_same_shape(name_a, a, name_b, b)
    return a + sign * b
