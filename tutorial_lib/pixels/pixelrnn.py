"""PixelRNN: PixelCNN's plan with LSTM layers in place of convolutions.

First layer of type A, residual blocks, head of 1 x 1 convolutions; a block adds to its input what
an LSTM layer of half the width has read (`lstm_layers`), widened by a 1 x 1 convolution.

Where the code deviates: `DiagonalBiLSTM` adds a column of zeros at the right edge and cuts it off
at the end. Features at a position exclude the pixel there, so each pixel is read one position to
its right; the last pixel of a row has none, and without the column the row below would miss it, at
any depth.

Reference: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.1 to 3.3, fig. 5,
table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Several, checked
from tutorial_lib.pixels.config import built_from
from tutorial_lib.pixels.lstm_layers import DiagonalBiLSTMLayer, RowLSTMLayer
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import MaskedStack, PixelCNNConfig


class ResidualLSTM(nn.Module):
    """x plus the hidden states of an LSTM layer, widened to the channels of x. [fig. 5, right]"""

    def __init__(self, layer: type[nn.Module], config: PixelCNNConfig):
        super().__init__()
        n_channels, n_colors = config.n_channels, config.n_colors
        hidden = n_channels // 2
        self.lstm = layer(n_channels, hidden, config.kernel_size, n_colors=n_colors)
        self.widen = MaskedConv2d(hidden, n_channels, 1, mask_type="B", n_colors=n_colors)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The input, and what the layer adds to it."""
        return features + self.widen(self.lstm(features))


class RowLSTM(MaskedStack):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any size. The same call as PixelCNN.

    kernel_size is that of both convolutions of a layer; an LSTM has n_channels / 2 features.
    """

    @built_from(PixelCNNConfig)
    def __init__(self, config: PixelCNNConfig):
        super().__init__(config, lambda: ResidualLSTM(RowLSTMLayer, config))


@dataclass(frozen=True, kw_only=True)
class DiagonalBiLSTMConfig(PixelCNNConfig):
    """Settings of a DiagonalBiLSTM.

    kernel_size   pixels of the diagonal before that a state reads, at least 2: the one to the left,
                  the one above, and so on up to the right. The paper has 2, and 2 reach all of the
                  past; with more, rows go on to the right of the image, where the input is 0
    """

    kernel_size: Several = 2


class DiagonalBiLSTM(MaskedStack):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any size. The same call as PixelCNN."""

    @built_from(DiagonalBiLSTMConfig)
    def __init__(self, config: DiagonalBiLSTMConfig):
        super().__init__(config, lambda: ResidualLSTM(DiagonalBiLSTMLayer, config))

    @checked
    def logits_from(
        self, features: Float[Tensor, "B {self.n_colors} H W"]
    ) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`, on an image with a column to spare at its right edge."""
        return super().logits_from(F.pad(features, (0, 1)))[..., :-1]
