"""LSTM layers that carry the past across the image, row by row or along diagonals.

A convolution reads a fixed distance; a recurrence hands on what it has read, as far as the image
goes. One line of pixels is updated at a time, all at once:

    [o, f, i, g] = K_ss * h  +  K_is * x           h, c: the state after the line before
    c <- sigmoid(f) . c + sigmoid(i) . tanh(g)     h <- sigmoid(o) . tanh(c)              [eq. 3]

- `RowLSTMLayer`: a line is a row, K_ss is 1 x k on the row above. It sees a triangle of the past.
- `DiagonalBiLSTMLayer`: a line is a diagonal. The image is *skewed*, row i moved right by i, and a
  diagonal becomes a column; K_ss reads the pixel above and the pixel to the left. A second
  direction runs from right to left, one row higher. Together they read all of the past in a single
  layer, the last pixel of the row above excepted.

The input-to-state part K_is * x is one masked convolution of the image. Where the code deviates:

- K_is is applied before skewing, its bias too, so the cells left of the skewed image keep state 0.
- K_ss * h is a matrix product of the state and its shifted copies, which is faster on short lines.
- The forget gate starts with bias 1, so that an untrained layer lets the past through; the paper
  does not say what it does.

Reference: van den Oord et al. 2016, Pixel Recurrent Neural Networks, sec. 3.1 and 3.2, figs. 3, 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import Count, Kernel, Odd, Several, checked
from tutorial_lib.pixels.masks import MaskedConv2d, color_causal_mask


@checked
def skew(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H skewed"]:
    """Row i moved right by i, zeros elsewhere: W + H - 1 columns, each one a diagonal.

    >>> skew(torch.tensor([[[[1.0, 2, 3], [4, 5, 6]]]]))[0, 0].tolist()
    [[1.0, 2.0, 3.0, 0.0], [0.0, 4.0, 5.0, 6.0]]
    """
    height, width = features.shape[-2:]
    # Rows of W + H pixels, read again as rows of one pixel fewer: each begins one place later.
    # Channels stand last meanwhile, as they do in memory: going back through this is far quicker.
    pixels = F.pad(features.permute(0, 2, 3, 1), (0, 0, 0, height)).flatten(1, 2)
    skewed = pixels[:, :-height].unflatten(1, (height, width + height - 1))
    return skewed.permute(0, 3, 1, 2)


@checked
def unskew(skewed: Float[Tensor, "B C H skewed"]) -> Float[Tensor, "B C H W"]:
    """The inverse of `skew`; what lies beside the image is dropped.

    >>> unskew(torch.tensor([[[[1.0, 2, 3, 0], [0, 4, 5, 6]]]]))[0, 0].tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """
    height, columns = skewed.shape[-2:]
    if columns < height:
        raise ValueError(f"skewed of {height} rows has at least {height} columns, got {columns}")
    pixels = F.pad(skewed.flatten(2), (0, height))
    return pixels.unflatten(2, (height, columns + 1))[..., : columns - height + 1]


def run_lstm(
    inputs: Float[Tensor, "lines D fourC N B"],
    kernels: Float[Tensor, "D fourC C taps"],
    *,
    taps_before: int,
) -> Float[Tensor, "lines D C N B"]:
    """Hidden states of D independent LSTMs that step from line to line, N pixels at once. [eq. 3]

    `inputs` are K_is * x, the gates o, f, i, g in blocks of channels; `kernels` K_ss, of which
    `taps_before` taps lie before the pixel itself on the previous line.
    """
    n_lstms, _, n_channels, n_taps = kernels.shape
    *_, length, batch = inputs.shape
    weight = kernels.transpose(2, 3).flatten(2)  # taps first, as the shifted copies are laid out
    hidden = memory = inputs.new_zeros(n_lstms, n_channels, length * batch)
    padding = (taps_before * batch, (n_taps - 1 - taps_before) * batch)
    states = []
    for line in inputs.flatten(3).unbind():
        wide = F.pad(hidden, padding)
        shifted = [wide[..., t * batch : (t + length) * batch] for t in range(n_taps)]
        gates = torch.baddbmm(line, weight, torch.cat(shifted, dim=1))
        output, forget, write, value = gates.chunk(4, dim=1)
        memory = torch.sigmoid(forget) * memory + torch.sigmoid(write) * torch.tanh(value)
        hidden = torch.sigmoid(output) * torch.tanh(memory)
        states.append(hidden)
    return torch.stack(states).unflatten(3, (length, batch))


class InputToState(MaskedConv2d):
    """K_is: a 1 x k convolution of type B to the gates o, f, i, g, each of them grouped by colour.

    `masked=False` reads every colour of the centre: for the direction that is shifted down (k = 1).
    """

    @checked
    def __init__(
        self,
        in_channels: Count,
        n_channels: Count,
        kernel_size: Odd = 1,
        *,
        n_colors: Count = 1,
        masked: bool = True,
    ):
        sides = (1, kernel_size)
        super().__init__(in_channels, 4 * n_channels, sides, mask_type="B", n_colors=n_colors)
        options = {"n_colors": n_colors, "include_center": True}
        of_a_gate = color_causal_mask(n_channels, in_channels, sides, **options)
        self.mask = of_a_gate.repeat(4, 1, 1, 1) if masked else torch.ones_like(self.mask)
        with torch.no_grad():
            self.bias[n_channels : 2 * n_channels] = 1  # forget little before anything is learnt


class LSTMLayer(nn.Module):
    """K_is as `input`, and as `state` the weights (4C, C, taps) of K_ss; K_is has the bias.

    All layers: (B, in_channels, H, W) -> (B, n_channels, H, W), the hidden states of all pixels.
    """

    def __init__(self, input_to_state: InputToState, n_channels: int, n_taps: int):
        super().__init__()
        self.input = input_to_state
        self.state = nn.Conv1d(n_channels, 4 * n_channels, n_taps, bias=False)


class RowLSTMLayer(LSTMLayer):
    """From the top row to the bottom: k//2 inputs to the left, k states of the row above. [3.1]"""

    @checked
    def __init__(
        self, in_channels: Count, n_channels: Count, kernel_size: Kernel = 3, *, n_colors: Count = 1
    ):
        kernel = InputToState(in_channels, n_channels, kernel_size, n_colors=n_colors)
        super().__init__(kernel, n_channels, kernel_size)

    def forward(self, features: Float[Tensor, "B in H W"]) -> Float[Tensor, "B C H W"]:
        """Hidden states of all rows."""
        rows = self.input(features).permute(2, 1, 3, 0)
        reach = self.state.kernel_size[0] // 2
        states = run_lstm(rows[:, None], self.state.weight[None], taps_before=reach)
        return states[:, 0].permute(3, 1, 0, 2)


