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

The codes themselves are the state: m_k is taken as N_k e_k before every step, so codes that were
set by hand, at any time, are those that move on. A batch with a number that is not finite moves
nothing; it shows in the losses.

References: van den Oord et al. 2017, Neural Discrete Representation Learning, sec. 3, app. A.1.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import torch
import torch.distributed as dist
from jaxtyping import Float, Inexact, Int
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import (
    Count,
    Positive,
    below,
    checked,
    filled,
    finite,
    symbols,
)
from tutorial_lib.contracts.validation import require_float, require_shape
from tutorial_lib.pixels.full_precision import exact_float32

CHUNK_ELEMENTS = 2**22  # of the (vectors x codes) distance table held at once
DEAD_BELOW = 0.02  # a code used less than this share of its fair share is dead


class Quantized(NamedTuple):
    """What a quantizer returns; the losses are unweighted, so that beta stays visible."""

    z_q: Tensor  # (B, D, *positions), straight-through to z_e
    indices: Tensor  # (B, *positions) long, 0 .. K-1
    codebook_loss: Tensor  # ||sg[z_e] - e||^2, 0 under EMA
    commitment_loss: Tensor  # ||z_e - sg[e]||^2
    perplexity: Tensor  # of this batch, 1 .. K; not to be averaged over batches


@checked
def nearest_code(
    z_e: Inexact[Tensor, "B D *positions"], codebook: Float[Tensor, "K D"]
) -> Int[Tensor, "B *positions"]:
    """Index of the nearest code at each position; the lower index where two are equally near.

    ||z - e||^2 = ||z||^2 - 2 z.e + ||e||^2, and ||z||^2 is the same for all codes, so it is left
    out. Never holds an N x K x D table, and the N x K one only in pieces.

    ValueError for NaN or infinity, which has no nearest code. (To see it makes a GPU wait, so a
    compiled graph does not look, nor does the quantizer in train mode: there any code is taken,
    and the losses are not finite.)
    """
    finite("codebook", filled("codebook", codebook))
    return _nearest(finite("z_e", z_e), codebook)


def _nearest(z_e: Tensor, codebook: Tensor) -> Int[Tensor, "B *positions"]:
    """`nearest_code` without a look at the numbers."""
    precision = torch.promote_types(torch.promote_types(z_e.dtype, codebook.dtype), torch.float32)
    with torch.no_grad(), exact_float32(z_e.device):
        nearest = _nearest_rows(vectors_of(z_e).to(precision), codebook.to(precision))
    return nearest.view(z_e.shape[:1] + z_e.shape[2:])


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
    return field.movedim(1, -1).flatten(0, -2)


@checked
def straight_through(
    z_e: Float[Tensor, "B D *positions"], z_q: Float[Tensor, "B D *positions"]
) -> Float[Tensor, "B D *positions"]:
    """The value of z_q to the last bit, the gradient of z_e: d out / d z_e = identity. [sec. 3.2]

    Written as z_q + (z_e - z_e) rather than z_e + (z_q - z_e), which rounds.
    """
    return z_q.detach() + (z_e - z_e.detach())


@checked
def code_counts(indices: Int[Tensor, "*positions"], n_codes: Count) -> Float[Tensor, "K"]:
    """How often each code occurs; add counts up over batches before taking the perplexity.

    >>> code_counts(torch.tensor([[0, 2], [2, 2]]), n_codes=4)
    tensor([1., 0., 3., 0.])
    """
    symbols("indices", indices, n_codes)
    return torch.bincount(indices.flatten(), minlength=n_codes).float()


@checked
def perplexity(counts: Float[Tensor, "K"]) -> Float[Tensor, ""]:
    """exp(entropy) of the usage: K if all codes are used alike, 1 if only one is used.

    >>> perplexity(torch.tensor([5.0, 5.0, 0.0]))
    tensor(2.)
    """
    if not (counts >= 0).all() or not 0 < counts.sum() < torch.inf:
        raise ValueError(f"counts must be finite, none negative, some positive; got {counts}")
    return _perplexity(counts)


def _perplexity(counts: Float[Tensor, "K"]) -> Tensor:
    """`perplexity` without a look at the counts; of none at all, 1."""
    share = counts / counts.sum().clamp(min=1e-30)
    return torch.exp(-torch.xlogy(share, share).sum())


