"""Models that are quick to make, each in eval mode and with weights of its own seed.

Those that no call changes are made once; `fresh_` ones are made for every call.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import nn

from tutorial_lib.codes.code_prior import CodePrior
from tutorial_lib.codes.fsq import FSQ
from tutorial_lib.codes.gated_frames import GatedFrames
from tutorial_lib.codes.one_latent import OneLatentModel, blob_on_a_strip
from tutorial_lib.codes.pixelcnn_autoencoder import MSEAutoencoder, PixelCNNAutoencoder
from tutorial_lib.codes.quantizer import VectorQuantizer
from tutorial_lib.codes.residual import ResidualQuantizer
from tutorial_lib.codes.transformer_prior import TransformerPrior
from tutorial_lib.codes.two_stage import TwoStageModel
from tutorial_lib.codes.vae import Autoencoder, GaussianVAE
from tutorial_lib.codes.vqvae import VQVAE
from tutorial_lib.pixels.gated import GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRow
from tutorial_lib.pixels.influence import as_model
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import PixelCNN
from tutorial_lib.pixels.pixelrnn import DiagonalBiLSTM, RowLSTM
from tutorial_lib.pixels.tabular import TabularModel, fit_tables

SMALL = {"n_channels": 4, "n_layers": 1, "kernel_size": 3}


def seeded(make, *arguments, **options) -> nn.Module:
    """The model with weights that do not hang on what was made before it."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return make(*arguments, **options).eval()


@lru_cache(None)
def gated(**changes) -> GatedPixelCNN:
    """Two colours would need 4 channels: it has one, three levels, no conditions."""
    return seeded(GatedPixelCNN, **{"n_levels": 3, **SMALL, **changes})


@lru_cache(None)
def conditional() -> GatedPixelCNN:
    """Told one of 3 labels and a context of 2 channels."""
    return gated(n_classes=3, context_channels=2, coordinates=True, n_frequencies=1)


@lru_cache(None)
def labelled() -> GatedPixelCNN:
    """Told one of 3 labels."""
    return gated(n_classes=3)


@lru_cache(None)
def symbolic() -> GatedPixelCNN:
    """Of symbols without an order."""
    return gated(ordered=False)


@lru_cache(None)
def plain() -> PixelCNN:
    """A PixelCNN of two colours."""
    return seeded(PixelCNN, n_colors=2, n_levels=3, first_kernel_size=3, **SMALL)


@lru_cache(None)
def row_lstm() -> RowLSTM:
    """A row LSTM of one colour."""
    return seeded(RowLSTM, n_levels=3, first_kernel_size=3, **SMALL)


@lru_cache(None)
def diagonal_lstm() -> DiagonalBiLSTM:
    """A diagonal one."""
    return seeded(DiagonalBiLSTM, n_levels=3, first_kernel_size=3, **{**SMALL, "kernel_size": 2})


@lru_cache(None)
def stack() -> as_model:
    """A masked convolution as a model."""
    return seeded(lambda: as_model(MaskedConv2d(1, 2, 3, mask_type="A")))


@lru_cache(None)
def gated_row() -> GatedRow:
    """Sequences of 5 codes, 3 labels."""
    return seeded(GatedRow, n_levels=5, n_classes=3, **SMALL)


@lru_cache(None)
def gated_frames() -> GatedFrames:
    """Clips of 5 codes, 3 labels."""
    return seeded(GatedFrames, n_levels=5, n_classes=3, **SMALL)


@lru_cache(None)
def code_prior(n_dims: int = 2, n_classes: int | None = 3) -> CodePrior:
    """A prior over fields of 5 codes."""
    return seeded(CodePrior, n_dims=n_dims, n_codes=5, n_classes=n_classes, **SMALL)


def fresh_quantizer(**changes) -> VectorQuantizer:
    """4 codes of 2 numbers, in train mode: a call may move them."""
    return seeded(VectorQuantizer, 4, 2, **{"update": "ema", **changes}).train()


def fsq() -> FSQ:
    """20 codes of 2 numbers."""
    return seeded(FSQ, (5, 4))


def residual_quantizer() -> ResidualQuantizer:
    """Two codebooks of 4 codes of 2 numbers."""
    return seeded(ResidualQuantizer, 4, 2, 2)


@lru_cache(None)
def transformer() -> TransformerPrior:
    """Fields of 5 codes, 3 labels."""
    sizes = {"n_levels": 5, "n_channels": 4, "n_layers": 1, "n_heads": 2}
    return seeded(TransformerPrior, **sizes, n_classes=3)


@lru_cache(None)
def vqvae(n_levels: int | None = 3, n_dims: int = 2) -> VQVAE:
    """A VQVAE of 5 codes, one channel, that divides each side by 2."""
    options = {"n_codes": 5, "code_dim": 2, "downsample": 2, "n_channels": 4, "n_blocks": 1}
    return seeded(VQVAE, n_dims=n_dims, in_channels=1, n_levels=n_levels, **options)


def fresh_vqvae() -> VQVAE:
    """The same, to be trained or moved."""
    vqvae.cache_clear()
    return vqvae()


@lru_cache(None)
def two_stage() -> TwoStageModel:
    """That VQVAE and a prior with 3 labels."""
    return TwoStageModel(vqvae(), code_prior()).eval()


@lru_cache(None)
def autoencoder() -> Autoencoder:
    """Images of 4x4 in three levels, two numbers in the code."""
    return seeded(Autoencoder, n_levels=3, size=(4, 4), n_channels=2)


@lru_cache(None)
def vae(by_pixelcnn: bool = False) -> GaussianVAE:
    """The same sizes; the decoder may be a PixelCNN."""
    pixelcnn = dict(SMALL) if by_pixelcnn else None
    return seeded(GaussianVAE, n_levels=3, size=(4, 4), n_channels=2, pixelcnn=pixelcnn)


@lru_cache(None)
def pixelcnn_autoencoder() -> PixelCNNAutoencoder:
    """The same sizes."""
    sizes = {"n_levels": 3, "size": (4, 4), "code_dim": 2, "encoder_channels": 2}
    return seeded(PixelCNNAutoencoder, **sizes, **SMALL)


@lru_cache(None)
def mse_autoencoder() -> MSEAutoencoder:
    """The same sizes."""
    return seeded(MSEAutoencoder, n_levels=3, size=(4, 4), code_dim=2, encoder_channels=2)


@lru_cache(None)
def strip() -> OneLatentModel:
    """Nine binary pixels from one number."""
    return blob_on_a_strip()


@lru_cache(None)
def tables() -> TabularModel:
    """Binary images of 2x2."""
    images = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]).view(3, 1, 2, 2)
    return fit_tables(images, smoothing=1.0)
