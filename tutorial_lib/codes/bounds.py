"""KL divergences, the ELBO, and what the discrete codes of a VQ-VAE cost: all in nats.

    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z))                 the ELBO
    KL(one-hot || uniform over K) = log K                             [VQ-VAE, sec. 3.1]
    log p(x) >= log p(x | z_q(x)) + log p(z_q(x))                     [VQ-VAE, sec. 3.2]

The last line holds because p(x) is the sum over all codes of p(x|z) p(z), of which it is one term.
Under a uniform prior over N latents, log p(z) = -N log K.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.contracts import Count, checked, probabilities


@checked
def categorical_kl(
    q: Float[Tensor, "*batch K"], p: Float[Tensor, "*batch_or_none K"]
) -> Float[Tensor, "*batch"]:
    """KL(q || p) = sum_k q_k log(q_k / p_k), in nats over the last axis.

    Where q_k = 0 the term is 0 (the limit of t log t), whatever p_k; where only p_k = 0 it is
    infinite. Leading shapes must be equal, or `p` one distribution (K,) for all.

    >>> categorical_kl(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))  # log 2
    tensor(0.6931)
    """
    probabilities("q", q)
    probabilities("p", p)
    if p.shape != q.shape and p.shape != q.shape[-1:]:
        raise ValueError(
            f"q of shape {tuple(q.shape)} and p of shape {tuple(p.shape)} do not match"
        )
    # Where q is 0 the term has no gradient either: xlogy would make it NaN behind a sure softmax.
    log_ratio = torch.where(q > 0, q, 1).log() - torch.where(q > 0, p, 1).log()
    return (q * log_ratio).sum(dim=-1)


@checked
def kl_to_uniform(q: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
    """KL(q || uniform over K) = log K - H(q), in nats; exactly log K for a one-hot q."""
    probabilities("q", q)
    return math.log(q.shape[-1]) + (q * torch.where(q > 0, q, 1).log()).sum(dim=-1)


@checked
def gaussian_kl(
    mean: Float[Tensor, "*batch D"], log_variance: Float[Tensor, "*batch D"]
) -> Float[Tensor, "*batch"]:
    """KL(N(mean, diag exp(log_variance)) || N(0, I)), nats. [Kingma and Welling 2014, app. B]

    >>> gaussian_kl(torch.tensor([2.0]), torch.tensor([0.0]))  # 2 ** 2 / 2
    tensor(2.)
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)


@checked
def elbo_nats(
    log_likelihood_nats: Float[Tensor, "*batch"], kl_nats: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """E_q[log p(x|z)] - KL(q || p), a lower bound on log p(x) of each image, in nats."""
    return log_likelihood_nats - kl_nats


@checked
def latent_rate_nats(n_latents: Count, n_codes: Count) -> float:
    """What N latents cost under a uniform prior over K codes: N log K nats, for the whole image.

    >>> round(latent_rate_nats(32 * 32, 512) / math.log(2))  # in bits: 9 for each latent
    9216
    """
    return n_latents * math.log(n_codes)


@checked
def two_stage_bound_nats(
    log_likelihood_nats: Float[Tensor, "*batch"], log_prior_nats: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """log p(x|z) + log p(z) at z = z_q(x): a lower bound on log p(x), nats an image. [sec. 3.2]"""
    return log_likelihood_nats + log_prior_nats
