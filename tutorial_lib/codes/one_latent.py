"""A model with one latent number, whose evidence, posterior and bounds are sums over a grid.

    p(z) = N(0, 1)      p(x_i = 1 | z) = sigmoid(logit_i(z))      x of n binary pixels

What a VAE can only bound is known here: log p(x) by quadrature, p(z|x) as a curve. For any Gaussian
q(z) = N(mean, std^2) the two sides of

    log p(x) = E_q[log p(x|z)] - KL(q || p(z)) + KL(q || p(z|x))

are computed apart from each other, in float64.

Reference: Kingma and Welling 2014, Auto-Encoding Variational Bayes, sec. 2.2, eq. 1.
"""

import math
from collections.abc import Callable
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from tutorial_lib.codes.bounds import elbo_nats, gaussian_kl
from tutorial_lib.contracts import Positive, Several, at_least, checked, symbols


class OneLatentModel:
    """Binary pixels whose logits are any smooth function of one number z, summed over a grid.

    `logits_of` z (G,) -> logits (G, n). The grid has n_points from -limit to limit; a density
    narrower than a few of its steps is not seen.
    """

    @checked
    def __init__(
        self,
        logits_of: Callable[[Tensor], Tensor],
        *,
        limit: Positive = 12.0,
        n_points: Annotated[int, at_least(3)] = 6001,
    ):
        self.logits_of = logits_of
        self.z = torch.linspace(-limit, limit, n_points, dtype=torch.float64)
        self.dz = (self.z[1] - self.z[0]).item()
        self.n_pixels = logits_of(self.z[:1]).shape[1]

    @checked
    def log_prior_nats(self, z: Float[Tensor, "G"]) -> Float[Tensor, "G"]:
        """log p(z), the density of the standard normal."""
        return _log_normal(z, 0.0, 1.0)

    @checked
    def log_likelihood_nats(
        self, levels: Int[Tensor, "{self.n_pixels}"], z: Float[Tensor, "G"]
    ) -> Float[Tensor, "G"]:
        """log p(x|z) of one image of 0s and 1s at each z."""
        symbols("levels", levels, 2)
        logits = self.logits_of(z)
        return F.logsigmoid(torch.where(levels == 1, logits, -logits)).sum(dim=1)

    def log_evidence_nats(self, levels: Int[Tensor, "n"]) -> Tensor:
        """log p(x) = log of the integral of p(x|z) p(z): nats for the image."""
        return torch.logsumexp(self._log_joint(levels), dim=0) + math.log(self.dz)

    def posterior(self, levels: Int[Tensor, "n"]) -> Float[Tensor, "G"]:
        """p(z|x), as a density at the points of the grid."""
        return self._log_posterior(levels).exp()

    @checked
    def elbo_nats(self, levels: Int[Tensor, "n"], mean: float, std: Positive) -> Tensor:
        """E_q[log p(x|z)] - KL(q || p(z)) for q = N(mean, std^2): the bound, in nats."""
        expected = self._expected(self.log_likelihood_nats(levels, self.z), mean, std)
        mean, std = (torch.tensor([v], dtype=torch.float64) for v in (mean, std))
        return elbo_nats(expected, gaussian_kl(mean, 2 * std.log()))

    @checked
    def gap_nats(self, levels: Int[Tensor, "n"], mean: float, std: Positive) -> Tensor:
        """KL(q || p(z|x)) for q = N(mean, std^2), integrated as it is defined: nats."""
        log_ratio = _log_normal(self.z, mean, std) - self._log_posterior(levels)
        return self._expected(log_ratio, mean, std)

    def best_gaussian(self, levels: Int[Tensor, "n"]) -> tuple[float, float]:
        """Mean and standard deviation with the largest bound, from the best of a grid of both."""

        def bound(q: tuple[float, float]) -> float:
            return self.elbo_nats(levels, *q).item() if self._fits(*q) else -math.inf

        stds = (0.1, 0.2, 0.35, 0.6, 1.0)
        best = max(((mean / 2, std) for mean in range(-6, 7) for std in stds), key=bound)
        step = 0.25
        while step > 1e-5:
            (mean, std), factor = best, math.exp(step)
            around = [(mean + step, std), (mean - step, std), (mean, std * factor)]
            closer = max((*around, (mean, std / factor)), key=bound)
            if bound(closer) > bound(best):
                best = closer
            else:
                step /= 2
        return best

    def _log_joint(self, levels: Tensor) -> Tensor:
        return self.log_likelihood_nats(levels, self.z) + self.log_prior_nats(self.z)

    def _log_posterior(self, levels: Tensor) -> Tensor:
        return self._log_joint(levels) - self.log_evidence_nats(levels)

    def _expected(self, values: Tensor, mean: float, std: float) -> Tensor:
        """The integral of q(z) values(z), with the weights of q on the grid made to sum to 1."""
        if not self._fits(mean, std):
            raise ValueError(
                f"q = N(mean {mean}, std {std}) does not fit the grid: it needs std of at least "
                f"{3 * self.dz:.3g} and |mean| + 6 std within {self.z[-1]:g}"
            )
        weights = torch.softmax(_log_normal(self.z, mean, std), dim=0)
        return (weights * values).sum()

    def _fits(self, mean: float, std: float) -> bool:
        return std >= 3 * self.dz and abs(mean) + 6 * std <= self.z[-1].item()


@checked
def blob_on_a_strip(
    n_pixels: Several = 9, *, reach: Positive = 2.0, width: Positive = 1.0, contrast: float = 6.0
) -> OneLatentModel:
    """A strip of pixels from -reach to reach with one bright blob, `width` pixels wide, at z.

    Logits run from -contrast / 2 to contrast / 2 at its centre. An image with two bright places
    has two explanations, and a posterior with two humps.
    """
    places = torch.linspace(-reach, reach, n_pixels, dtype=torch.float64)
    spread = width * reach * 2 / (n_pixels - 1)

    def logits_of(z: Tensor) -> Tensor:
        distance = (z[:, None] - places) / spread
        return contrast * (torch.exp(-distance.square() / 2) - 0.5)

    return OneLatentModel(logits_of)


def _log_normal(z: Tensor, mean: float, std: float) -> Tensor:
    return -((z - mean) / std).square() / 2 - math.log(std) - math.log(2 * math.pi) / 2
