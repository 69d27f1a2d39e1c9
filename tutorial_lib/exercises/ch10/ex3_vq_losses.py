"""Exercise 10.3: the second and third term of equation 3, and what each holds still."""

import torch

from tutorial_lib.codes.quantizer import vq_losses as reference
from tutorial_lib.exercises.ch10.probes import compare_parts, losses
from tutorial_lib.exercises.comparing import number
from tutorial_lib.exercises.definition import Failure
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.trials import Trial

vq_losses = Exercise(
    "10.3",
    "Two losses of one value",
    goal="Write the codebook loss and the commitment loss, each moving one side only.",
    minutes=10,
    reference=reference,
    stub='''\
def vq_losses(z_e: torch.Tensor, e: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two terms of equation 3 that know the codebook, each without its weight.

    z_e      (B, D, *positions): what the encoder said
    e        the same shape: the nearest code at each position
    returns  (codebook_loss, commitment_loss), two numbers: ||sg[z_e] - e||^2 and ||z_e - sg[e]||^2,
             the squares summed over D, then averaged over all positions of all images

    By hand: D = 2 and two positions, where z_e - e is (3, 4) and (1, 0). Both losses are
             (25 + 1) / 2 = 13. The first has no gradient at z_e, the second none at e
    """
    ____
''',
    answer="""\
def vq_losses(z_e, e):
    to_the_codes = (z_e.detach() - e).square()  # sg[z_e]: only e can move
    to_the_encoder = (z_e - e.detach()).square()  # sg[e]: only z_e can move
    return to_the_codes.sum(dim=1).mean(), to_the_encoder.sum(dim=1).mean()
""",
    hints=(
        """sg[·] stands for "hold this still while differentiating". The two losses have the same
        value. What is held still in the first is what moves in the second.""",
        """`.detach()` is sg. `.square().sum(dim=1).mean()` sums over D and averages over the
        rest.""",
        """Look at the order of the names: the *codebook* loss moves the codebook, the
        *commitment* loss moves the encoder. If your gradients are too small by a factor D, a
        mean has replaced a sum.""",
    ),
)

CODEBOOK, COMMITMENT = "codebook_loss", "commitment_loss"


def _trial(shape: tuple[int, ...], rng: torch.Generator) -> Trial:
    z_e, e = (torch.randn(shape, generator=rng) for _ in range(2))
    return Trial((z_e, z_e + e + 0.2 * e.sign()))


def _evidence(trial: Trial, got: tuple, want: tuple) -> str:
    """Values, and the first number of each gradient."""
    place = "[0, 0, ...]"
    lines = [f"z_e of shape {tuple(trial.args[0].shape)}."]
    for i, name in enumerate((CODEBOOK, COMMITMENT)):
        of_both = [
            f"value {number(parts[0][i])}, gradient at z_e{place} "
            f"{number(parts[1 + 2 * i].flatten()[0])}, at e{place} "
            f"{number(parts[2 + 2 * i].flatten()[0])}"
            for parts in (got, want)
        ]
        lines.append(f"{name}: {of_both[0]}; expected {of_both[1]}.")
    return " ".join(lines)


def _check(candidate, parts: list[int], what: str, rng: torch.Generator) -> Failure | None:
    return compare_parts(
        candidate,
        losses,
        reference,
        [_trial(shape, rng) for shape in ((2, 3, 4), (3, 2, 2, 5))],
        parts=parts,
        evidence=_evidence,
        misconceptions=vq_losses.misconceptions,
        otherwise=f"The {what} are not those of equation 3.",
    )


@vq_losses.judge("the two values")
def values(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [0], "values", rng)


@vq_losses.judge("what the codebook loss moves")
def codebook(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [1, 2], f"gradients of {CODEBOOK}", rng)


@vq_losses.judge("what the commitment loss moves")
def commitment(candidate, rng: torch.Generator) -> Failure | None:
    return _check(candidate, [3, 4], f"gradients of {COMMITMENT}", rng)


