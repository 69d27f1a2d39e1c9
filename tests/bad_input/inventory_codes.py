"""Calls of paper 2: bounds, auto-encoders, the codebook, VQ-VAE, priors over codes, two stages."""

from __future__ import annotations

import small_models as small
import torch
from inventory_pixels import FLAT, IMAGES, KERNEL, LABELS, NET, PINNED
from kinds import (
    also,
    but,
    choice,
    count,
    flag,
    floats,
    function,
    generator,
    model,
    number,
    optional,
    positive,
    probabilities,
    ranged,
    sizes,
    symbols,
    thing,
)
from named import call
from torch import nn

from tutorial_lib.codes.gaussian_posterior import Posterior
from tutorial_lib.codes.one_latent import OneLatentModel
from tutorial_lib.codes.quantizer import Quantized
from tutorial_lib.codes.vae import VAETerms
from tutorial_lib.codes.vector_coders import CodeDecoder, CodeEncoder
from tutorial_lib.codes.vqvae import VQVAEOutput

NATS = floats((3,), pinned=(0,), finite=False)  # of each image; -inf and NaN stay what they are
GAUSSIAN = floats((3, 2), pinned=(0, 1), finite=False)

BOUNDS = [
    call(
        "codes.bounds.categorical_kl",
        (3,),
        {
            "q": probabilities((3, 4), pinned=(0, 1)),
            "p": but(probabilities((3, 4), pinned=(0, 1)), "an axis less"),  # one p for all
        },
    ),
    call(
        "codes.bounds.categorical_kl",
        (3,),
        {
            "q": probabilities((3, 4), pinned=(1,), any_axes=True),
            "p": but(probabilities((4,), pinned=(0,)), "an axis more"),
        },
        variant="one p for all",
    ),
    call(
        "codes.bounds.kl_to_uniform", (3,), {"q": probabilities((3, 4), any_axes=True, alone=True)}
    ),
    call("codes.bounds.gaussian_kl", (3,), {"mean": GAUSSIAN, "log_variance": GAUSSIAN}),
    call("codes.bounds.elbo_nats", (3,), {"log_likelihood_nats": NATS, "kl_nats": NATS}),
    call("codes.bounds.latent_rate_nats", float, {"n_latents": count(4), "n_codes": count(5)}),
    call(
        "codes.bounds.two_stage_bound_nats",
        (3,),
        {"log_likelihood_nats": NATS, "log_prior_nats": NATS},
    ),
]

NINE_BITS = symbols((9,), 2, pinned=(0,), alone=True)
ON_GRID = also(number(0.5), "off the grid", 11.9, -50.0)
WIDTH = also(positive(0.5), "off the grid", 1e-6, 40.0)
POINTS = floats((7,), alone=True, finite=False, dtype=torch.float64)

ONE_LATENT = [
    call(
        "codes.one_latent.OneLatentModel",
        OneLatentModel,
        {
            "logits_of": function(lambda z: torch.stack([z, -z], dim=1)),
            "limit": positive(8.0),
            "n_points": count(201, at_least=3),
        },
    ),
    call(
        "codes.one_latent.OneLatentModel.log_prior_nats",
        (7,),
        {"z": POINTS},
        of=lambda: small.strip().log_prior_nats,
    ),
    call(
        "codes.one_latent.OneLatentModel.log_likelihood_nats",
        (7,),
        {"levels": NINE_BITS, "z": POINTS},
        of=lambda: small.strip().log_likelihood_nats,
    ),
    call(
        "codes.one_latent.OneLatentModel.log_evidence_nats",
        (),
        {"levels": NINE_BITS},
        of=lambda: small.strip().log_evidence_nats,
    ),
    call(
        "codes.one_latent.OneLatentModel.posterior",
        (6001,),
        {"levels": NINE_BITS},
        of=lambda: small.strip().posterior,
    ),
    call(
        "codes.one_latent.OneLatentModel.elbo_nats",
        (),
        {"levels": NINE_BITS, "mean": ON_GRID, "std": WIDTH},
        of=lambda: small.strip().elbo_nats,
    ),
    call(
        "codes.one_latent.OneLatentModel.gap_nats",
        (),
        {"levels": NINE_BITS, "mean": ON_GRID, "std": WIDTH},
        of=lambda: small.strip().gap_nats,
    ),
    call(
        "codes.one_latent.OneLatentModel.best_gaussian",
        tuple,
        {"levels": NINE_BITS},
        of=lambda: small.strip().best_gaussian,
    ),
    call(
        "codes.one_latent.blob_on_a_strip",
        OneLatentModel,
        {
            "n_pixels": count(9, at_least=2),
            "reach": positive(2.0),
            "width": positive(1.0),
            "contrast": number(6.0),
        },
    ),
]

