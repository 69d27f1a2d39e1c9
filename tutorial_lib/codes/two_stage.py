"""TwoStageModel: a trained VQVAE and an autoregressive prior over its code indices.

Stage one learns p(x|z) with the codes; stage two, with the VQVAE frozen, learns p(z) over the
*indices*. Together they are one generative model, and its total is a bound on log p(x):

    log p(x) >= log p(x | z_q(x)) + log p(z_q(x))                              [VQ-VAE, sec. 3.2]

so in bits/dim:  decoder term + latent rate. Under the uniform prior the rate is N log K; a learned
prior replaces it by -log p(z). Neither alone is the likelihood of anything.

The codes have as many axes as the signal. For images the prior may be a `GatedPixelCNN` over fields
(B, 1, h, w); for sounds, images and clips alike it may be a `CodePrior` of the VQVAE's n_dims. The
M residual codes of a place are colours of one pixel: a prior over fields (B, M, h, w) sends them. A
`TransformerPrior` takes sounds and clips, too, as fields of one row, or with frame below frame.
"""

from math import prod
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.codes.bounds import latent_rate_nats, two_stage_bound_nats
from tutorial_lib.codes.code_prior import CodePrior, labels_for
from tutorial_lib.codes.run_facts import RunFacts
from tutorial_lib.codes.transformer_prior import TransformerPrior
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.contracts import Count, checked, having
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.likelihood import nll_nats
from tutorial_lib.sampling.ancestral import sample


class BoundTerms(NamedTuple):
    """The parts of the bound, each (B,) in nats per image and each a cost: lower is better."""

    decoder_nats: Tensor  # -log p(x | z_q(x))
    uniform_rate_nats: Tensor  # N log K
    prior_rate_nats: Tensor  # -log p(z_q(x)) under the learned prior


