"""Causal self-attention, written out, and the layer of a transformer that is built from it.

    attention(x) = softmax(Q K^T / sqrt(d) + mask) V      mask: -infinity for what comes later

x (B, N, C) are N slots of C numbers. Q, K and V are linear maps of x, cut into heads of d = C/heads
numbers; row i of the mask lets slot i read slots 0 .. i. The N x N weights of every head sum to 1
along each row. A layer is x + attention(norm(x)), then x + MLP(norm(x)).

Keys and values of a slot depend on its past alone, so a sampler can keep them: given `Kept`, a
layer takes the newest slot and reads the older ones from there, with the same result.

Memory: the scores are B x heads x N^2 numbers.

References: Vaswani et al. 2017, Attention Is All You Need, sec. 3.2. The norm stands before each
part and not after it, as in GPT-2 (Radford et al. 2019, sec. 2.3).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Kept:
    """Keys and values (B, heads, slots, d) of all slots so far, for one layer."""

    def __init__(self):
        self.pair = None

    def push(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the next slots join; returns those of all."""
        new = (keys, values)
        if self.pair is not None:
            new = tuple(torch.cat(each, dim=2) for each in zip(self.pair, new, strict=True))
        self.pair = new
        return new


class CausalAttention(nn.Module):
    """x (B, N, C) -> (B, N, C): each slot reads itself and those before it, with every head."""

    def __init__(self, n_channels: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.queries_keys_values = nn.Linear(n_channels, 3 * n_channels)
        self.output = nn.Linear(n_channels, n_channels)

    def forward(self, x: Tensor, kept: Kept | None = None) -> Float[Tensor, "B N C"]:
        """With `kept`, x holds the newest slots alone, and the older ones are read from there."""
        three = self.queries_keys_values(x).chunk(3, dim=-1)
        queries, keys, values = (t.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for t in three)
        if kept is not None:
            keys, values = kept.push(keys, values)
        new, all_ = queries.shape[2], keys.shape[2]
        scores = queries @ keys.mT / queries.shape[-1] ** 0.5
        past = torch.ones(new, all_, dtype=torch.bool, device=x.device).tril(all_ - new)
        weights = scores.masked_fill(~past, -torch.inf).softmax(dim=-1)
        return self.output((weights @ values).transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """One layer: attention between slots, then an MLP in each slot, both added to what came in."""

    def __init__(self, n_channels: int, n_heads: int):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(n_channels), CausalAttention(n_channels, n_heads)
        wide = 4 * n_channels
        self.mlp = nn.Sequential(
            nn.LayerNorm(n_channels),
            nn.Linear(n_channels, wide),
            nn.GELU(),
            nn.Linear(wide, n_channels),
        )

    def forward(self, x: Tensor, kept: Kept | None = None) -> Float[Tensor, "B N C"]:
        """The slots, one layer on."""
        x = x + self.attention(self.norm(x), kept)
        return x + self.mlp(x)