def _norm(difference):
    return difference.square().sum(dim=1).mean()


@vq_losses.mistakes
class Mistakes:
    def nothing_detached(z_e, e):
        """Nothing is held still: each of the two losses moves the codes and the encoder. Without sg
        the two terms are one and the same."""
        return _norm(z_e - e), _norm(z_e - e)

    def exchanged(z_e, e):
        """The two losses are exchanged: the first must move the codes, the second the encoder."""
        return _norm(z_e - e.detach()), _norm(z_e.detach() - e)

    def both_for_the_encoder(z_e, e):
        """Both losses hold the codes still, so that nothing ever moves the codebook."""
        return _norm(z_e - e.detach()), _norm(z_e - e.detach())

    def both_for_the_codes(z_e, e):
        """Both losses hold z_e still, so that nothing commits the encoder to its codes."""
        return _norm(z_e.detach() - e), _norm(z_e.detach() - e)

    def everything_detached(z_e, e):
        """Both sides of both differences are detached: two constants, which move nothing."""
        return _norm(z_e.detach() - e.detach()), _norm(z_e.detach() - e.detach())

    def after_straight_through(z_e, e):
        """The first loss sends its gradient to z_e, and with the wrong sign: it looks as if e had
        gone through the straight-through step. Use the codes as they were looked up."""
        z_q = z_e + (e - z_e).detach()
        return _norm(z_e.detach() - z_q), _norm(z_e - z_q.detach())

    def mean_over_D(z_e, e):
        """The squares are averaged over D. A norm sums them; the mean divides both weights by D."""
        return tuple(each / z_e.shape[1] for each in reference(z_e, e))

    def sum_over_everything(z_e, e):
        """The squares are summed over all positions of all images. Average over these, or the
        weight of the terms grows with the batch."""
        return tuple(each * (z_e.numel() / z_e.shape[1]) for each in reference(z_e, e))

    def sum_over_positions(z_e, e):
        """Only the images are averaged over, and the positions are summed. The mean runs over
        both."""
        return tuple(each * (z_e.numel() / z_e.shape[1] / len(z_e)) for each in reference(z_e, e))

    def root(z_e, e):
        """These are lengths. Equation 3 has their squares."""
        still, moving = z_e.detach() - e, z_e - e.detach()
        return tuple(each.square().sum(dim=1).sqrt().mean() for each in (still, moving))

    def first_not_held(z_e, e):
        """The codebook loss holds nothing still: it moves the encoder as well. Detach z_e in it."""
        return _norm(z_e - e), _norm(z_e - e.detach())

    def second_not_held(z_e, e):
        """The commitment loss holds nothing still: it moves the codes as well. Detach e in it."""
        return _norm(z_e.detach() - e), _norm(z_e - e)

    def first_cut_off(z_e, e):
        """The codebook loss is detached as a whole, so it moves nothing; the commitment loss moves
        both sides. sg stands around one of the two, not around the difference."""
        return _norm((z_e - e).detach()), _norm(z_e - e)

    def second_cut_off(z_e, e):
        """The commitment loss is detached as a whole, so it moves nothing; the codebook loss moves
        both sides. sg stands around one of the two, not around the difference."""
        return _norm(z_e - e), _norm((z_e - e).detach())

    def encoder_and_nothing(z_e, e):
        """The codebook loss moves the encoder, and the commitment loss moves nothing."""
        return _norm(z_e - e.detach()), _norm(z_e.detach() - e.detach())

    def length_of_everything(z_e, e):
        """This is one length over all numbers of the batch. Square, sum over D, average over the
        positions."""
        return (z_e.detach() - e).norm(), (z_e - e.detach()).norm()

    def root_at_the_end(z_e, e):
        """A root is taken of the mean. Equation 3 has squared lengths."""
        return tuple(each.sqrt() for each in reference(z_e, e))

    def sum_over_the_last_axis(z_e, e):
        """The squares are summed over the last axis. D is the second one, dim=1."""
        still, moving = (z_e.detach() - e).square(), (z_e - e.detach()).square()
        return still.sum(dim=-1).mean(), moving.sum(dim=-1).mean()

    def sum_over_the_images(z_e, e):
        """The squares are summed over the images and averaged over D. Sum over D, dim=1."""
        still, moving = (z_e.detach() - e).square(), (z_e - e.detach()).square()
        return still.sum(dim=0).mean(), moving.sum(dim=0).mean()

    def mean_over_positions_alone(z_e, e):
        """The squares are averaged over the positions, and summed over the images. The mean runs
        over both."""
        return tuple(each * len(z_e) for each in reference(z_e, e))

    def absolute_differences(z_e, e):
        """These are absolute differences. Equation 3 has squares."""
        still, moving = (z_e.detach() - e).abs(), (z_e - e.detach()).abs()
        return still.sum(dim=1).mean(), moving.sum(dim=1).mean()

    def not_squared(z_e, e):
        """The differences are not squared, so that they cancel."""
        return (z_e.detach() - e).sum(dim=1).mean(), (z_e - e.detach()).sum(dim=1).mean()

    def squared_after_the_sum(z_e, e):
        """The square is taken after the sum over D, so that differences cancel first."""
        still, moving = (z_e.detach() - e), (z_e - e.detach())
        return still.sum(dim=1).square().mean(), moving.sum(dim=1).square().mean()

    def largest_difference(z_e, e):
        """Only the largest of the D squares counts. A norm sums all of them."""
        still, moving = (z_e.detach() - e).square(), (z_e - e.detach()).square()
        return still.amax(dim=1).mean(), moving.amax(dim=1).mean()

    def smooth(z_e, e):
        """This is a smooth L1 loss. Equation 3 has squares, summed over D."""
        smooth = torch.nn.functional.smooth_l1_loss
        return smooth(e, z_e.detach()), smooth(z_e, e.detach())

    def negative(z_e, e):
        """Both losses have a minus: to make them small would drive codes and vectors apart."""
        return tuple(-each for each in reference(z_e, e))

    def half(z_e, e):
        """Both losses are halved. Equation 3 has no factor 1/2."""
        return tuple(each / 2 for each in reference(z_e, e))

    def both_with_beta(z_e, e):
        """Both losses have a weight already. Return them without beta."""
        return tuple(0.25 * each for each in reference(z_e, e))

    def already_added_up(z_e, e):
        """The commitment is added to the codebook loss already. Return the two by themselves."""
        codebook_loss, commitment_loss = reference(z_e, e)
        return codebook_loss + 0.25 * commitment_loss, commitment_loss

    def one_sum_one_mean(z_e, e):
        """The commitment loss is averaged over D, and the codebook loss summed. Sum in both."""
        codebook_loss, commitment_loss = reference(z_e, e)
        return codebook_loss, commitment_loss / z_e.shape[1]

    def with_beta(z_e, e):
        """A weight is applied to the second loss already. Return it without beta."""
        codebook_loss, commitment_loss = reference(z_e, e)
        return codebook_loss, 0.25 * commitment_loss

    def beta_on_the_codebook_loss(z_e, e):
        """A weight stands before the *codebook* loss. Beta belongs to the commitment, and not in
        here."""
        codebook_loss, commitment_loss = reference(z_e, e)
        return 0.25 * codebook_loss, commitment_loss


@vq_losses.right
def by_mse(z_e, e):
    mse, dim = torch.nn.functional.mse_loss, z_e.shape[1]
    return dim * mse(e, z_e.detach()), dim * mse(z_e, e.detach())


@vq_losses.right
def as_lists(z_e, e):
    z, codes = (each.movedim(1, -1).flatten(0, -2) for each in (z_e, e))
    to_codes = torch.linalg.vector_norm(codes - z.detach(), dim=1).pow(2)
    to_z = ((codes.detach() - z) ** 2).sum() / len(z)
    return [to_codes.mean(), to_z]