class TwoStageModel(nn.Module):
    """A VQVAE and a CodePrior like it, or a model of fields (B, 1 or depth, h, w) in K levels."""

    @checked
    def __init__(self, vqvae: VQVAE, prior: nn.Module):
        super().__init__()
        if isinstance(prior, CodePrior):
            _check_code_prior(vqvae, prior)
        else:
            _check_image_prior(vqvae, prior)
        self.vqvae, self.prior = vqvae, prior

    @property
    def facts(self) -> RunFacts | None:
        """On which data it was trained, if the VQVAE knows."""
        return self.vqvae.facts

    @facts.setter
    def facts(self, facts: RunFacts | None) -> None:
        self.vqvae.facts = facts

    @property
    def n_classes(self) -> int | None:
        """The labels that the prior was trained with, None if it takes none."""
        return self.prior.n_classes

    def prior_nll_nats(
        self, indices: Int[Tensor, "B *latent"], label: Tensor | None = None
    ) -> Float[Tensor, "B"]:
        """-log p(z) of index fields, nats per image. Given a label, -log p(z | label)."""
        if isinstance(self.prior, CodePrior):
            return self.prior.nll_nats(indices, label)
        axes = indices.shape[1:] if self.vqvae.depth else (1, *indices.shape[1:])
        field = indices.reshape(len(indices), *_as_image(axes))
        given = {} if label is None else {"label": label}
        return nll_nats(self.prior(field, **given), field)

    def terms(self, levels: Int[Tensor, "B C *shape"], label: Tensor | None = None) -> BoundTerms:
        """Decoder term and latent rates of each image, in nats, with the VQVAE in eval mode."""
        self._require_discrete()
        if self.vqvae.training:
            raise ValueError("the VQVAE is in train mode: call model.eval() before scoring images")
        indices = self.vqvae.encode_indices(levels)
        with exact_float32(indices.device):
            decoder = self.vqvae.decoder_nll_nats(self.vqvae.decode_indices(indices), levels)
            prior = self.prior_nll_nats(indices, label)
        rate = latent_rate_nats(indices[0].numel(), self.vqvae.n_codes)
        return BoundTerms(decoder, torch.full_like(decoder, rate), prior)

    def bound_nats(
        self, levels: Int[Tensor, "B C *shape"], label: Tensor | None = None
    ) -> Float[Tensor, "B"]:
        """Lower bound on log p(x) of each image, in nats (given a label: on log p(x | label))."""
        terms = self.terms(levels, label)
        return two_stage_bound_nats(-terms.decoder_nats, -terms.prior_rate_nats)

    @checked
    def sample_indices(
        self,
        n: Count,
        *,
        latent_shape: tuple[Count, ...],
        label: Tensor | int | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        progress: bool = False,
    ) -> Int[Tensor, "n *latent"]:
        """Draw index fields from the prior; `label` is (n,), one for all, or None."""
        options = {"temperature": temperature, "generator": generator, "progress": progress}
        if isinstance(self.prior, CodePrior):
            return self.prior.sample(n, latent_shape, label=label, **options)
        shape = (n, *_as_image((self.vqvae.depth or 1, *latent_shape)))
        drawn = sample(self.prior, shape, label=labels_for(n, label, self.prior), **options)
        depth = () if self.vqvae.depth is None else (self.vqvae.depth,)
        return drawn.view(n, *depth, *latent_shape)

    @checked
    @torch.no_grad()  # not inference_mode: what is drawn may be trained on
    def sample(
        self,
        n: Count,
        label: Tensor | int | None = None,
        *,
        shape: tuple[int, ...] | None = None,
        temperature: float = 1.0,
        pixels: Literal["mean", "sample"] = "mean",
        generator: torch.Generator | None = None,
        progress: bool = False,
    ) -> Int[Tensor, "n C *shape"]:
        """Draw codes from the prior, then an image, sound or clip from the decoder: levels.

        label        (n,) labels, one label for all, or None for a model without labels
        shape        of the signal: height and width, length, or frames, height and width. None:
                     that of the data it was trained on
        temperature  of the prior
        pixels       "mean": the decoder's mean image, rounded to levels. "sample": each sub-pixel
                     drawn from p(x|z), a true sample of the model
        """
        self._require_discrete()
        latent_shape = self.vqvae.latent_shape(self._own_shape() if shape is None else shape)
        options = {"temperature": temperature, "generator": generator, "progress": progress}
        indices = self.sample_indices(n, latent_shape=latent_shape, label=label, **options)
        with exact_float32(indices.device):
            decoded = self.vqvae.decode_indices(indices)
        if pixels == "mean":
            return (self.vqvae.picture(decoded) * (self.vqvae.n_levels - 1)).round().long()
        return self.vqvae.draw_levels(decoded, generator)

    def _own_shape(self) -> tuple[int, ...]:
        if self.facts is None:
            axes = {1: "length,", 2: "height, width", 3: "frames, height, width"}
            raise ValueError(
                "shape must be given, got None: this model does not know the shape of the data it "
                f"was trained on, use shape=({axes[self.vqvae.n_dims]})"
            )
        return self.facts.shape[1:]

    def _require_discrete(self) -> None:
        if self.vqvae.n_levels is None:
            raise ValueError(
                "this VQVAE has a Gaussian decoder, whose density is no likelihood of levels: "
                "build it with n_levels to compare it in bits/dim"
            )


def _as_image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(M, height, width) of a field (M, *latent): a sequence is one row, frames lie in a column."""
    return (shape[0], prod(shape[1:-1]), shape[-1])


def _check_code_prior(vqvae: VQVAE, prior: CodePrior) -> None:
    if vqvae.depth is not None:
        raise ValueError(
            f"the prior must predict {vqvae.depth} codes at a place, a CodePrior predicts one: use "
            f"TransformerPrior(n_colors={vqvae.depth}, ...)"
        )
    if (prior.n_dims, prior.n_codes) != (vqvae.n_dims, vqvae.n_codes):
        raise ValueError(
            f"the prior must have n_dims={vqvae.n_dims} and n_codes={vqvae.n_codes}, as the codes "
            f"have, got n_dims={prior.n_dims} and n_codes={prior.n_codes}"
        )


def _check_image_prior(vqvae: VQVAE, prior: nn.Module) -> None:
    having("n_levels", "n_colors", "n_classes")("prior", prior)
    n_colors = vqvae.depth or 1
    if prior.n_levels != vqvae.n_codes or prior.n_colors != n_colors:
        raise ValueError(
            f"the prior must have n_levels={vqvae.n_codes} (the codes) and n_colors={n_colors}, "
            f"got n_levels={prior.n_levels} and n_colors={prior.n_colors}"
        )
    if vqvae.n_dims != 2 and not isinstance(prior, TransformerPrior):
        raise ValueError(
            f"the codes must be a 2-D field, got n_dims={vqvae.n_dims}: for those, use "
            f"CodePrior(n_dims={vqvae.n_dims}, ...)"
        )
