"""Solutions of chapter 07 that the library holds inside something larger, as functions.

`label_posterior` is `bayes.bayes_rule` for scores in bits/dim. `typicality` stands for itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def label_posterior(bits_per_dim: Tensor, n_dims: int, prior: Tensor) -> Tensor:
    """log p(y|x) in nats, (B, K), by Bayes' rule in log space.

    log-softmax subtracts the log of a sum of exponentials, and takes care that none underflows.
    """
    log_likelihood = -bits_per_dim * n_dims * math.log(2)
    return torch.log_softmax(log_likelihood + prior.log(), dim=1)


def typicality(nats: Tensor, reference: Tensor) -> Tensor:
    """The share of reference images at least as far from the median cost, on either side: (B,)."""
    median = reference.median()
    distance = (nats - median).abs()
    return ((reference - median).abs() >= distance[:, None]).double().mean(dim=1)
