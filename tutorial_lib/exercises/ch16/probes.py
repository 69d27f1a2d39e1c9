"""What a quantizer without a codebook gives, and the gradient that it lets through."""

from collections.abc import Callable

from torch import Tensor

from tutorial_lib.exercises.ch10.probes import changed, gradients
from tutorial_lib.exercises.comparing import first_difference, number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure
from tutorial_lib.exercises.trials import Trial

FSQ_NAMES = ("z_q", "indices", "gradient at z_e")


def rounded(function: Callable, z_e: Tensor, levels: tuple[int, ...], weight: Tensor) -> tuple:
    """(z_q, indices, d/dz_e of sum(weight * z_q))."""
    leaf = z_e.detach().clone().requires_grad_()
    given = leaf * 1
    out = function(given, levels)
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        told = f"Expected 2 tensors, got a value of type {type(out).__name__}."
        raise Failed(Failure("The result is not a pair (z_q, indices).", told))
    z_q, indices = out
    tensor_result(z_q, z_e.shape, advice="z_q has the shape of z_e.")
    shape = z_e.shape[:1] + z_e.shape[2:]
    tensor_result(indices, shape, kind="long", advice="There is one index for each vector.")
    if not given.detach().equal(z_e):
        raise Failed(changed("z_e", z_e, given.detach()))
    return z_q, indices, *gradients((weight * z_q).sum(), leaf)


def tell_fsq(trial: Trial, got: tuple, want: tuple) -> str:
    """The first of the three results that differs, at its first place, and what went in."""
    z_e, levels, _ = trial.args
    for name, mine, right in zip(FSQ_NAMES, got, want, strict=True):
        place = first_difference(mine.double(), right.double())
        if place is None:
            continue
        vector = z_e[(place[0], slice(None), *place[1 if name == "indices" else 2 :])]
        told = ", ".join(number(each) for each in vector)
        return (
            f"levels {tuple(levels)}, the vector is ({told}). {name}{list(place)} is "
            f"{number(mine[place])}, expected {number(right[place])}."
        )
    return ""
