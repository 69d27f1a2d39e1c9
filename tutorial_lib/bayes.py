"""The other way round: which label does a picture have, asked of a model that draws pictures.

A model told the label says how probable an image is under each: p(x|y). Bayes' rule turns that
round, and on the way gives the probability of the image without its label:

    log p(x)   = log sum_y exp(log p(x|y) + log p(y))                          the evidence
    log p(y|x) = log p(x|y) + log p(y) - log p(x)                              the posterior

Log-likelihoods of images are hundreds of nats apart from 0, where exp gives 0 in any precision: the
sum needs log-sum-exp, and is taken in float64. It is nats *per image* that belong here; bits/dim
would divide all differences between labels by some hundreds.

It takes as many forward passes as there are labels. Reference: van den Oord et al. 2016,
Conditional Image Generation with PixelCNN Decoders, eqs. 3 and 4; the paper does not classify.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.full_precision import exact_float32
from tutorial_lib.likelihood import nll_nats
from tutorial_lib.modes import in_eval_mode
from tutorial_lib.validation import (
    require_float,
    require_int,
    require_model,
    require_shape,
    require_symbols,
)


class Posterior(NamedTuple):
    """What Bayes' rule gives, in nats and float64."""

    log_posterior: Tensor  # (B, K): log p(y|x), exp of which sums to 1 over the labels
    log_evidence: Tensor  # (B,): log p(x)


@torch.no_grad()
def label_log_likelihoods(
    model: nn.Module, levels: Int[Tensor, "B C H W"], *, batch_size: int = 32
) -> Float[Tensor, "B K"]:
    """log p(x|y) of every image under every label, nats per image, in eval mode, float64, on CPU.

    `model` takes model(levels, label=...) and has `n_classes`. ValueError if it knows no labels.
    """
    require_int("batch_size", batch_size, at_least=1)
    n_classes = getattr(require_model("model", model, "n_levels", "n_colors"), "n_classes", None)
    if not n_classes:
        raise ValueError("the model knows no labels: build it with n_classes=...")
    require_symbols("levels", levels, model.n_levels)
    require_shape("levels", levels, ("batch", model.n_colors, "height", "width"))
    device = next(model.parameters()).device
    with in_eval_mode(model), exact_float32(device):
        rows = [_one_batch(model, part.to(device), n_classes) for part in levels.split(batch_size)]
    return torch.cat(rows)


def _one_batch(model: nn.Module, levels: Tensor, n_classes: int) -> Tensor:
    columns = []
    for k in range(n_classes):
        label = torch.full((len(levels),), k, dtype=torch.long, device=levels.device)
        columns.append(-nll_nats(model(levels, label=label), levels).double().cpu())
    return torch.stack(columns, dim=1)


def bayes_rule(
    log_likelihoods: Float[Tensor, "B K"], prior: Float[Tensor, " K"] | None = None
) -> Posterior:
    """log p(y|x) and log p(x) from log p(x|y) (nats per image) and p(y) (default: all alike).

    A label of prior 0 gets log-posterior -inf. ValueError if the prior is no distribution, or if an
    image is impossible under every label, so that there is nothing to divide by.
    """
    require_shape("log_likelihoods", require_float("log_likelihoods", log_likelihoods), ("B", "K"))
    joint = log_likelihoods.double() + _log_prior(prior, log_likelihoods)
    log_evidence = torch.logsumexp(joint, dim=1)
    if not log_evidence.isfinite().all():
        first = int((~log_evidence.isfinite()).nonzero()[0])
        raise ValueError(
            f"image {first} has log p(x) = {log_evidence[first].item()}: under no label of prior "
            "above 0 is it possible, or its log-likelihoods are not finite"
        )
    return Posterior(joint - log_evidence[:, None], log_evidence)


def _log_prior(prior: Tensor | None, log_likelihoods: Tensor) -> Tensor:
    n_classes = log_likelihoods.shape[1]
    if prior is None:
        prior = torch.full((n_classes,), 1 / n_classes, dtype=torch.float64)
    require_shape("prior", require_float("prior", prior), (n_classes,))
    prior = prior.double().to(log_likelihoods.device)
    total = prior.sum().item()
    if not (prior >= 0).all() or abs(total - 1) > 1e-5:
        raise ValueError(
            f"prior must hold probabilities that sum to 1, got {prior.tolist()} (sum {total:.6g})"
        )
    return prior.log()