class DiagonalLSTMLayer(LSTMLayer):
    """Diagonal by diagonal from the left: pixel (i, j) reads states (i, j-1) and (i-1, j). [3.2]"""

    @checked
    def __init__(
        self,
        in_channels: Count,
        n_channels: Count,
        kernel_size: Several = 2,
        *,
        n_colors: Count = 1,
        masked: bool = True,
    ):
        kernel = InputToState(in_channels, n_channels, n_colors=n_colors, masked=masked)
        super().__init__(kernel, n_channels, kernel_size)

    def forward(self, features: Float[Tensor, "B in H W"]) -> Float[Tensor, "B C H W"]:
        """Hidden states of all pixels."""
        return run_diagonally([self], [features])[0]


def run_diagonally(layers: list[DiagonalLSTMLayer], images: list[Tensor]) -> list[Tensor]:
    """The hidden states of each layer on its own image; together, since one loop is faster."""
    inputs = [skew(layer.input(x)) for layer, x in zip(layers, images, strict=True)]
    columns = torch.stack([x.permute(3, 1, 2, 0) for x in inputs], dim=1)
    kernels = torch.stack([layer.state.weight for layer in layers])
    states = run_lstm(columns, kernels, taps_before=kernels.shape[-1] - 1)
    return [unskew(x.permute(3, 1, 2, 0)) for x in states.unbind(1)]


class DiagonalBiLSTMLayer(nn.Module):
    """Both directions added: (B, in, H, W) -> (B, n_channels, H, W). [sec. 3.2]

    From the left: all that is above and to the left, the pixel itself as mask B allows. From the
    right: the same on the mirrored image, moved down by one row.
    """

    @checked
    def __init__(
        self,
        in_channels: Count,
        n_channels: Count,
        kernel_size: Several = 2,
        *,
        n_colors: Count = 1,
    ):
        super().__init__()
        sizes = (in_channels, n_channels, kernel_size)
        self.from_left = DiagonalLSTMLayer(*sizes, n_colors=n_colors)
        self.from_right = DiagonalLSTMLayer(*sizes, n_colors=n_colors, masked=False)

    def forward(self, features: Float[Tensor, "B in H W"]) -> Float[Tensor, "B C H W"]:
        """Hidden states of the two directions, added up."""
        layers, images = [self.from_left, self.from_right], [features, features.flip(-1)]
        left, right = run_diagonally(layers, images)
        # In its own row the mirrored direction has read what lies to the right: the future.
        return left + F.pad(right.flip(-1), (0, 0, 1, -1))
