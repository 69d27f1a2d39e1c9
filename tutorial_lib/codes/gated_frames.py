"""GatedFrames: a causal prior over space and time, one gated PixelCNN a frame.

    p(z) = prod_t p(z_t | z_(t-m), ..., z_(t-1))
    p(z_t | ...) = prod_i p(z_(t,i) | z_(t,1), ..., z_(t,i-1), s_t)        [Gated PixelCNN, eq. 5]

A volume of codes (B, T, h, w) is taken frame after frame, each in raster order. The spatial
context s_t of frame t is a small convolution over the m frames before it, all of which is past;
before the first frame are zeros. What stays hidden for longer than m frames is forgotten.

Reference: van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, sec. 2.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from tutorial_lib.contracts import Count, Kernel, checked, symbols
from tutorial_lib.pixels.config import built_from
from tutorial_lib.pixels.full_precision import exact_float32
from tutorial_lib.pixels.gated import SYMBOL_DIM, GatedPixelCNN
from tutorial_lib.pixels.gated_row import GatedRowConfig
from tutorial_lib.sampling.ancestral import sample


class PastFrames(nn.Module):
    """What the `n_past` frames before each frame say: (B, T, h, w) -> (B, T, n_channels, h, w)."""

    def __init__(self, n_symbols: int, n_channels: int, kernel_size: int, n_past: int):
        super().__init__()
        self.n_past = n_past
        self.symbols = nn.Embedding(n_symbols, SYMBOL_DIM)
        inputs = [n_past * SYMBOL_DIM, n_channels, n_channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(c, n_channels, kernel_size, padding=kernel_size // 2) for c in inputs
        )

    def forward(self, indices: Int[Tensor, "B T h w"]) -> Float[Tensor, "B T C h w"]:
        """Frame t of the result reads frames t - n_past .. t - 1 of the indices, never frame t."""
        n_frames = indices.shape[1]
        vectors = self.symbols(indices).movedim(-1, 2)
        vectors = F.pad(vectors, (0, 0) * 3 + (self.n_past, 0))
        # As channels of one image: a convolution in time whose kernel is all that it may read.
        earlier = [vectors[:, i : i + n_frames] for i in range(self.n_past)]
        h = torch.cat(earlier, dim=2).flatten(0, 1)
        for convolution in self.convolutions:
            h = F.relu(convolution(h))
        return h.unflatten(0, (-1, n_frames))


@dataclass(frozen=True, kw_only=True)
class GatedFramesConfig(GatedRowConfig):
    """Settings of GatedFrames: those of a sequence, and how far back in time a frame reads."""

    kernel_size: Kernel = 3
    n_past_frames: Count = 2  # m


class GatedFrames(nn.Module):
    """indices (B, T, h, w) -> logits (B, K, T, h, w), for any length, height and width.

    With coordinates each layer gets the row and column of a code, and how late its frame is.
    """

    @built_from(GatedFramesConfig)
    def __init__(self, config: GatedFramesConfig):
        super().__init__()
        settings = asdict(config)
        n_past, n_channels = settings.pop("n_past_frames"), config.n_channels
        self.coordinates = config.coordinates
        context_channels = n_channels + config.coordinates
        self.frame = GatedPixelCNN(ordered=False, context_channels=context_channels, **settings)
        self.past = PastFrames(config.n_levels, n_channels, config.kernel_size, n_past)

    @checked
    def forward(
        self, indices: Int[Tensor, "B T h w"], *, label: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B K T h w"]:
        """Logits of every code given all those before it, in one pass over all frames."""
        n_frames = indices.shape[1]
        context = self.context(indices, self._times(n_frames))
        labels = None if label is None else label.repeat_interleave(n_frames)
        frames = indices.flatten(0, 1).unsqueeze(1)
        logits = self.frame(frames, label=labels, context=context.flatten(0, 1))
        return logits.squeeze(2).unflatten(0, (-1, n_frames)).transpose(1, 2)

    @checked
    def context(
        self, indices: Int[Tensor, "B T h w"], times: Float[Tensor, "T"]
    ) -> Float[Tensor, "B T C h w"]:
        """The spatial context of every frame: what came before, and how late in the clip it is."""
        past = self.past(symbols("indices", indices, self.frame.n_levels))
        if not self.coordinates:
            return past
        late = times.to(past)[None, :, None, None, None].expand(len(past), -1, 1, *past.shape[3:])
        return torch.cat([past, late], dim=2)

    def _times(self, n_frames: int) -> Float[Tensor, "T"]:
        weight = self.past.symbols.weight
        return torch.linspace(-1, 1, n_frames, device=weight.device, dtype=weight.dtype)

    @checked
    @torch.no_grad()
    def sample(
        self,
        shape: tuple[Count, Count, Count, Count],
        *,
        label: Tensor | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        progress: bool = False,
    ) -> Int[Tensor, "B T h w"]:
        """Draw volumes (B, T, h, w), each frame with the cached sampler of images."""
        batch, n_frames, *size = shape
        device = self.past.symbols.weight.device
        times = self._times(n_frames)
        volume = torch.zeros(shape, dtype=torch.long, device=device)
        for t in tqdm(range(n_frames), desc="sampling", unit="frame", disable=not progress):
            recent = slice(max(0, t - self.past.n_past), t + 1)
            with exact_float32(device):
                context = self.context(volume[:, recent], times[recent])[:, -1]
            options = {"label": label, "temperature": temperature, "generator": generator}
            frame = sample(self.frame, (batch, 1, *size), context=context, **options)
            volume[:, t] = frame[:, 0]
        return volume
