"""The other way round: which label does a picture have, asked of a model that draws pictures.

A model told the label says how probable an image is under each: p(x|y). Bayes' rule turns that
round, and on the way gives the probability of the image without its label:

    log p(x)   = log sum_y exp(log p(x|y) + log p(y))                          the evidence
    log p(y|x) = log p(x|y) + log p(y) - log p(x)                              the posterior

The sum needs log-sum-exp, in float64: exp of minus some hundreds of nats is 0. Nats *per image*
belong here; bits/dim would divide all differences between labels.

It takes as many forward passes as there are labels. Reference: van den Oord et al. 2016,
Conditional Image Generation with PixelCNN Decoders, eqs. 3 and 4; the paper does not classify.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor, nn

from tutorial_lib.contracts import Count, checked, probabilities, symbols
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import PixelModel, nll_nats
from tutorial_lib.pixels.modes import in_eval_mode


class LabelPosterior(NamedTuple):
    """What Bayes' rule gives, in nats and float64."""

    log_posterior: Tensor  # (B, K): log p(y|x), exp of which sums to 1 over the labels
    log_evidence: Tensor  # (B,): log p(x)


@checked
@torch.no_grad()
def label_log_likelihoods(
    model: PixelModel, levels: Int[Tensor, "B {model.n_colors} H W"], *, batch_size: Count = 32
) -> Float[Tensor, "B K"]:
    """log p(x|y) of every image under every label, nats per image, in eval mode, on a CPU."""
    n_classes = getattr(model, "n_classes", None)
    if not n_classes:
        raise ValueError("the model knows no labels: build it with n_classes=...")
    symbols("levels", levels, model.n_levels)
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


@checked
def bayes_rule(
    log_likelihoods: Float[Tensor, "B K"], prior: Real[Tensor, "K"] | None = None
) -> LabelPosterior:
    """log p(y|x) and log p(x) from log p(x|y) (nats per image) and p(y) (default: all alike).

    ValueError if the prior is no distribution, or an image is impossible under every label.

    >>> bayes_rule(torch.tensor([[0.2, 0.6]]).log()).log_posterior.exp()
    tensor([[0.2500, 0.7500]], dtype=torch.float64)
    """
    if prior is None:
        n_classes = log_likelihoods.shape[1]
        prior = log_likelihoods.new_full((n_classes,), 1 / n_classes, dtype=torch.float64)
    joint = log_likelihoods.double() + probabilities("prior", prior).double().log()
    log_evidence = torch.logsumexp(joint, dim=1)
    if not log_evidence.isfinite().all():
        first = int((~log_evidence.isfinite()).nonzero()[0])
        raise ValueError(
            f"image {first} has log p(x) = {log_evidence[first].item()}: under no label of prior "
            "above 0 is it possible, or its log-likelihoods are not finite"
        )
    return LabelPosterior(joint - log_evidence[:, None], log_evidence)
