"""Variants of exercise 9.1: the evidence under another prior than N(0, 1)."""

import math
from collections.abc import Sequence

import torch

from tutorial_lib.classroom.variants.variant import Variants
from tutorial_lib.exercises import ch09
from tutorial_lib.exercises.trials import Trial

log_evidence = Variants(
    ch09.log_evidence,
    asked="log p(x), by adding up all codes: the integral of p(x|z) p(z) dz as a sum over a grid.",
    by_hand=(
        "at z = [-1, 0, 1] the prior is [{prior}], and the codes are 1 apart. p(x|z) = [1/4, 1/2, "
        "1] gives log({terms}) = {result}"
    ),
    examples=(
        "log_evidence(-torch.linspace(-12, 12, 241)[None] ** 2, torch.linspace(-12, 12, 241))",
        "log_evidence(-(torch.linspace(-12, 12, 241)[None] - 3) ** 2, "
        "torch.linspace(-12, 12, 241))",
    ),
)


def _under(words: str, parts: Sequence[tuple[float, float]]):
    """The prior is an even mixture of the Gaussians (mean, deviation)."""

    def log_prior(z):
        logs = [
            -0.5 * ((z - mean) / deviation) ** 2 - math.log(deviation * math.sqrt(2 * math.pi))
            for mean, deviation in parts
        ]
        return torch.logsumexp(torch.stack(logs), dim=0) - math.log(len(parts))

    prior = log_prior(torch.tensor([-1.0, 0.0, 1.0])).exp()
    terms = prior * torch.tensor([0.25, 0.5, 1.0])
    filled = {
        "prior": ", ".join(f"{p:.3f}" for p in prior),
        "terms": " + ".join(f"{term:.4f}" for term in terms),
        "result": f"{terms.sum().log():.3f}",
    }

    @log_evidence.twist(f"The prior p(z) is {words}.", **filled)
    def right(log_likelihood, z):
        return torch.logsumexp(log_likelihood + log_prior(z), dim=1) + (z[1] - z[0]).log()

    @log_evidence.right
    def by_shares(log_likelihood, z):
        """Each code's share of the prior, which needs no width of a step."""
        densities = [torch.distributions.Normal(*each).log_prob(z).exp() for each in parts]
        share = sum(densities) / sum(densities).sum()
        highest = log_likelihood.amax(dim=1)
        return highest + ((log_likelihood - highest[:, None]).exp() @ share).log()


_under("N(0, 4), of standard deviation 2", [(0.0, 2.0)])
_under("N(1, 1), whose mean is not 0", [(1.0, 1.0)])
_under("an even mixture of N(-2, 1) and N(2, 1)", [(-2.0, 1.0), (2.0, 1.0)])


def _trial(batch: int, cost: float, rng: torch.Generator) -> Trial:
    """Images that are best explained by codes about 3 from 0, where the priors differ widely."""
    z = torch.linspace(-16, 16, 321, dtype=torch.float64)
    side = torch.randint(2, (batch, 1), generator=rng) * 2 - 1
    best = side * (2.5 + torch.rand(batch, 1, generator=rng, dtype=torch.float64))
    width = 0.4 + 0.4 * torch.rand(batch, 1, generator=rng, dtype=torch.float64)
    spare = cost * (1 + torch.rand(batch, 1, generator=rng, dtype=torch.float64))
    return Trial((-spare - ((z - best) / width).square(), z))


log_evidence.trials("one image")(lambda rng: [_trial(1, 2.0, rng)])
log_evidence.trials("several images")(lambda rng: [_trial(4, 6.0, rng), _trial(2, 3.0, rng)])
log_evidence.trials("images that cost thousands of nats")(lambda rng: [_trial(3, 1000.0, rng)])
