"""Solutions of chapter 09 that the library holds inside something larger, as functions.

`log_evidence` is the sum in `one_latent.OneLatentModel` and `vae.GaussianVAE.log_evidence_nats`,
`elbo` what `vae.VAETerms` adds up, for several draws, and `information` the last lines of
`gaussian_posterior.information_nats`. The other two exercises are `bounds.gaussian_kl` and
`gaussian_posterior.reparameterize`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.codes.bounds import elbo_nats, gaussian_kl


def log_evidence(log_likelihood: Tensor, z: Tensor) -> Tensor:
    """log p(x) = log sum over the grid of p(x|z) p(z) dz: (B, G) and (G,) -> (B,), in nats."""
    log_prior = -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    log_step = (z[1] - z[0]).log()
    return torch.logsumexp(log_likelihood + log_prior + log_step, dim=1)


def elbo(logits: Tensor, levels: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Mean over draws of log p(x|z), less the KL: (S, B, n), (B, n) and two (B, D) -> (B,)."""
    levels = levels.to(logits.dtype).expand_as(logits)
    cost = F.binary_cross_entropy_with_logits(logits, levels, reduction="none")
    log_likelihood = -cost.sum(dim=2).mean(dim=0)
    return elbo_nats(log_likelihood, gaussian_kl(mean, log_variance))


def information(log_q: Tensor) -> Tensor:
    """Mean of log q(z_i|x_i) - log q(z_i), where q(z) is the mean of all posteriors; nats."""
    log_mixture = torch.logsumexp(log_q, dim=1) - math.log(len(log_q))
    return (log_q.diagonal() - log_mixture).mean()
