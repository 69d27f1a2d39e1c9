"""The codebook: nearest code, straight-through gradient, and two ways to move the codes.

    k(x) = argmin_j ||z_e(x) - e_j||      z_q(x) = e_k                          [VQ-VAE, eqs. 1, 2]
    L = -log p(x|z_q) + ||sg[z_e] - e||^2 + beta ||z_e - sg[e]||^2              [eq. 3]

A field of vectors (B, D, *positions) becomes a field of indices (B, *positions): one code for each
position, so N positions can say K^N things.

`update="ema"` replaces the codebook term by online k-means [appendix A.1, eqs. 6 to 8]:

    N_k <- g N_k + (1 - g) n_k      m_k <- g m_k + (1 - g) sum of its z      e_k = m_k / N_k

Counts start at 1 and sums at the code itself, so both shrink together and a code that nobody uses
stays where it is. Distances and averages are float32 even under half-precision autocast.

The codes themselves are the state: m_k is taken as N_k e_k before every step, so codes that were
set by hand, at any time, are those that move on. A batch with a number that is not finite moves
nothing; it shows in the losses.

References: van den Oord et al. 2017, Neural Discrete Representation Learning, sec. 3, app. A.1.
"""

from typing import Annotated, Literal, NamedTuple

import torch
import torch.distributed as dist
from jaxtyping import Float, Inexact, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from tutorial_lib.contracts import (
    Count,
    Positive,
    below,
    checked,
    filled,
    finite,
    held,
    may_be_read,
    symbols,
    values_known_to_be_good,
)
from tutorial_lib.pixels.full_precision import exact_float32

CHUNK_ELEMENTS = 2**22  # of the (vectors x codes) distance table held at once
DEAD_BELOW = 0.02  # a code used less than this share of its fair share is dead
SMALLEST_COUNT = torch.finfo(torch.float32).tiny * 1e6  # m_k / N_k says nothing below it
Decay = Annotated[Positive, below(1)]


class Quantized(NamedTuple):
    """What a quantizer returns; the losses are unweighted, so that beta stays visible."""

    z_q: Tensor  # (B, D, *positions), straight-through to z_e
    indices: Tensor  # (B, *positions) long, 0 .. K-1
    codebook_loss: Tensor  # ||sg[z_e] - e||^2, 0 under EMA
    commitment_loss: Tensor  # ||z_e - sg[e]||^2
    perplexity: Tensor  # of this batch, 1 .. K; not to be averaged over batches


def vectors_of(field: Float[Tensor, "B D *positions"]) -> Float[Tensor, "N D"]:
    """A field of vectors as a list of them, D last, in the order of `indices.flatten()`."""
    return field.movedim(1, -1).flatten(0, -2)


@checked
def nearest_code(
    z_e: Inexact[Tensor, "B D *positions"], codebook: Float[Tensor, "K D"]
) -> Int[Tensor, "B *positions"]:
    """Index of the nearest code at each position; the lower index where two are equally near.

    ValueError for NaN or infinity, which has no nearest code. [eq. 1]

    >>> codebook = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    >>> nearest_code(torch.tensor([[[1.0, 3.0], [1.0, -1.0]]]), codebook)  # (1, 1) and (3, -1)
    tensor([[0, 1]])
    """
    finite("z_e", z_e), finite("codebook", filled("codebook", codebook))
    return _nearest(vectors_of(z_e), codebook).view(z_e.shape[:1] + z_e.shape[2:])


