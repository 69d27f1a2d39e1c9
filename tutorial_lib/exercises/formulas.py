"""A wrong result read as a sum of terms: which are in it, and how often each counts.

An exercise names the terms that a learner might add up, the right ones first. If one sum of them
gives the learner's results on all inputs, the sentence says which sum that is, and which is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tutorial_lib.exercises.comparing import ABSOLUTE, RELATIVE, agree, number

FEW, MOST_TERMS = 3, 5  # of all sums of a few terms the shortest is told; of more, one is tried
TO_SPARE = 2  # more numbers than terms, or anything could be fitted
NEGLIGIBLE = 1e-4  # of the largest share
CONSTANT = "1"  # the name of a term that is 1 everywhere
PLAIN = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
NAMED = {
    1.0: "",
    0.5: "1/2 · ",
    1 / math.log(2): "1 / log 2 · ",
    math.log(2): "log 2 · ",
    0.5 / math.log(2): "1 / (2 log 2) · ",
}


def formula_of(
    terms: Callable, trials: Sequence, got: Sequence[Tensor], want: Sequence[Tensor]
) -> str:
    """What the results are, term by term, and what was asked for; nothing if no sum fits.

    terms(*args) -> name -> numbers of the result's shape; or a dict of those, one for each of the
    parts that the result consists of
    """
    drawn = [terms(*trial.args, **trial.kwargs) for trial in trials]
    if not isinstance(next(iter(drawn[0].values())), dict):
        return _told("Your result", drawn, got, want)
    told = []
    for part in drawn[0]:
        mine, theirs = (
            [_part(*each, part) for each in zip(s, drawn, strict=True)] for s in (got, want)
        )
        if not all(map(agree, mine, theirs)):
            told.append(_told(f"Your `{part}`", [each[part] for each in drawn], mine, theirs))
    return " ".join(filter(None, told))


def _part(result: Tensor, drawn: dict[str, dict], part: str) -> Tensor:
    """One of several numbers, or some columns of a table with a row for each code."""
    place = list(drawn).index(part)
    if result.ndim < 2:
        return result[place]
    terms = [torch.as_tensor(next(iter(each.values()))) for each in drawn.values()]
    widths = [each.reshape(len(each), -1).shape[1] for each in terms]
    return result.split(widths, dim=1)[place].reshape(terms[place].shape)


def _told(subject: str, drawn: Sequence[dict], got, want) -> str:
    mine, theirs = (torch.cat([each.double().flatten() for each in side]) for side in (got, want))
    columns = {}
    for name in drawn[0]:
        parts = [
            torch.as_tensor(each[name]).double().expand(size.shape).flatten()
            for each, size in zip(drawn, got, strict=True)
        ]
        columns[name] = torch.cat(parts)
    formulas = [_fit(columns, each) for each in (mine, theirs)]
    if not all(formulas):
        return ""
    return f"{subject} is {_words(formulas[0])}. Asked for is {_words(formulas[1])}."


def _fit(columns: dict[str, Tensor], result: Tensor) -> dict[str, float]:
    """Term -> how often it counts, if few terms explain the result; else nothing."""
    columns = {n: c for n, c in columns.items() if c.isfinite().all() and c.abs().max() > 0}
    if not columns or not result.isfinite().all():
        return {}
    table = torch.stack(list(columns.values()), dim=1)
    scale = table.abs().amax(dim=0)
    for n_terms in range(1, FEW + 1):
        found = _few(list(columns), table / scale, scale, result, n_terms)
        if found:
            return found
    return _many(list(columns), table / scale, scale, result)


def _few(names: list[str], table: Tensor, scale: Tensor, result: Tensor, n_terms: int) -> dict:
    """The sum of so many terms that gives the result; plain factors and first terms preferred."""
    if len(names) < n_terms or len(result) < n_terms + TO_SPARE:
        return {}
    chosen = torch.combinations(torch.arange(len(names)), n_terms)
    tables = table[:, chosen].movedim(1, 0)  # (sums, numbers, terms)
    square = tables.mT @ tables + 1e-13 * torch.eye(n_terms, dtype=table.dtype)
    shares = torch.linalg.solve_ex(square, tables.mT @ result[:, None]).result
    sums = (tables @ shares)[..., 0]
    exact = torch.isclose(sums, result.expand_as(sums), RELATIVE, ABSOLUTE).all(dim=1)
    found = []
    for terms, share in zip(chosen[exact].tolist(), shares[exact, :, 0], strict=True):
        factors = (share / scale[terms]).tolist()
        found.append(dict(zip([names[i] for i in terms], factors, strict=True)))
    return min(found, key=lambda each: not _is_plain(each), default={})


def _many(names: list[str], table: Tensor, scale: Tensor, result: Tensor) -> dict:
    """More terms, each with a plain factor."""
    for _ in range(2):  # once more with those that count, for clean numbers
        if len(result) < table.shape[1] + TO_SPARE:
            return {}
        shares = torch.linalg.lstsq(table, result[:, None], driver="gelsd").solution[:, 0]
        counts = shares.abs() > NEGLIGIBLE * shares.abs().max()
        if not agree(table @ shares, result):
            return {}
        names = [name for name, each in zip(names, counts.tolist(), strict=True) if each]
        table, scale, shares = table[:, counts], scale[counts], shares[counts]
    found = dict(zip(names, (shares / scale).tolist(), strict=True))
    return found if len(found) <= MOST_TERMS and _is_plain(found) else {}


def _is_plain(formula: dict[str, float]) -> bool:
    """Every factor is one that somebody would write."""
    known = (*PLAIN, *NAMED)
    return all(
        name == CONSTANT or any(math.isclose(abs(factor), at, rel_tol=1e-3) for at in known)
        for name, factor in formula.items()
    )


def _words(formula: dict[str, float]) -> str:
    told = ""
    for name, factor in formula.items():
        known = (word for at, word in NAMED.items() if math.isclose(at, abs(factor), rel_tol=1e-3))
        product = next(known, f"{number(abs(factor))} · ") + name
        told += " - " if factor < 0 else " + "
        told += number(abs(factor)) if name == CONSTANT else product
    return told.removeprefix(" + ").strip()
