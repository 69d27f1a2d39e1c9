"""Exercise 10.7: equations 1 to 3 in one function, and what each result may move."""

import torch
from torch import Tensor

from tutorial_lib.codes.quantizer import nearest_code, straight_through, vq_losses
from tutorial_lib.exercises.ch10.probes import compare_parts, quantized
from tutorial_lib.exercises.comparing import first_difference, number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial


def look_up(codebook: Tensor, indices: Tensor) -> Tensor:
    """The code vectors at these indices, D in second place. [eq. 2]"""
    return codebook[indices].movedim(-1, 1)


def reference(z_e: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z_q, indices, codebook loss, commitment loss. [eqs. 1 to 3]"""
    indices = nearest_code(z_e.detach(), codebook.detach())
    e = look_up(codebook, indices)
    return straight_through(z_e, e), indices, *vq_losses(z_e, e)


quantize = Exercise(
    "10.7",
    "The quantizer, whole",
    goal="Put look-up, code vectors, straight-through and both losses into one function.",
    minutes=10,
    reference=reference,
    stub='''\
def quantize(
    z_e: torch.Tensor, codebook: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Equations 1 to 3: what the decoder gets, its names, and the two losses of the codebook.

    z_e       (B, D, *positions): what the encoder said
    codebook  (K, D), one code a row
    returns   (z_q, indices, codebook_loss, commitment_loss)
              z_q      (B, D, *positions), D second again: the code e_k of eq. 2 at each position.
                       All of its gradient goes to z_e, none to the codebook
              indices  (B, *positions) torch.long, by eq. 1
              losses   as in exercise 10.3. The first moves the codebook, the second z_e

    By hand: codebook = [[0, 0], [4, 0]] and the vectors (1, 1) and (3, -1) on a line, so z_e =
             [[[1, 3], [1, -1]]]. indices = [[0, 1]], z_q = [[[0, 4], [0, 0]]], and both losses are
             (2 + 2) / 2 = 2
    """
    ____
''',
    answer="""\
def quantize(z_e, codebook):
    indices = nearest_code(z_e.detach(), codebook.detach())  # (B, *positions)
    e = codebook[indices]  # eq. 2: (B, *positions, D)
    e = e.movedim(-1, 1)  # (B, D, *positions), like z_e
    codebook_loss, commitment_loss = vq_losses(z_e, e)  # e still has its gradient
    z_q = straight_through(z_e, e)
    return z_q, indices, codebook_loss, commitment_loss
""",
    hints=(
        """Three of your functions do most of it: `nearest_code`, `vq_losses`, `straight_through`.
        Equation 2 stands between the first and the others.""",
        """`codebook[indices]` is (B, *positions, D): a code for each index, in the last axis.
        `.movedim(-1, 1)` puts D back into second place.""",
        """If the codebook never moves, look at what you hand to `vq_losses`: after
        `straight_through` the codes have lost their gradient.""",
    ),
)

NAMES = (
    "z_q",
    "indices",
    "the two losses",
    "gradient of z_q at z_e",
    "gradient of z_q at the codebook",
    "gradient of codebook_loss at z_e",
    "gradient of codebook_loss at the codebook",
    "gradient of commitment_loss at z_e",
    "gradient of commitment_loss at the codebook",
)


def _trial(batch: int, dim: int, positions: tuple[int, ...], n_codes: int, rng) -> Trial:
    z_e = torch.randn(batch, dim, *positions, generator=rng)
    codebook = 1.2 * torch.randn(n_codes, dim, generator=rng)
    weight = torch.randn(z_e.shape, generator=rng)
    return Trial((z_e, codebook, weight + 0.2 * weight.sign()))


def _evidence(trial: Trial, got: tuple, want: tuple) -> str:
    """The first of the results that differs, at its first place."""
    z_e, codebook, _ = trial.args
    told = f"z_e {tuple(z_e.shape)}, codebook {tuple(codebook.shape)}. "
    for name, mine, right in zip(NAMES, got, want, strict=True):
        place = first_difference(mine.double(), right.double())
        if place is not None:
            where = f"{name}{list(place)}"
            return f"{told}{where} is {number(mine[place])}, expected {number(right[place])}."
    return told


def _check(candidate, parts: list[int], what: str, rng: torch.Generator) -> Failure | None:
    sizes = ((2, 3, (4,), 5), (3, 4, (2, 5), 6), (2, 3, (3, 3), 4))
    return compare_parts(
        candidate,
        quantized,
        reference,
        [_trial(*size, rng) for size in sizes],
        parts=parts,
        evidence=_evidence,
        misconceptions=quantize.misconceptions,
        otherwise=f"{what} not the expected ones.",
    )


@quantize.judge("the codes and their vectors")
def codes(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [0, 1], "z_q and the indices are", rng)


@quantize.judge("the two losses")
def losses(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [2], "The two losses are", rng)


@quantize.judge("what moves the encoder, and what the codebook")
def moves(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, list(range(3, 9)), "The gradients are", rng)


def _parts(z_e, codebook):
    indices = nearest_code(z_e.detach(), codebook.detach())
    return indices, look_up(codebook, indices)


def _with_losses(z_e, codebook, change):
    z_q, indices, *two = reference(z_e, codebook)
    return z_q, indices, *change(*two)


@quantize.mistakes
class Mistakes:
    def vectors_as_they_lie(z_e, codebook):
        """The code vectors are given the shape of z_e by `view` or `reshape`, which mixes D and the
        positions. D stands last after the look-up: move it to second place."""
        indices, _ = _parts(z_e, codebook)
        e = codebook[indices].reshape(z_e.shape)
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)

    def field_as_it_lies(z_e, codebook):
        """The nearest codes are looked up for rows of z_e as it lies in memory. Use `nearest_code`,
        or move D last first."""
        rows = z_e.detach().reshape(-1, z_e.shape[1])
        found = torch.cdist(rows, codebook.detach()).argmin(dim=1)
        indices = found.view(z_e.shape[:1] + z_e.shape[2:])
        e = look_up(codebook, indices)
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)

    def losses_after_straight_through(z_e, codebook):
        """The losses are computed from z_q after straight-through, which has no gradient at the
        codebook: nothing would ever move the codes. Hand the codes as they were looked up."""
        indices, e = _parts(z_e, codebook)
        z_q = straight_through(z_e, e)
        return z_q, indices, *vq_losses(z_e, z_q)

    def no_straight_through(z_e, codebook):
        """The gradient of z_q moves the codebook, and the encoder hears nothing of the decoder. The
        codes have to go through `straight_through`, which hands it to z_e."""
        indices, e = _parts(z_e, codebook)
        return e, indices, *vq_losses(z_e, e)

    def codes_detached(z_e, codebook):
        """The code vectors are detached when they are looked up, so the codebook loss moves
        nothing. Only z_q must not move the codebook."""
        indices, e = _parts(z_e, codebook.detach())
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)

    def z_e_detached(z_e, codebook):
        """z_e is detached at the start, so neither the decoder nor the commitment reaches the
        encoder. Only the look-up of the nearest code needs no gradient."""
        return reference(z_e.detach(), codebook)

    def straight_through_of_a_constant(z_e, codebook):
        """z_q has no gradient anywhere: z_e, or the result of `straight_through`, is detached."""
        z_q, *rest = reference(z_e, codebook)
        return z_q.detach(), *rest

    def straight_through_exchanged(z_e, codebook):
        """The arguments of `straight_through` are exchanged: the decoder gets z_e, and the gradient
        goes to the codebook. The order is (z_e, z_q)."""
        indices, e = _parts(z_e, codebook)
        return straight_through(e, z_e), indices, *vq_losses(z_e, e)

    def to_both(z_e, codebook):
        """The gradient of z_q reaches z_e *and* the codebook. The code has to be detached in the
        sum."""
        indices, e = _parts(z_e, codebook)
        return e + (z_e - z_e.detach()), indices, *vq_losses(z_e, e)

    def not_quantised(z_e, codebook):
        """z_q is z_e itself: the decoder would never see a code."""
        _, *rest = reference(z_e, codebook)
        return z_e, *rest

    def losses_exchanged(z_e, codebook):
        """The two losses are exchanged, in the result or by the order of the arguments of
        `vq_losses`, (z_e, e). The first must move the codebook, the second z_e."""
        return _with_losses(z_e, codebook, lambda one, two: (two, one))

    def commitment_with_beta(z_e, codebook):
        """The commitment loss is multiplied by a beta. Both are asked for without their weights, so
        that whoever adds them up can see beta."""
        return _with_losses(z_e, codebook, lambda one, two: (one, 0.25 * two))

    def codebook_loss_with_beta(z_e, codebook):
        """The codebook loss is multiplied by a beta, which belongs to the commitment, and is not
        asked for here."""
        return _with_losses(z_e, codebook, lambda one, two: (0.25 * one, two))

    def losses_as_means(z_e, codebook):
        """The squares are averaged over D too, as `mse_loss` does. A squared norm sums over D: use
        `vq_losses`."""
        return _with_losses(
            z_e, codebook, lambda one, two: (one / z_e.shape[1], two / z_e.shape[1])
        )

    def losses_summed(z_e, codebook):
        """The squares are summed over all positions of all images. Average over these: use
        `vq_losses`."""
        n = z_e.numel() // z_e.shape[1]
        return _with_losses(z_e, codebook, lambda one, two: (n * one, n * two))

    def losses_of_nothing_held_still(z_e, codebook):
        """Both losses move both sides: nothing is detached in them. Use `vq_losses`."""
        indices, e = _parts(z_e, codebook)
        both = (z_e - e).square().sum(dim=1).mean()
        return straight_through(z_e, e), indices, both, both

    def losses_that_move_nothing(z_e, codebook):
        """Both losses are constants: they are detached as a whole, or computed under `no_grad`."""
        return _with_losses(z_e, codebook, lambda one, two: (one.detach(), two.detach()))

    def losses_of_z_e_detached(z_e, codebook):
        """The codebook loss is right, and the commitment loss moves nothing: z_e is detached in
        it."""
        return _with_losses(z_e, codebook, lambda one, two: (one, two.detach()))

    def losses_added(z_e, codebook):
        """The second loss is the sum of both. They are asked for one by one."""
        return _with_losses(z_e, codebook, lambda one, two: (one, one + two))

    def from_one(z_e, codebook):
        """The indices are counted from 1, as in the paper. In the library they run from 0 to
        K - 1."""
        z_q, indices, *two = reference(z_e, codebook)
        return z_q, indices + 1, *two

    def the_next_code(z_e, codebook):
        """z_q holds the code *beside* the one of the index: the look-up is off by one."""
        indices, _ = _parts(z_e, codebook)
        e = look_up(codebook, (indices + 1) % len(codebook))
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)

    def farthest(z_e, codebook):
        """These are the farthest codes: argmax of the distances. Equation 1 has argmin."""
        vectors = z_e.detach().movedim(1, -1)
        indices = torch.cdist(vectors.flatten(0, -2), codebook.detach()).argmax(dim=1)
        indices = indices.view(vectors.shape[:-1])
        e = look_up(codebook, indices)
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)

    def codes_of_the_first_image(z_e, codebook):
        """All images get the codes of the first one."""
        indices, _ = _parts(z_e, codebook)
        indices = indices[:1].expand_as(indices).clone()
        e = look_up(codebook, indices)
        return straight_through(z_e, e), indices, *vq_losses(z_e, e)


@quantize.right
def by_one_hot(z_e, codebook):
    vectors = z_e.movedim(1, -1)
    squared = (vectors.detach().unsqueeze(-2) - codebook.detach()).square().sum(dim=-1)
    indices = squared.argmin(dim=-1)
    one_hot = torch.nn.functional.one_hot(indices, len(codebook)).to(codebook.dtype)
    e = one_hot @ codebook  # (B, *positions, D)
    codebook_loss = (vectors.detach() - e).square().sum(dim=-1).mean()
    commitment_loss = (vectors - e.detach()).square().sum(dim=-1).mean()
    z_q = vectors + (e - vectors).detach()
    return z_q.movedim(-1, 1), indices, codebook_loss, commitment_loss


@quantize.right
def by_embedding(z_e, codebook):
    indices = nearest_code(z_e.detach(), codebook.detach())
    e = torch.nn.functional.embedding(indices, codebook)
    e = e.permute(0, e.ndim - 1, *range(1, e.ndim - 1))
    return [straight_through(z_e, e), indices, *vq_losses(z_e, e)]
