"""Two auto-encoders with one encoder: a PixelCNN that draws from the code, and one that averages.

What it adds to the gated PixelCNN is where h comes from: not a label that somebody wrote down, but
a vector that an encoder computes from the image, and that both learn together:

    h = encoder(x)             loss = -log p(x | h)           [eq. 3 with a learned h; sec. 2.4]

The code is spread over the image as a context, the same at every pixel. Then the 1x1 convolution
V * s of eq. 5 is V h at every pixel, which is eq. 4: h enters every gate.

-log p(x | h(x)) is no negative log-likelihood of x: the code is read off the image that it is then
asked to predict, and summed over all images, p(x | h(x)) grows far beyond 1. For one *given* code,
p(x | h) is a distribution like any other.

`MSEAutoencoder` has the same encoder and a decoder that answers with one image, trained by the mean
squared error: the mean of all images with this code, a blur.

Where it deviates from the paper: two strided convolutions encode; the authors do not say what
theirs looks like.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, secs. 2.4
and 3.4.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tutorial_lib.codes.vector_coders import (
    CodeDecoder,
    CodeEncoder,
    ImageSize,
    VectorCodeConfig,
    VectorCodeModel,
)
from tutorial_lib.contracts import Count, Several, checked
from tutorial_lib.sampling.ancestral import sample


class PixelCNNAutoencoder(VectorCodeModel):
    """levels (B, C, H, W) -> logits (B, L, C, H, W) of p(x | h), with h the code of x itself.

    size             (H, W), multiples of 4
    code_dim         numbers in the code
    encoder_channels features of the first convolution of the encoder
    decoder          further arguments of the GatedPixelCNN: n_channels, n_layers, ...
    """

    @checked
    def __init__(
        self,
        *,
        n_colors: Count = 1,
        n_levels: Several = 2,
        size: ImageSize,
        code_dim: Count = 10,
        encoder_channels: Count = 16,
        **decoder,
    ):
        config = VectorCodeConfig(
            n_colors=n_colors,
            n_levels=n_levels,
            size=size,
            code_dim=code_dim,
            n_channels=encoder_channels,
        )
        super().__init__(config, n_encoded=code_dim, pixelcnn=decoder)

    def encode(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The code of each image."""
        return self.encoder(levels)

    def forward(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B L C H W"]:
        """Logits of every image given its own code; what training minimises the cost of."""
        return self.logits_given(levels, self.encode(levels))

    @torch.no_grad()
    def sample(self, code: Float[Tensor, "B D"], **options) -> Int[Tensor, "B C H W"]:
        """One image drawn from p(x | h) for each code; options as for `sampling.sample`."""
        context = self.context(code)
        shape = (len(code), self.n_colors, *self.size)
        return sample(self.decoder, shape, context=context, **options)


class MSEAutoencoder(nn.Module):
    """levels (B, C, H, W) -> one image x (B, C, H, W) in [0, 1]: the same encoder, no distribution.

    Arguments as for PixelCNNAutoencoder; the decoder mirrors the encoder.
    """

    @checked
    def __init__(
        self,
        *,
        n_colors: Count = 1,
        n_levels: Several = 2,
        size: ImageSize,
        code_dim: Count = 10,
        encoder_channels: Count = 16,
    ):
        super().__init__()
        sizes = {"size": size, "code_dim": code_dim, "n_channels": encoder_channels}
        self.encoder = CodeEncoder(n_colors=n_colors, n_levels=n_levels, **sizes)
        self.decoder = CodeDecoder(n_outputs=n_colors, **sizes)

    def forward(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The reconstruction of each image."""
        return torch.sigmoid(self.decoder(self.encoder(levels)))

    def squared_error(self, levels: Int[Tensor, "B C H W"]) -> Float[Tensor, "B"]:
        """Mean squared error of each reconstruction, of x in [0, 1]."""
        decoded = self(levels)
        return (decoded - levels / (self.encoder.n_levels - 1)).square().flatten(1).mean(dim=1)
