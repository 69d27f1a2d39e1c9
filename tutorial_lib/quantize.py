"""The codebook: nearest code, straight-through gradient, and two ways to move the codes.

    k(x) = argmin_j ||z_e(x) - e_j||      z_q(x) = e_k                          [VQ-VAE, eqs. 1, 2]
    L = -log p(x|z_q) + ||sg[z_e] - e||^2 + beta ||z_e - sg[e]||^2              [eq. 3]

A field of vectors (B, D, *positions) becomes a field of indices (B, *positions): one code for each
position, so N positions can say K^N things. The squared norms are summed over D and averaged over
all positions of the batch, as the paper's "average over N terms"; so the codebook term gives a code
e the gradient 2(e - z)/n for each of its z among n vectors.

`update="ema"` replaces the codebook term by online k-means [appendix A.1, eqs. 6 to 8]:

    N_k <- g N_k + (1 - g) n_k      m_k <- g m_k + (1 - g) sum of its z      e_k = m_k / N_k

Counts start at 1 and sums at the code itself, so both shrink together and a code that nobody uses
stays where it is. Distances and averages are float32 even under half-precision autocast.

References: van den Oord et al. 2017, Neural Discrete Representation Learning, sec. 3, app. A.1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.validation import (
    require_bool,
    require_choice,
    require_float,
    require_int,
    require_positive,
    require_same_shape,
    require_symbols,
    require_tensor,
)

CHUNK_ELEMENTS = 2**22  # of the (vectors x codes) distance table held at once
DEAD_BELOW = 0.02  # a code used less than this share of its fair share is dead


class Quantized(NamedTuple):
    """What a quantizer returns; the losses are unweighted, so that beta stays visible."""

    z_q: Tensor  # (B, D, *positions), straight-through to z_e
    indices: Tensor  # (B, *positions) long, 0 .. K-1
    codebook_loss: Tensor  # ||sg[z_e] - e||^2, 0 under EMA
    commitment_loss: Tensor  # ||z_e - sg[e]||^2
    perplexity: Tensor  # of this batch, 1 .. K; not to be averaged over batches


def nearest_code(
    z_e: Float[Tensor, "B D *positions"], codebook: Float[Tensor, "K D"]
) -> Int[Tensor, "B *positions"]:
    """Index of the nearest code at each position; the lower index where two are equally near.

    ||z - e||^2 = ||z||^2 - 2 z.e + ||e||^2, and ||z||^2 is the same for all codes, so it is left
    out. Never holds an N x K x D table, and the N x K one only in pieces. A NaN has no nearest code
    and gets any; in training it shows in the losses.
    """
    require_float("codebook", codebook)
    require_float("z_e", require_tensor("z_e", z_e, like=codebook))
    if codebook.ndim != 2 or len(codebook) < 1:
        raise ValueError(f"codebook must have shape (K, D), got {tuple(codebook.shape)}")
    if z_e.ndim < 2 or z_e.shape[1] != codebook.shape[1]:
        raise ValueError(
            f"z_e must have shape (B, {codebook.shape[1]}, ...) to match the codebook "
            f"{tuple(codebook.shape)}, got {tuple(z_e.shape)}"
        )
    precision = torch.promote_types(torch.promote_types(z_e.dtype, codebook.dtype), torch.float32)
    with torch.no_grad(), torch.autocast(z_e.device.type, enabled=False):
        nearest = _nearest_rows(vectors_of(z_e).to(precision), codebook.to(precision))
    return nearest.view(len(z_e), *z_e.shape[2:])


def _nearest_rows(vectors: Float[Tensor, "N D"], codes: Float[Tensor, "K D"]) -> Int[Tensor, "N"]:
    """The argmin over codes of ||e||^2 / 2 - z.e, in one small table that is filled many times.

    A new table for each piece would leave holes behind that add up to the whole N x K one.
    """
    half_norms = codes.square().sum(dim=1) / 2
    step = max(1, CHUNK_ELEMENTS // len(codes))
    table = vectors.new_empty(min(step, len(vectors)), len(codes))
    nearest = torch.empty(len(vectors), dtype=torch.long, device=vectors.device)
    for piece, found in zip(vectors.split(step), nearest.split(step), strict=True):
        rows = table[: len(piece)]
        torch.addmm(half_norms, piece, codes.T, alpha=-1, out=rows)
        torch.argmin(rows, dim=1, out=found)
    return nearest


def vectors_of(field: Float[Tensor, "B D *positions"]) -> Float[Tensor, "N D"]:
    """A field of vectors as a list of them, D last, in the order of `indices.flatten()`."""
    if require_float("field", field).ndim < 2:
        raise ValueError(f"field must have shape (B, D, ...), got {tuple(field.shape)}")
    return field.movedim(1, -1).flatten(0, -2)


def straight_through(
    z_e: Float[Tensor, "B D *positions"], z_q: Float[Tensor, "B D *positions"]
) -> Float[Tensor, "B D *positions"]:
    """The value of z_q to the last bit, the gradient of z_e: d out / d z_e = identity. [sec. 3.2]

    Written as z_q + (z_e - z_e) rather than z_e + (z_q - z_e), which rounds.
    """
    require_float("z_e", z_e)
    require_float("z_q", z_q, like=z_e)
    require_same_shape("z_e", z_e, "z_q", z_q)
    return z_q.detach() + (z_e - z_e.detach())


def code_counts(indices: Int[Tensor, "*positions"], n_codes: int) -> Float[Tensor, "K"]:
    """How often each code occurs; add counts up over batches before taking the perplexity."""
    require_symbols("indices", indices, require_int("n_codes", n_codes, at_least=1))
    return torch.bincount(indices.flatten(), minlength=n_codes).float()


def perplexity(counts: Float[Tensor, "K"]) -> Tensor:
    """exp(entropy) of the usage: K if all codes are used alike, 1 if only one is used."""
    require_float("counts", counts)
    if counts.ndim != 1 or not (counts >= 0).all() or not 0 < counts.sum() < torch.inf:
        raise ValueError(
            f"counts must be (K,), none negative, some positive; got {counts} of shape "
            f"{tuple(counts.shape)}"
        )
    share = counts / counts.sum()
    return torch.exp(-torch.xlogy(share, share).sum())


class VectorQuantizer(nn.Module):
    """z_e (B, D, *positions) -> Quantized, for fields of 1, 2, 3 or any number of dimensions.

    n_codes K, code_dim D     the codebook is (K, D), one code a row
    update                    "gradient": codes follow the codebook loss; "ema": online k-means
    commitment_weight         beta, for whoever adds the losses up: it is not applied here
    decay                     g, of the averages
    restart_dead_codes        True: the codes start on random z_e of the first batch, and a code
                              that is hardly used any more moves onto one of the present batch
    """

    def __init__(
        self,
        n_codes: int,
        code_dim: int,
        *,
        update: str = "gradient",
        commitment_weight: float = 0.25,
        restart_dead_codes: bool = False,
        decay: float = 0.99,
    ):
        super().__init__()
        self.n_codes = require_int("n_codes", n_codes, at_least=1)
        self.code_dim = require_int("code_dim", code_dim, at_least=1)
        self.update = require_choice("update", update, ("gradient", "ema"))
        self.commitment_weight = require_positive("commitment_weight", commitment_weight)
        self.decay = require_positive("decay", decay)
        if self.decay >= 1:
            raise ValueError(f"decay must be below 1, got {decay}")
        self.restart_dead_codes = require_bool("restart_dead_codes", restart_dead_codes)
        codes = torch.randn(n_codes, code_dim) / code_dim**0.5
        if update == "ema":
            self.register_buffer("codebook", codes)
            self.register_buffer("sums", codes.clone())
        else:
            self.codebook = nn.Parameter(codes)
        self.register_buffer("counts", torch.ones(n_codes))

    def forward(self, z_e: Float[Tensor, "B D *positions"]) -> Quantized:
        """Quantise; in train mode also move the averages, *after* the codes have been looked up.

        A NaN in z_e gives NaN losses: training looks at them.
        """
        self._check(z_e)
        if self.training and self.restart_dead_codes and (self.counts == 1).all():
            self._start_on(vectors_of(z_e.detach()))
        indices = nearest_code(z_e, self.codebook)
        e = self.lookup(indices)
        z = z_e.to(e.dtype)
        commitment_loss = (z - e.detach()).square().sum(dim=1).mean()
        codebook_loss = (z.detach() - e).square().sum(dim=1).mean()
        if self.update == "ema":
            codebook_loss = torch.zeros_like(codebook_loss)
        usage = perplexity(code_counts(indices, self.n_codes))
        z_q = straight_through(z, e)
        if self.training:
            self._move_codes(vectors_of(z.detach()), indices.flatten())
        return Quantized(z_q, indices, codebook_loss, commitment_loss, usage)

    def lookup(self, indices: Int[Tensor, "B *positions"]) -> Float[Tensor, "B D *positions"]:
        """The code vectors of a field of indices. [eq. 2]"""
        require_symbols("indices", indices, self.n_codes, like=self.codebook)
        if not indices.ndim:
            raise ValueError(f"indices must have shape (B, ...), got {tuple(indices.shape)}")
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    def _check(self, z_e: Tensor) -> None:
        require_float("z_e", require_tensor("z_e", z_e, like=self.codebook))
        if z_e.ndim < 2 or z_e.shape[1] != self.code_dim or not z_e.numel():
            raise ValueError(
                f"z_e must have shape (B, {self.code_dim}, ...) and hold a vector at least, got "
                f"{tuple(z_e.shape)}"
            )

    @torch.no_grad()
    def _start_on(self, vectors: Float[Tensor, "N D"]) -> None:
        """Put the codes where the encoder's vectors are, before the first step has moved a count.

        From codes far away the commitment term would first drag all vectors together, and an
        encoder whose vectors are all alike has nothing left to say: the run can stay there.
        """
        self.codebook.copy_(self._drawn_from(vectors.to(self.codebook)))
        if self.update == "ema":
            self.sums.copy_(self.codebook)

    def _drawn_from(self, vectors: Float[Tensor, "N D"]) -> Float[Tensor, "K D"]:
        """K random vectors of the batch, the same for all processes.

        The numbers drawn count through the shares of all processes, in the order of their ranks:
        so the vectors are those that one process with the whole batch would have drawn.
        """
        together = dist.is_available() and dist.is_initialized()
        world, rank = (dist.get_world_size(), dist.get_rank()) if together else (1, 0)
        numbers = torch.randint(world * len(vectors), (self.n_codes,), device=vectors.device)
        if not together:
            return vectors[numbers]
        dist.broadcast(numbers, src=0)
        owner, place = numbers // len(vectors), numbers % len(vectors)
        chosen = torch.where((owner == rank)[:, None], vectors[place], 0)
        dist.all_reduce(chosen)
        return chosen

    @torch.no_grad()
    def _move_codes(self, vectors: Float[Tensor, "N D"], indices: Int[Tensor, "N"]) -> None:
        """One step of the averages (eqs. 6 to 8) over the batches of all processes."""
        counts = code_counts(indices, self.n_codes).to(self.counts)
        sums = torch.zeros_like(self.codebook).index_add_(0, indices, vectors)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        self.counts.lerp_(counts, 1 - self.decay)
        if self.update == "ema":
            self.sums.lerp_(sums, 1 - self.decay)
            moved = self.sums / self.counts[:, None]
            # After thousands of idle steps both underflow: then the code stays where it was.
            alive = self.counts[:, None] > torch.finfo(torch.float32).tiny * 1e6
            self.codebook.copy_(torch.where(alive, moved, self.codebook))
        if self.restart_dead_codes:
            self._restart(vectors)

    def _restart(self, vectors: Float[Tensor, "N D"]) -> None:
        """Dead codes move onto random vectors, and their averages start again from there."""
        dead = self.counts < DEAD_BELOW * self.counts.sum() / self.n_codes
        chosen = self._drawn_from(vectors)
        self.codebook.copy_(torch.where(dead[:, None], chosen, self.codebook))
        fair = (self.counts.sum() / self.n_codes).expand_as(self.counts)
        self.counts.copy_(torch.where(dead, fair, self.counts))
        if self.update == "ema":
            self.sums.copy_(torch.where(dead[:, None], chosen * fair[:, None], self.sums))

    def extra_repr(self) -> str:
        """K, D and how the codes move."""
        return f"n_codes={self.n_codes}, code_dim={self.code_dim}, update={self.update!r}"