def _mean(values: Tensor) -> Tensor:
    """The mean; of no values 0, where torch's is NaN."""
    return values.sum() / max(1, values.numel())


class VectorQuantizer(nn.Module):
    """z_e (B, D, *positions) -> Quantized, for fields of 1, 2, 3 or any number of dimensions.

    n_codes K, code_dim D     the codebook is (K, D), one code a row
    update                    "gradient": codes follow the codebook loss; "ema": online k-means
    commitment_weight         beta, for whoever adds the losses up: it is not applied here
    decay                     g, of the averages
    restart_dead_codes        True: the codes start on random z_e of the first batch, unless they
                              were set before, and a code that is hardly used any more moves onto
                              one of the present batch

    `set_codebook` gives it codes of your own; so does every usual way to write into `codebook`.
    """

    @checked
    def __init__(
        self,
        n_codes: Count,
        code_dim: Count,
        *,
        update: Literal["gradient", "ema"] = "gradient",
        commitment_weight: Positive = 0.25,
        restart_dead_codes: bool = False,
        decay: Annotated[Positive, below(1)] = 0.99,
    ):
        super().__init__()
        self.n_codes, self.code_dim, self.update = n_codes, code_dim, update
        self.commitment_weight, self.decay = commitment_weight, decay
        self.restart_dead_codes = restart_dead_codes
        codes = torch.randn(n_codes, code_dim) / code_dim**0.5
        if update == "ema":
            self.register_buffer("codebook", codes)
            self.register_buffer("sums", codes.clone())
        else:
            self.codebook = nn.Parameter(codes)
        self.register_buffer("counts", torch.ones(n_codes))
        self.register_buffer("started", torch.tensor(False))  # on a batch, or on codes set by hand
        # The first number of each code as it was drawn: codes that were set by hand have others.
        self.register_buffer("drawn", codes[:, 0].clone(), persistent=False)

    @torch.no_grad()
    def set_codebook(self, codes: Float[Tensor, "K D"]) -> None:
        """Take a copy of these codes, and start the averages from them; no batch replaces them."""
        require_shape("codes", require_float("codes", codes), (self.n_codes, self.code_dim))
        self.codebook.copy_(finite("codes", codes))
        if self.update == "ema":
            self.sums.copy_(self.codebook)
        self.counts.fill_(1)
        self.started.fill_(True)

    def __setattr__(self, name: str, value: object) -> None:
        """`quantizer.codebook = codes` takes a copy of the codes, whichever way they move."""
        if name == "codebook" and type(value) is Tensor:
            if name in self._parameters:
                return self.set_codebook(value)
            if name in self._buffers:
                require_shape("codebook", value, (self.n_codes, self.code_dim))
                value = value.detach().clone()
        super().__setattr__(name, value)

    @checked
    def forward(self, z_e: Float[Tensor, "B {self.code_dim} *positions"]) -> Quantized:
        """Quantise; in train mode also move the averages, *after* the codes have been looked up.

        In train mode NaN or infinity in z_e gives losses that are not finite, and moves no code; in
        eval mode it is refused, as by `nearest_code`. An empty batch has losses of 0.
        """
        z = z_e.to(self.codebook.dtype)
        learns = self.training and z_e.numel() > 0
        chosen = None
        if learns and self.restart_dead_codes:
            chosen = self._drawn_from(vectors_of(z.detach()))
            self._start_on(chosen)
        indices = (_nearest if self.training else nearest_code)(z_e, self.codebook)
        e = F.embedding(indices, self.codebook).movedim(-1, 1)
        commitment_loss = _mean((z - e.detach()).square().sum(dim=1))
        codebook_loss = _mean((z.detach() - e).square().sum(dim=1))
        if self.update == "ema":
            codebook_loss = torch.zeros_like(codebook_loss)
        counts = torch.zeros_like(self.counts)
        counts.index_add_(0, indices.flatten(), counts.new_ones(indices.numel()))
        z_q = straight_through(z, e)
        if learns:  # counts become those of the batches of all processes
            self._move_codes(vectors_of(z.detach()), indices.flatten(), counts, chosen)
        return Quantized(z_q, indices, codebook_loss, commitment_loss, _perplexity(counts))

    @checked
    def lookup(self, indices: Int[Tensor, "B *positions"]) -> Float[Tensor, "B D *positions"]:
        """The code vectors of a field of indices. [eq. 2]"""
        symbols("indices", indices, self.n_codes)
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    @torch.no_grad()
    def _start_on(self, chosen: Float[Tensor, "K D"]) -> None:
        """Put the codes where the encoder's vectors are, if this is the first batch.

        From codes far away the commitment term would first drag all vectors together, and an
        encoder whose vectors are all alike has nothing left to say: the run can stay there.
        """
        start = ~(self.started | self._set_by_hand()) & chosen.isfinite().all()
        self.codebook.copy_(torch.where(start, chosen, self.codebook))

    def _set_by_hand(self) -> Tensor:
        """True if these are not the codes that were drawn; asked before the first step alone."""
        return (self.codebook.detach()[:, 0] != self.drawn).any()

    def _drawn_from(self, vectors: Float[Tensor, "N D"]) -> Float[Tensor, "K D"]:
        """K random vectors of the batch, the same for all processes.

        The numbers drawn count through the shares of all processes, in the order of their ranks:
        so the vectors are those that one process with the whole batch would have drawn.

        One number of the batch that is not finite makes none of them finite, in every process.
        """
        together = dist.is_available() and dist.is_initialized()
        world, rank = (dist.get_world_size(), dist.get_rank()) if together else (1, 0)
        numbers = torch.randint(world * len(vectors), (self.n_codes,), device=vectors.device)
        broken = (0 * vectors).sum()  # 0, or NaN
        if not together:
            return vectors[numbers] + broken
        dist.broadcast(numbers, src=0)
        owner, place = numbers // len(vectors), numbers % len(vectors)
        chosen = torch.where((owner == rank)[:, None], vectors[place], 0) + broken
        dist.all_reduce(chosen)
        return chosen

    @torch.no_grad()
    def _move_codes(
        self,
        vectors: Float[Tensor, "N D"],
        indices: Int[Tensor, "N"],
        counts: Float[Tensor, "K"],
        chosen: Float[Tensor, "K D"] | None,
    ) -> None:
        """One step of the averages (eqs. 6 to 8) over the batches of all processes.

        Where the sums are not finite, all stays as it was. Nothing is read here: on a GPU that
        would be a wait.
        """
        sums = torch.zeros_like(self.codebook).index_add_(0, indices, vectors)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        finite = sums.isfinite().all()
        before = self.counts[:, None] * self.codebook
        self.counts.copy_(
            torch.where(finite, self.counts.lerp(counts, 1 - self.decay), self.counts)
        )
        if self.update == "ema":
            self.sums.copy_(torch.where(finite, before.lerp(sums, 1 - self.decay), self.sums))
            moved = self.sums / self.counts[:, None]
            # After thousands of idle steps both underflow: then the code stays where it was.
            alive = self.counts[:, None] > torch.finfo(torch.float32).tiny * 1e6
            self.codebook.copy_(torch.where(finite & alive, moved, self.codebook))
        if chosen is not None:
            self._restart(chosen, finite)
        self.started.logical_or_(finite)

    def _restart(self, chosen: Float[Tensor, "K D"], finite: Tensor) -> None:
        """Dead codes move onto random vectors, and their averages start again from there."""
        dead = finite & (self.counts < DEAD_BELOW * self.counts.sum() / self.n_codes)
        self.codebook.copy_(torch.where(dead[:, None], chosen, self.codebook))
        fair = (self.counts.sum() / self.n_codes).expand_as(self.counts)
        self.counts.copy_(torch.where(dead, fair, self.counts))
        if self.update == "ema":
            self.sums.copy_(torch.where(dead[:, None], chosen * fair[:, None], self.sums))

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        self.started.logical_or_(self._set_by_hand())  # or it would be lost on the way
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(self, state_dict, prefix, *others):
        """Weights stored before there was a flag were trained: nobody stores others."""
        given = prefix + "codebook" in state_dict
        if given:
            state_dict.setdefault(prefix + "started", torch.tensor(True))
        super()._load_from_state_dict(state_dict, prefix, *others)
        if given:
            self.drawn = self.codebook.detach()[:, 0].clone()

    def extra_repr(self) -> str:
        """K, D and how the codes move."""
        return f"n_codes={self.n_codes}, code_dim={self.code_dim}, update={self.update!r}"
