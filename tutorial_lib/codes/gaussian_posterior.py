"""The Gaussian posterior q(z|x) of a VAE: how to draw from it, and how much it says of the image.

    q(z|x) = N(mean(x), diag variance(x))
    z = mean + exp(log_variance / 2) * noise,  noise ~ N(0, I)                  [reparameterisation]

The gradient of such a draw reaches mean and variance, because the noise has neither.

Reference: Kingma and Welling 2014, Auto-Encoding Variational Bayes, secs. 2.3 and 2.4.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from tutorial_lib.contracts import Count, checked, finite, where_it_draws


class Posterior(NamedTuple):
    """q(z|x) of each image, a Gaussian with independent axes."""

    mean: Tensor  # (B, D)
    log_variance: Tensor  # (B, D)


@checked
def reparameterize(
    mean: Float[Tensor, "B D"], log_variance: Float[Tensor, "B D"], noise: Float[Tensor, "B D"]
) -> Float[Tensor, "B D"]:
    """z = mean + standard deviation * noise: a draw whose gradient reaches mean and variance.

    >>> variance = torch.tensor([[4.0]])
    >>> reparameterize(torch.tensor([[1.0]]), variance.log(), torch.tensor([[0.5]]))  # 1 + 2 * 0.5
    tensor([[2.]])
    """
    return mean + torch.exp(log_variance / 2) * noise


@checked
@torch.no_grad()
def information_nats(
    mean: Float[Tensor, "N D"],
    log_variance: Float[Tensor, "N D"],
    *,
    n_draws: Count = 1,
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """What the code says about which of the N images it belongs to, in nats: 0 .. log N.

    The mean of log q(z|x_i) - log q(z) over images x_i and z drawn from q(z|x_i), with q(z) the
    mean of all N posteriors. Then  mean KL(q(z|x) || p(z)) = information + KL(q(z) || p(z)).
    An estimate: with few draws it scatters, and of a code that says nothing it is about 0.
    """
    finite("mean", mean)
    finite("log_variance", log_variance)
    device = where_it_draws(generator)
    rounds = []
    for _ in range(n_draws):
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=device)
        z = reparameterize(mean, log_variance, noise.to(mean.device))
        squares = (z[:, None] - mean).square() / log_variance.exp()
        log_q = -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(dim=2)
        mixture = torch.logsumexp(log_q, dim=1) - math.log(len(mean))
        rounds.append((log_q.diagonal() - mixture).mean())
    return torch.stack(rounds).mean()