@torch.no_grad()
def _nearest(vectors: Float[Tensor, "N D"], codes: Float[Tensor, "K D"]) -> Int[Tensor, "N"]:
    """The argmin of ||z - e||^2 = ||z||^2 - 2 z.e + ||e||^2, where ||z||^2 is no matter.

    Never holds an N x K x D table, and the N x K one only in pieces.
    """
    precision = torch.promote_types(torch.promote_types(vectors.dtype, codes.dtype), torch.float32)
    vectors, codes = vectors.to(precision), codes.to(precision)
    # One small table that is filled many times: new ones would leave holes behind in memory.
    step = max(1, CHUNK_ELEMENTS // len(codes))
    table = vectors.new_empty(min(step, len(vectors)), len(codes))
    nearest = torch.empty(len(vectors), dtype=torch.long, device=vectors.device)
    with exact_float32(vectors.device):
        half_norms = codes.square().sum(dim=1) / 2
        for piece, found in zip(vectors.split(step), nearest.split(step), strict=True):
            rows = table[: len(piece)]
            torch.addmm(half_norms, piece, codes.T, alpha=-1, out=rows)
            torch.argmin(rows, dim=1, out=found)
    return nearest


@checked
def straight_through(
    z_e: Float[Tensor, "B D *positions"], z_q: Float[Tensor, "B D *positions"]
) -> Float[Tensor, "B D *positions"]:
    """The value of z_q to the last bit, the gradient of z_e: d out / d z_e = 1. [sec. 3.2]"""
    return z_q.detach() + (z_e - z_e.detach())  # z_e + (z_q - z_e) would round


@checked
def vq_losses(
    z_e: Float[Tensor, "B D *positions"], e: Float[Tensor, "B D *positions"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """||sg[z_e] - e||^2, which moves the codes, and ||z_e - sg[e]||^2, which moves the encoder.

    Two terms of eq. 3, without beta: squares summed over D, averaged over all positions of the
    batch. Of no vectors both are 0.

    >>> codebook_loss, commitment_loss = vq_losses(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    >>> codebook_loss
    tensor(25.)
    """
    n = max(1, z_e.numel() // z_e.shape[1])
    return (z_e.detach() - e).square().sum() / n, (z_e - e.detach()).square().sum() / n


@checked
def ema_step(
    counts: Float[Tensor, "K"],
    sums: Float[Tensor, "K D"],
    vectors: Float[Tensor, "N D"],
    indices: Int[Tensor, "N"],
    decay: Decay,
) -> tuple[Float[Tensor, "K"], Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """One step of online k-means: new counts N and sums m, and the codes m / N. [eqs. 6 to 8]

    `indices` are the codes that the vectors of the batch chose; decay is g, what stays of the old.

    >>> counts, sums = torch.tensor([2.0, 1.0]), torch.tensor([[6.0], [7.0]])
    >>> chose_code_0 = torch.tensor([[1.0], [9.0]])
    >>> ema_step(counts, sums, chose_code_0, torch.tensor([0, 0]), decay=0.5)[0]
    tensor([2.0000, 0.5000])
    """
    ones = torch.ones_like(symbols("indices", indices, len(counts)), dtype=counts.dtype)
    batch_counts = torch.zeros_like(counts).index_add(0, indices, ones)
    batch_sums = torch.zeros_like(sums).index_add(0, indices, vectors)
    counts = counts.lerp(batch_counts, 1 - decay)
    sums = sums.lerp(batch_sums, 1 - decay)
    return counts, sums, sums / counts[:, None]


@checked
def restart_dead_codes(
    counts: Float[Tensor, "K"],
    sums: Float[Tensor, "K D"],
    candidates: Float[Tensor, "K D"],
    below: Positive = DEAD_BELOW,
) -> tuple[Float[Tensor, "K"], Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """Dead codes move onto their candidates: new counts and sums, and the codes of both.

    Code k is dead if it counts less than `below` of its fair share. It gets a fair count and sum.

    >>> counts, sums = torch.tensor([11.95, 0.05]), torch.tensor([[23.9], [5.0]])
    >>> restart_dead_codes(counts, sums, torch.tensor([[7.0], [3.0]]))[2].flatten()
    tensor([2., 3.])
    """
    fair = counts.mean()
    dead = counts < below * fair
    codes = torch.where(dead[:, None], candidates, sums / counts[:, None])
    sums = torch.where(dead[:, None], fair * candidates, sums)  # or the next step carries it back
    return torch.where(dead, fair, counts), sums, codes


@checked
def code_counts(indices: Int[Tensor, "*positions"], n_codes: Count) -> Float[Tensor, "K"]:
    """How often each code occurs; add counts up over batches before taking the perplexity.

    >>> code_counts(torch.tensor([[0, 2], [2, 2]]), n_codes=4)
    tensor([1., 0., 3., 0.])
    """
    indices = symbols("indices", indices, n_codes).flatten()
    counts = torch.zeros(n_codes, device=indices.device)
    return counts.index_add_(0, indices, torch.ones_like(indices, dtype=counts.dtype))


@checked
def perplexity(counts: Float[Tensor, "K"]) -> Float[Tensor, ""]:
    """exp(entropy) of the usage: K if all codes are used alike, 1 if only one is used.

    >>> perplexity(torch.tensor([5.0, 5.0, 0.0]))
    tensor(2.)
    """
    if may_be_read() and not ((counts >= 0).all() and 0 < counts.sum() < torch.inf):
        raise ValueError(f"counts must be finite, none negative, some positive; got {counts}")
    share = counts / counts.sum().clamp(min=1e-30)
    return torch.exp(-torch.xlogy(share, share).sum())


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

    carry = staticmethod(straight_through)  # how the gradient at z_q gets to z_e

    @checked
    def __init__(
        self,
        n_codes: Count,
        code_dim: Count,
        *,
        update: Literal["gradient", "ema"] = "gradient",
        commitment_weight: Positive = 0.25,
        restart_dead_codes: bool = False,
        decay: Decay = 0.99,
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

    @checked
    def forward(self, z_e: Float[Tensor, "B {self.code_dim} *positions"]) -> Quantized:
        """Quantise; in train mode also move the averages, *after* the codes have been looked up.

        In eval mode NaN or infinity is refused, as by `nearest_code`; in train mode, where to look
        would make a GPU wait, losses are then not finite.
        """
        if not self.training:
            finite("z_e", z_e), finite("codebook", self.codebook)
        with values_known_to_be_good():
            return self._quantize(z_e)

    def _quantize(self, z_e: Tensor) -> Quantized:
        z = vectors_of(z_e).to(self.codebook.dtype)
        learns = self.training and len(z) > 0
        candidates = None
        if learns and self.restart_dead_codes:
            candidates = self._candidates(z.detach())
            self._start_on(candidates)
        indices = _nearest(z, self.codebook)
        e = F.embedding(indices, self.codebook)
        codebook_loss, commitment_loss = vq_losses(z, e)
        if self.update == "ema":
            codebook_loss = torch.zeros_like(codebook_loss)
        used = code_counts(indices, self.n_codes)
        if learns:
            if _n_processes() > 1:
                dist.all_reduce(used)  # the batch is that of all processes
            self._move_codes(z.detach(), indices, candidates)
        shape = z_e.shape[:1] + z_e.shape[2:]
        z_q = self.carry(z, e).view(*shape, self.code_dim).movedim(-1, 1)
        usage = perplexity(used)
        return Quantized(z_q, indices.view(shape), codebook_loss, commitment_loss, usage)

    @checked
    def indices_of(
        self, z_e: Inexact[Tensor, "B {self.code_dim} *positions"]
    ) -> Int[Tensor, "B *positions"]:
        """The index of the nearest code at each position: `nearest_code` in this codebook."""
        return nearest_code(z_e, self.codebook)

    @checked
    def lookup(self, indices: Int[Tensor, "B *positions"]) -> Float[Tensor, "B D *positions"]:
        """The code vectors of a field of indices. [eq. 2]"""
        symbols("indices", indices, self.n_codes)
        return F.embedding(indices, self.codebook).movedim(-1, 1)

    @torch.no_grad()
    def set_codebook(self, codes: Float[Tensor, "K D"]) -> None:
        """Take a copy of these codes, and start the averages from them; no batch replaces them."""
        held("codes", codes, Inexact[Tensor, f"{self.n_codes} {self.code_dim}"])
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
                held("codebook", value, Shaped[Tensor, f"{self.n_codes} {self.code_dim}"])
                value = value.detach().clone()
        super().__setattr__(name, value)

    def _candidates(self, vectors: Float[Tensor, "N D"]) -> Float[Tensor, "K D"]:
        """K random vectors of the batch, NaN if it is not all finite.

        All processes get those that one process with the whole batch would have drawn.
        """
        n = _n_processes()
        numbers = torch.randint(n * len(vectors), (self.n_codes,), device=vectors.device)
        if n > 1:
            dist.broadcast(numbers, src=0)
        finite = torch.stack(vectors.aminmax()).isfinite().all()
        chosen = torch.where(finite, vectors[numbers % len(vectors)], torch.nan)
        if n > 1:
            chosen *= (numbers // len(vectors) == dist.get_rank())[:, None]
            dist.all_reduce(chosen)
        return chosen

    @torch.no_grad()
    def _start_on(self, candidates: Float[Tensor, "K D"]) -> None:
        """Put the codes where the encoder's vectors are, if this is the first batch.

        Codes far away would first drag all vectors together, and a run can stay there.
        """
        start = ~(self.started | self._set_by_hand()) & candidates.isfinite().all()
        self.codebook.copy_(torch.where(start, candidates, self.codebook))

    def _set_by_hand(self) -> Tensor:
        """True if these are not the codes that were drawn; asked before the first step alone."""
        return (self.codebook.detach()[:, 0] != self.drawn).any()

    @torch.no_grad()
    def _move_codes(
        self,
        vectors: Float[Tensor, "N D"],
        indices: Int[Tensor, "N"],
        candidates: Float[Tensor, "K D"] | None,
    ) -> None:
        """One step of the averages over the batches of all processes; then dead codes restart.

        Where the sums are not finite, all stays as it was.
        """
        n = _n_processes()  # each adds its vectors to its share of the averages
        counts, sums = self.counts / n, self.counts[:, None] * self.codebook / n
        counts, sums, codes = ema_step(counts, sums, vectors, indices, self.decay)
        if n > 1:
            dist.all_reduce(counts)
            dist.all_reduce(sums)
            codes = sums / counts[:, None]
        finite = sums.isfinite().all()
        if self.update == "gradient":  # the codes follow the codebook loss instead
            codes = self.codebook
        else:  # after thousands of idle steps both averages underflow: then a code stays
            codes = torch.where(counts[:, None] < SMALLEST_COUNT, self.codebook, codes)
        if candidates is not None:
            before = counts
            counts, sums, restarted = restart_dead_codes(counts, sums, candidates)
            codes = torch.where((counts > before)[:, None], restarted, codes)
        for name, new in (("counts", counts), ("codebook", codes), ("sums", sums)):
            if (old := getattr(self, name, None)) is not None:  # no sums without averages
                old.copy_(torch.where(finite, new, old))
        self.started.logical_or_(finite)

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


def _n_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
