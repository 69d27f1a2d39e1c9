"""What shows only beside a function: its gradients. And comparing them with the reference's.

A probe is a plain function of this module, (function, *args) -> tuple of tensors, the same number
for every function of the exercise. A check judges some of these parts; a failure is explained by
all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import number, tensor_result
from tutorial_lib.exercises.definition import Failed, Failure, Misconception
from tutorial_lib.exercises.trials import Trial, compare


def counts_sums_and_codes(value: object, trial: Trial) -> Tensor:
    """The three results in one table, a row for each code."""
    counts, sums, *_ = trial.args
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        told = f"Expected 3 tensors, got a value of type {type(value).__name__}."
        raise Failed(Failure("The result is not (counts, sums, codebook).", told))
    shapes = (counts.shape, sums.shape, sums.shape)
    parts = [tensor_result(each, shape) for each, shape in zip(value, shapes, strict=True)]
    return torch.cat([parts[0][:, None], parts[1], parts[2]], dim=1)


def gradients(loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    """d loss / d each input; zeros where none arrives."""
    if not loss.requires_grad:
        return [torch.zeros_like(each) for each in inputs]
    found = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def of_two_fields(function: Callable, z_e: Tensor, z_q: Tensor) -> tuple:
    """(leaves, copies): the copies are handed to the function, as results of earlier layers are."""
    leaves = [each.detach().clone().requires_grad_() for each in (z_e, z_q)]
    return leaves, [each * 1 for each in leaves]


def through(function: Callable, z_e: Tensor, z_q: Tensor, weight: Tensor) -> tuple:
    """(value, d/dz_e, d/dz_q) of sum(weight * function(z_e, z_q))."""
    leaves, given = of_two_fields(function, z_e, z_q)
    out = function(*given)
    tensor_result(out, z_e.shape)
    _unchanged(given, leaves, ("z_e", "z_q"))
    return out, *gradients((weight * out).sum(), *leaves)


def losses(function: Callable, z_e: Tensor, e: Tensor) -> tuple:
    """Of both losses: (values, d first/dz_e, d first/de, d second/dz_e, d second/de)."""
    leaves, given = of_two_fields(function, z_e, e)
    out = function(*given)
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        told = f"Expected 2 tensors, got a value of type {type(out).__name__}."
        raise Failed(Failure("The result is not a pair (codebook_loss, commitment_loss).", told))
    values = torch.stack([tensor_result(each, (), advice=_TO_ONE_NUMBER) for each in out])
    _unchanged(given, leaves, ("z_e", "e"))
    return values, *gradients(out[0], *leaves), *gradients(out[1], *leaves)


def quantized(function: Callable, z_e: Tensor, codebook: Tensor, weight: Tensor) -> tuple:
    """z_q, indices and both losses; then what sum(weight * z_q) and each loss send to both."""
    leaves, given = of_two_fields(function, z_e, codebook)
    out = function(*given)
    if not isinstance(out, (tuple, list)) or len(out) != 4:
        told = f"Expected 4 tensors, got a value of type {type(out).__name__}."
        wanted = "(z_q, indices, codebook_loss, commitment_loss)"
        raise Failed(Failure(f"The result is not {wanted}.", told))
    z_q, indices, *two = out
    tensor_result(z_q, z_e.shape, advice="z_q has the shape of z_e, D in second place.")
    names = tensor_result(indices, z_e.shape[:1] + z_e.shape[2:], kind="long")
    values = torch.stack([tensor_result(each, (), advice=_TO_ONE_NUMBER) for each in two])
    _unchanged(given, leaves, ("z_e", "codebook"))
    moved = [gradients(loss, *leaves) for loss in ((weight * z_q).sum(), *two)]
    return z_q, names, values, *(each for pair in moved for each in pair)


_TO_ONE_NUMBER = "Each loss is one number: a sum over D, then a mean over all positions."


def _unchanged(given: Sequence[Tensor], before: Sequence[Tensor], names: Sequence[str]) -> None:
    for now, was, name in zip(given, before, names, strict=True):
        if not torch.equal(now.detach(), was.detach()):
            raise Failed(changed(name, was.detach(), now.detach()))


def changed(name: str, was: Tensor, now: Tensor) -> Failure:
    """The field belongs to the caller, who still needs it for the losses."""
    place = tuple((was != now).nonzero()[0].tolist())
    return Failure(
        f"Your function writes into its argument `{name}`, which the losses still need as it was. "
        "Build a new tensor.",
        f"{name}{list(place)} was {number(was[place])}, is now {number(now[place])}.",
    )


def compare_parts(
    candidate,
    probe: Callable,
    reference: Callable,
    trials: Sequence[Trial],
    *,
    parts: Sequence[int],
    evidence: Callable[[Trial, tuple, tuple], str],
    misconceptions: Sequence[Misconception],
    otherwise: str,
):
    """None if these parts of probe(function, ...) are the reference's; else a Failure.

    evidence: (trial, learner's parts, reference's parts) -> words and numbers
    """
    measured, correct = partial(candidate.measure, probe), partial(probe, reference)

    def tell(trial: Trial, got: Tensor, want: Tensor) -> str:
        return evidence(trial, trial.call(measured), trial.call(correct))

    judged = partial(_joined, parts=parts)
    failure = compare(measured, correct, trials, read=judged, evidence=tell, otherwise=otherwise)
    if failure is None:
        return None
    probed = [replace(each, wrong=partial(probe, each.wrong)) for each in misconceptions]
    options = {"evidence": tell, "misconceptions": probed, "otherwise": otherwise}
    return compare(measured, correct, trials, read=_joined, **options)


def _joined(value: object, trial: Trial, parts: Sequence[int] | None = None) -> Tensor:
    chosen = value if parts is None else [value[i] for i in parts]
    return torch.cat([part.detach().double().flatten() for part in chosen])