SIZE = also(sizes((4, 4)), "no multiple of 4", (4, 6), (5, 4))
CODER = {
    "n_colors": count(1),
    "n_levels": count(3, at_least=2),
    "size": SIZE,
    "code_dim": count(2),
}
CODE = floats((2, 2), pinned=(1,), edges=[(0, 2)], **FLAT)
CODE_OF_EACH = floats((2, 2), pinned=(0, 1), **FLAT)
PIXELCNN_ARGUMENTS = {"n_channels": count(4), "n_layers": count(1), "kernel_size": KERNEL}
MEANS = ["mean", "sample"]

CODERS = [
    call("codes.vector_coders.CodeEncoder", CodeEncoder, {**CODER, "n_channels": count(2)}),
    call(
        "codes.vector_coders.CodeEncoder.forward",
        (2, 2),
        {"levels": PINNED},
        of=lambda: small.autoencoder().encoder,
    ),
    call(
        "codes.vector_coders.CodeDecoder",
        CodeDecoder,
        {
            "n_outputs": count(3),
            "size": SIZE,
            "code_dim": count(2),
            "n_channels": count(2),
        },
    ),
    call(
        "codes.vector_coders.CodeDecoder.forward",
        (2, 3, 4, 4),
        {"code": CODE},
        of=lambda: small.autoencoder().decoder,
    ),
    call("codes.vae.Autoencoder", nn.Module, {**CODER, "n_channels": count(2)}),
    call(
        "codes.vae.Autoencoder.encode",
        (2, 2),
        {"levels": PINNED},
        of=lambda: small.autoencoder().encode,
    ),
    call(
        "codes.vector_coders.VectorCodeModel.decode",
        (2, 3, 1, 4, 4),
        {"code": CODE},
        of=lambda: small.autoencoder().decode,
    ),
    call(
        "codes.vae.Autoencoder.forward", (2, 3, 1, 4, 4), {"levels": PINNED}, of=small.autoencoder
    ),
    call(
        "codes.gaussian_posterior.reparameterize",
        (3, 2),
        {"mean": GAUSSIAN, "log_variance": GAUSSIAN, "noise": GAUSSIAN},
    ),
    call(
        "codes.gaussian_posterior.information_nats",
        (),
        {
            "mean": floats((3, 2), pinned=(0, 1)),
            "log_variance": floats((3, 2), pinned=(0, 1)),
            "n_draws": count(2),
            "generator": generator(),
        },
    ),
    call(
        "codes.vae.GaussianVAE",
        nn.Module,
        {
            **CODER,
            "n_channels": count(2),
            "pixelcnn": optional(thing(lambda: dict(small.SMALL))),
        },
    ),
    call(
        "codes.vae.GaussianVAE.encode", Posterior, {"levels": PINNED}, of=lambda: small.vae().encode
    ),
    call(
        "codes.vector_coders.VectorCodeModel.context",
        (2, 2, 4, 4),
        {"code": CODE},
        of=lambda: small.vae().context,
    ),
    call(
        "codes.vector_coders.VectorCodeModel.logits_given",
        (2, 3, 1, 4, 4),
        {"levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)), "code": CODE_OF_EACH},
        of=lambda: small.vae().logits_given,
    ),
    call(
        "codes.vector_coders.VectorCodeModel.logits_given",
        (2, 3, 1, 4, 4),
        {"levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)), "code": CODE_OF_EACH},
        of=lambda: small.vae(True).logits_given,
        variant="by a PixelCNN",
    ),
    call(
        "codes.vae.GaussianVAE.forward",
        VAETerms,
        {"levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)), "noise": optional(CODE_OF_EACH)},
        of=small.vae,
    ),
    *(
        call(
            "codes.vae.GaussianVAE.sample",
            (2, 1, 4, 4),
            {
                "n": count(2),
                "code": optional(but(CODE_OF_EACH, "another device")),
                "pixels": choice("mean", "Mean"),
                "generator": generator(),
            },
            of=lambda by_pixelcnn=by_pixelcnn: small.vae(by_pixelcnn).sample,
            variant="by a PixelCNN" if by_pixelcnn else "independent pixels",
        )
        for by_pixelcnn in (False, True)
    ),
    call(
        "codes.pixelcnn_autoencoder.PixelCNNAutoencoder",
        nn.Module,
        {**CODER, "encoder_channels": count(2), **PIXELCNN_ARGUMENTS},
    ),
    call(
        "codes.pixelcnn_autoencoder.PixelCNNAutoencoder.encode",
        (2, 2),
        {"levels": PINNED},
        of=lambda: small.pixelcnn_autoencoder().encode,
    ),
    call(
        "codes.vector_coders.VectorCodeModel.context",
        (2, 2, 4, 4),
        {"code": CODE},
        of=lambda: small.pixelcnn_autoencoder().context,
    ),
    call(
        "codes.vector_coders.VectorCodeModel.logits_given",
        (2, 3, 1, 4, 4),
        {"levels": symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)), "code": CODE_OF_EACH},
        of=lambda: small.pixelcnn_autoencoder().logits_given,
    ),
    call(
        "codes.pixelcnn_autoencoder.PixelCNNAutoencoder.forward",
        (2, 3, 1, 4, 4),
        {"levels": PINNED},
        of=small.pixelcnn_autoencoder,
    ),
    call(
        "codes.pixelcnn_autoencoder.PixelCNNAutoencoder.sample",
        (2, 1, 4, 4),
        {
            "code": floats((2, 2), pinned=(1,), **FLAT),
            "temperature": positive(0.8),
            "generator": generator(),
        },
        of=lambda: small.pixelcnn_autoencoder().sample,
    ),
    call(
        "codes.pixelcnn_autoencoder.MSEAutoencoder",
        nn.Module,
        {**CODER, "encoder_channels": count(2)},
    ),
    call(
        "codes.pixelcnn_autoencoder.MSEAutoencoder.forward",
        (2, 1, 4, 4),
        {"levels": PINNED},
        of=small.mse_autoencoder,
    ),
    call(
        "codes.pixelcnn_autoencoder.MSEAutoencoder.squared_error",
        (2,),
        {"levels": PINNED},
        of=lambda: small.mse_autoencoder().squared_error,
    ),
]

# NaN in z_e: the quantizer runs in every training step, where a NaN shows in its losses.
FIELD = floats((2, 2, 4, 4), pinned=(1,), any_axes=True, finite=False)
OF_FIELD = floats((2, 2, 4, 4), pinned=(1,), any_axes=True, finite=False, edges=[(0, 2, 4, 4)])
BOTH = floats((2, 2, 4, 4), pinned=(0, 1, 2, 3), finite=False, same_dtype=True)
USAGE = {"n_codes": count(4), "code_dim": count(2), "update": choice("ema", "EMA")}


def _of_quantizer(update: str, restart: bool) -> list:
    options = {"update": update, "restart_dead_codes": restart}
    name = f"{update}{', restarted' if restart else ''}"
    return [
        call(
            "codes.quantizer.VectorQuantizer.forward",
            Quantized,
            {"z_e": OF_FIELD},
            of=lambda: small.fresh_quantizer(**options),
            variant=name,
        )
    ]


CODEBOOK = [
    call(
        "codes.quantizer.nearest_code",
        (2, 4, 4),
        {
            "z_e": floats((2, 2, 4, 4), pinned=(1,), any_axes=True),
            "codebook": but(floats((5, 2), pinned=(1,)), "no axes"),
        },
    ),
    call("codes.quantizer.straight_through", (2, 2, 4, 4), {"z_e": BOTH, "z_q": BOTH}),
    call("codes.quantizer.vq_losses", tuple, {"z_e": BOTH, "e": BOTH}),
    call(
        "codes.quantizer.ema_step",
        tuple,
        {
            "counts": floats((5,), pinned=(0,), finite=False),
            "sums": floats((5, 2), pinned=(0, 1), finite=False),
            "vectors": floats((3, 2), pinned=(0, 1), finite=False),
            "indices": symbols((3,), 5),
            "decay": also(positive(0.9), "1 or more", 1.0, 1.5),
        },
    ),
    call(
        "codes.quantizer.restart_dead_codes",
        tuple,
        {
            "counts": floats((5,), pinned=(0,), finite=False),
            "sums": floats((5, 2), pinned=(0, 1), finite=False),
            "candidates": floats((5, 2), pinned=(0, 1), finite=False),
            "below": positive(0.02),
        },
    ),
    call(
        "codes.quantizer.code_counts",
        (5,),
        {
            "indices": symbols((2, 4, 4), 5, any_axes=True, alone=True),
            "n_codes": count(5),
        },
    ),
    call(
        "codes.quantizer.perplexity",
        (),
        {
            "counts": also(
                ranged(floats((5,), alone=True, low=1.0, high=5.0), below=-1.0),
                "nothing counted",
                lambda: torch.zeros(5),
                lambda: torch.zeros(0),
            )
        },
    ),
    call(
        "codes.quantizer.VectorQuantizer",
        nn.Module,
        {
            **USAGE,
            "commitment_weight": positive(0.25),
            "restart_dead_codes": flag(True),
            "decay": also(positive(0.9), "1 or more", 1.0, 1.5),
        },
    ),
    *(c for update in ("gradient", "ema") for r in (False, True) for c in _of_quantizer(update, r)),
    call(
        "codes.quantizer.VectorQuantizer.set_codebook",
        type(None),
        {"codes": but(floats((4, 2), pinned=(0, 1)), "another device")},
        of=lambda: small.fresh_quantizer().set_codebook,
    ),
    call(
        "codes.quantizer.VectorQuantizer.lookup",
        (2, 2, 4, 4),
        {"indices": but(symbols((2, 4, 4), 4, any_axes=True), "no axes")},
        of=lambda: small.fresh_quantizer().lookup,
    ),
]

OF_LEVELS = but(sizes((5, 4), at_least=3), "too long", "too short")
OF_LEVELS = also(OF_LEVELS, "none", ())
QUANTIZER = {
    "quantizer": choice("residual", "Codebook", "vq"),
    "fsq_levels": OF_LEVELS,
    "depth": count(2),
}
NET_OF_VQVAE = {"n_dims": choice(2, 0, 4, -1), "in_channels": count(1)}
X = ranged(floats((2, 1, 4, 4), pinned=(1,), low=0.0, same_dtype=True), below=-0.1, above=1.1)
LEVELS = but(IMAGES, "axis 2 longer", "axis 3 longer")._replace(edges=IMAGES.edges[:1])
Z_Q = floats((2, 2, 2, 2), pinned=(1,), edges=[(0, 2, 2, 2)], **FLAT)
INDICES = symbols((2, 2, 2), 5)
ODD = also(
    LEVELS,
    "odd sides",
    lambda: torch.zeros(2, 1, 4, 3).long(),
    lambda: torch.zeros(2, 1, 0, 4).long(),
)

VQVAES = [
    call(
        "codes.vqvae.VQVAE",
        nn.Module,
        {
            **NET_OF_VQVAE,
            "n_levels": optional(count(3, at_least=2)),
            "n_mixtures": optional(count(2)),
            **QUANTIZER,
            **USAGE,
            "downsample": also(count(2), "no power of 2", 3, 6),
            "n_channels": count(4, at_least=2),
            "n_blocks": count(1, at_least=0),
            "commitment_weight": positive(0.25),
            "restart_dead_codes": flag(True),
        },
    ),
    call(
        "codes.vqvae.VQVAE.forward",
        VQVAEOutput,
        {"image": but(ODD, says=("image", "levels"))},
        of=small.vqvae,
    ),
    call(
        "codes.vqvae.VQVAE.forward",
        VQVAEOutput,
        {"image": but(X, says=("image", "x "))},
        of=lambda: small.vqvae(n_levels=None),
        variant="Gaussian decoder",
    ),
    call(
        "codes.vqvae.VQVAE.encode",
        (2, 2, 2, 2),
        {"image": but(ODD, says=("image", "levels"))},
        of=lambda: small.vqvae().encode,
    ),
    call(
        "codes.vqvae.VQVAE.encode_indices",
        (2, 2, 2),
        {"image": but(ODD, says=("image", "levels"))},
        of=lambda: small.vqvae().encode_indices,
    ),
    call(
        "codes.vqvae.VQVAE.decode", (2, 3, 1, 4, 4), {"z_q": Z_Q}, of=lambda: small.vqvae().decode
    ),
    call(
        "codes.vqvae.VQVAE.decode_indices",
        (2, 3, 1, 4, 4),
        {"indices": INDICES},
        of=lambda: small.vqvae().decode_indices,
    ),
    call(
        "codes.vqvae.VQVAE.decoder_nll_nats",
        (2,),
        {
            "decoded": but(
                floats((2, 3, 1, 4, 4), pinned=(0, 1, 2, 3, 4), finite=False),
                says=("decoded", "logits"),
            ),
            "image": but(symbols((2, 1, 4, 4), 3, pinned=(0, 1, 2, 3)), says=("image", "levels")),
        },
        of=lambda: small.vqvae().decoder_nll_nats,
    ),
    call(
        "codes.vqvae.VQVAE.decoder_nll_nats",
        (2,),
        {
            "decoded": floats((2, 1, 4, 4), pinned=(0, 1, 2, 3), finite=False),
            "image": but(
                floats((2, 1, 4, 4), pinned=(0, 1, 2, 3), low=0.0, finite=False),
                says=("image", "x "),
            ),
        },
        of=lambda: small.vqvae(n_levels=None).decoder_nll_nats,
        variant="Gaussian decoder",
    ),
    call(
        "codes.vqvae.VQVAE.picture",
        (2, 1, 4, 4),
        {"decoded": floats((2, 3, 1, 4, 4), pinned=(1, 2), alone=True, finite=False)},
        of=lambda: small.vqvae().picture,
    ),
    call(
        "codes.vqvae.VQVAE.picture",
        (2, 1, 4, 4),
        {"decoded": floats((2, 1, 4, 4), pinned=(1,), alone=True, finite=False)},
        of=lambda: small.vqvae(n_levels=None).picture,
        variant="Gaussian decoder",
    ),
    call(
        "codes.vqvae.VQVAE.latent_shape",
        lambda shape: shape == (4, 4),
        {"shape": but(also(sizes((8, 8)), "odd", (8, 7)), says=("shape", "image"))},
        of=lambda: small.vqvae().latent_shape,
    ),
]

FIELDS = {1: (2, 6), 2: (2, 3, 4), 3: (2, 3, 2, 2)}
CLIP = symbols((2, 3, 2, 2), 5, pinned=(0,))


def _of_prior(n_dims: int) -> list:
    shape = FIELDS[n_dims]
    indices = symbols(shape, 5, pinned=(0,))
    given = {"indices": indices, "label": LABELS}
    return [
        call(
            "codes.code_prior.CodePrior.forward",
            (2, 5, *shape[1:]),
            given,
            of=lambda: small.code_prior(n_dims),
            variant=f"{n_dims}-D",
        ),
        call(
            "codes.code_prior.CodePrior.nll_nats",
            (2,),
            given,
            of=lambda: small.code_prior(n_dims).nll_nats,
            variant=f"{n_dims}-D",
        ),
        call(
            "codes.code_prior.CodePrior.sample",
            shape,
            {
                "n": count(2),
                "shape": sizes(shape[1:]),
                "label": but(LABELS, "another device"),
                "temperature": positive(0.8),
                "generator": generator(),
                "progress": flag(False),
            },
            of=lambda: small.code_prior(n_dims).sample,
            variant=f"{n_dims}-D",
        ),
    ]


PRIORS = [
    call(
        "codes.code_prior.CodePrior",
        nn.Module,
        {
            "n_dims": choice(2, 0, 4),
            "n_codes": count(5, at_least=2),
            "n_channels": count(4),
            "n_layers": count(1),
            "kernel_size": KERNEL,
            "n_classes": optional(count(3)),
            "coordinates": flag(True),
            "n_frequencies": count(1, at_least=0),
            "n_past_frames": count(2),
        },
    ),
    *(entry for n_dims in FIELDS for entry in _of_prior(n_dims)),
    call(
        "codes.code_prior.labels_for",
        (2,),
        {
            "n": count(2),
            "label": but(LABELS, "another device"),
            "prior": model(small.code_prior),
        },
    ),
    call(
        "codes.code_prior.labels_for",
        (2,),
        {
            "n": count(2),
            "label": also(but(count(1, at_least=0), says=("label",)), "too high", 3, 99),
            "prior": model(small.code_prior),
        },
        variant="one for all",
    ),
    call(
        "codes.code_prior.code_prior_step",
        dict,
        {
            "model": model(small.code_prior),
            "indices": symbols((2, 3, 4), 5, pinned=(0,)),
            "label": LABELS,
        },
    ),
    call(
        "codes.gated_frames.GatedFrames",
        nn.Module,
        {
            **NET,
            "n_classes": optional(count(3)),
            "coordinates": flag(True),
            "n_frequencies": count(1, at_least=0),
            "n_past_frames": count(2),
        },
    ),
    call(
        "codes.gated_frames.GatedFrames.forward",
        (2, 5, 3, 2, 2),
        {"indices": CLIP, "label": LABELS},
        of=small.gated_frames,
    ),
    call(
        "codes.gated_frames.GatedFrames.context",
        (2, 3, 5, 2, 2),
        {
            "indices": symbols((2, 3, 2, 2), 5, pinned=(1,)),
            "times": but(floats((3,), pinned=(0,), alone=True, finite=False)),
        },
        of=lambda: small.gated_frames().context,
    ),
    call(
        "codes.gated_frames.GatedFrames.sample",
        (2, 2, 2, 2),
        {
            "shape": sizes((2, 2, 2, 2)),
            "label": LABELS,
            "temperature": positive(0.8),
            "generator": generator(),
            "progress": flag(False),
        },
        of=lambda: small.gated_frames().sample,
    ),
]

SCORED = symbols((2, 1, 4, 4), 3, pinned=(0, 1))
ONE_LABEL = also(but(count(1, at_least=0), says=("label",)), "too high", 3, 99)
TWO_STAGES = [
    call(
        "codes.two_stage.TwoStageModel",
        nn.Module,
        {
            "vqvae": model(small.vqvae),
            "prior": also(
                model(small.code_prior),
                "another prior",
                lambda: small.code_prior(1),
                lambda: small.gated(),
            ),
        },
    ),
    call(
        "codes.two_stage.TwoStageModel.prior_nll_nats",
        (2,),
        {"indices": symbols((2, 2, 2), 5, pinned=(0,)), "label": LABELS},
        of=lambda: small.two_stage().prior_nll_nats,
    ),
    *(
        call(
            f"codes.two_stage.TwoStageModel.{name}",
            gives,
            {"levels": but(SCORED, says=("levels", "image")), "label": LABELS},
            of=lambda name=name: getattr(small.two_stage(), name),
        )
        for name, gives in (("terms", tuple), ("bound_nats", (2,)))
    ),
    call(
        "codes.two_stage.TwoStageModel.sample_indices",
        (2, 2, 2),
        {
            "n": count(2),
            "latent_shape": but(sizes((2, 2)), says=("shape",)),
            "label": ONE_LABEL,
            "temperature": positive(0.8),
            "generator": generator(),
            "progress": flag(False),
        },
        of=lambda: small.two_stage().sample_indices,
    ),
    call(
        "codes.two_stage.TwoStageModel.sample",
        (2, 1, 4, 4),
        {
            "n": count(2),
            "label": ONE_LABEL,
            "shape": optional(but(also(sizes((4, 4)), "odd", (4, 5)), says=("shape", "image"))),
            "temperature": positive(0.8),
            "pixels": choice("sample", "Mean"),
            "generator": generator(),
            "progress": flag(False),
        },
        of=lambda: small.two_stage().sample,
    ),
]

CLOUD = floats((6, 3), pinned=(1,))
LONE_CLOUD = floats((6, 3), alone=True)
QUALITY = [
    call(
        "codes.sample_quality.nearest_neighbors",
        tuple,
        {"points": CLOUD, "others": CLOUD, "k": also(count(2), "too many", 7)},
    ),
    call(
        "codes.sample_quality.ball_radii",
        (6,),
        {"features": LONE_CLOUD, "k": also(count(2), "too many", 6)},
    ),
    call(
        "codes.sample_quality.inside_a_ball",
        (6,),
        {
            "points": CLOUD,
            "centers": floats((6, 3), pinned=(0, 1)),
            "radii": ranged(floats((6,), pinned=(0,), low=0.1), below=-0.5),
        },
    ),
    call(
        "codes.sample_quality.precision_and_recall",
        tuple,
        {"real": CLOUD, "drawn": CLOUD, "k": also(count(2), "too many", 6)},
    ),
]

CODES = [*BOUNDS, *ONE_LATENT, *CODERS, *CODEBOOK, *VQVAES, *PRIORS, *TWO_STAGES, *QUALITY]
