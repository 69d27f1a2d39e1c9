"""PixelRNN: PixelCNN's plan with LSTM layers in place of convolutions.

First layer of type A, residual blocks, head of 1 x 1 convolutions; a block adds to its input what
an LSTM layer of half the width has read (`lstm_layers`), widened by a 1 x 1 convolution.

- `RowLSTM` goes from row to row. Its view of the past is a triangle.
- `DiagonalBiLSTM` goes along diagonals, from both sides. Its view is all of the past.

Where the code deviates:

- `DiagonalBiLSTM` adds a column of zeros at the right edge and cuts it off at the end. Features at
  a position exclude the pixel there, so each pixel is read one position to its right; the last
  pixel of a row has none, and without the column the row below would miss it, at any depth.
- `n_channels` is the paper's 2h, the width between the layers; defaults are smaller than its own.

Reference: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.1 to 3.3, fig. 5,
table 1.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Count, Kernel, Several, checked
from tutorial_lib.pixels.lstm_layers import DiagonalBiLSTMLayer, RowLSTMLayer
from tutorial_lib.pixels.masks import MaskedConv2d
from tutorial_lib.pixels.pixelcnn import MaskedStack, half_of


class ResidualLSTM(nn.Module):
    """x plus the hidden states of an LSTM layer, widened to the channels of x. [fig. 5, right]"""

    @checked
    def __init__(self, lstm: nn.Module, hidden_channels: Count, n_channels: Count, n_colors: Count):
        super().__init__()
        self.lstm = lstm
        self.widen = MaskedConv2d(hidden_channels, n_channels, 1, mask_type="B", n_colors=n_colors)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The input, and what the layer adds to it."""
        return features + self.widen(self.lstm(features))


class RowLSTM(MaskedStack):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any size. The same call as PixelCNN.

    n_colors      sub-pixels of a pixel, predicted in order (R, G, B)
    n_levels      L, the number of values of a sub-pixel
    n_channels    features between the layers; an LSTM has half as many. A multiple of 2 * n_colors
    n_layers      LSTM layers
    kernel_size   k of both convolutions of a layer, odd and at least 3
    first_kernel_size   k of the first layer, the one of type A, odd and at least 3
    """

    @checked
    def __init__(
        self,
        *,
        n_colors: Count = 1,
        n_levels: Several = 2,
        n_channels: Count = 64,
        n_layers: Count = 7,
        kernel_size: Kernel = 3,
        first_kernel_size: Kernel = 7,
    ):
        super().__init__(**{k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def make_layer(self) -> ResidualLSTM:
        """A row LSTM with a residual connection."""
        return _residual(RowLSTMLayer, self.config)


class DiagonalBiLSTM(MaskedStack):
    """levels (B, C, H, W) -> logits (B, L, C, H, W), for any size. The same call as PixelCNN.

    n_colors, n_levels, n_channels, n_layers, first_kernel_size   as in RowLSTM
    kernel_size   pixels of the diagonal before that a state reads, at least 2: the one to the left,
                  the one above, and so on up to the right. The paper has 2, and 2 reach all of the
                  past; with more, rows go on to the right of the image, where the input is 0
    """

    @checked
    def __init__(
        self,
        *,
        n_colors: Count = 1,
        n_levels: Several = 2,
        n_channels: Count = 64,
        n_layers: Count = 7,
        kernel_size: Several = 2,
        first_kernel_size: Kernel = 7,
    ):
        super().__init__(**{k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def make_layer(self) -> ResidualLSTM:
        """A diagonal LSTM of two directions with a residual connection."""
        return _residual(DiagonalBiLSTMLayer, self.config)

    @checked
    def logits_from(
        self, features: Float[Tensor, "B {self.n_colors} H W"]
    ) -> Float[Tensor, "B L C H W"]:
        """The network after `embed`, on an image with a column to spare at its right edge."""
        return super().logits_from(F.pad(features, (0, 1)))[..., :-1]


def _residual(layer: type[nn.Module], config: dict) -> ResidualLSTM:
    n_channels, n_colors = config["n_channels"], config["n_colors"]
    hidden = half_of(n_channels, n_colors)
    lstm = layer(n_channels, hidden, config["kernel_size"], n_colors=n_colors)
    return ResidualLSTM(lstm, hidden, n_channels, n_colors)
