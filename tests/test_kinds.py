"""A right answer of another kind than the library's comes back with the kinds that are promised."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import sys
import types
from typing import NamedTuple

import numpy as np
import pytest
import torch
from pretended_gpu import DeviceMismatch, pretended_gpu
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from tutorial_lib.exercises.discovery import all_exercises
from tutorial_lib.exercises.kinds import as_written, with_promised_kinds

NUMBERS = torch.tensor([1.0, 2.0])


class Pair(NamedTuple):
    precision: float
    recall: float


def tensor_promised(x) -> Tensor: ...
def float_promised(x) -> float: ...
def int_promised(x) -> int: ...
def either_promised(x) -> Tensor | float: ...
def sides_promised(x) -> tuple[tuple[int, ...], float]: ...
def tensors_promised(x) -> tuple[Tensor, Tensor]: ...
def pair_promised(x) -> Pair: ...
def nothing_promised(x): ...


@pytest.mark.parametrize(
    ("reference", "given", "wanted"),
    [
        (tensor_promised, 0.5, torch.tensor(0.5)),
        (tensor_promised, 1, torch.tensor(1.0)),
        (tensor_promised, torch.tensor(0.5).double(), torch.tensor(0.5)),
        (tensor_promised, np.float64(0.5), torch.tensor(0.5)),
        (tensor_promised, np.array([0.5, 1.0]), torch.tensor([0.5, 1.0])),
        (tensor_promised, torch.tensor(1), torch.tensor(1.0)),
        (tensor_promised, torch.tensor([1, 2]), torch.tensor([1, 2])),
        (tensor_promised, torch.tensor([True]), torch.tensor([True])),
        (tensor_promised, torch.tensor([1.0]).bfloat16(), torch.tensor([1.0]).bfloat16()),
        (tensors_promised, [0.5, np.float32(1)], (torch.tensor(0.5), torch.tensor(1.0))),
        (either_promised, 0.5, torch.tensor(0.5)),
        (float_promised, torch.tensor(0.5, requires_grad=True), 0.5),
        (float_promised, 1, 1.0),
        (int_promised, np.int64(3), 3),
        (int_promised, torch.tensor(3.0), 3),
        (sides_promised, (np.array([4, 2]), torch.tensor(0.5)), ((4, 2), 0.5)),
        (pair_promised, [0.5, torch.tensor(1.0)], Pair(0.5, 1.0)),
        (nothing_promised, np.int64(3), 3),
        (nothing_promised, "text", "text"),
    ],
)
def test_each_kind_becomes_the_promised_one(reference, given, wanted):
    got = with_promised_kinds(lambda x: given, reference)(NUMBERS)
    assert type(got) is type(wanted)
    torch.testing.assert_close(got, wanted) if not isinstance(wanted, str) else None
    if isinstance(wanted, tuple):
        assert [type(each) for each in got] == [type(each) for each in wanted]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tensor_is_as_exact_as_the_first_argument(dtype):
    function = with_promised_kinds(lambda x: torch.zeros(2), tensor_promised)
    assert function([torch.arange(2), NUMBERS.to(dtype)]).dtype == dtype
    assert function(torch.arange(2)).dtype == torch.float32
    alone = with_promised_kinds(lambda x: torch.zeros((), dtype=dtype), tensor_promised)
    assert alone(torch.arange(2)).dtype == dtype


def kind_of(value):
    return tree_map(lambda each: (type(each), getattr(each, "dtype", None)), value)


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda each: each.number)
def test_the_librarys_own_results_are_of_the_kinds_it_promises(exercise):
    """So that nothing is changed where a learner's function does as the library's does."""
    changed, n_calls = [], 0

    @functools.wraps(exercise.reference)
    def watched(*args, **kwargs):
        nonlocal n_calls
        n_calls += 1
        result = exercise.reference(*args, **kwargs)
        got = with_promised_kinds(lambda *_, **__: result, exercise.reference)(*args, **kwargs)
        if kind_of(got) != kind_of(result):
            changed.append((kind_of(result), kind_of(got)))
        return result

    assert exercise.grade(watched, 0).outcome == "passed"
    assert n_calls and not changed


def test_a_result_that_is_right_is_handed_on_itself_with_its_graph():
    x = NUMBERS.clone().requires_grad_()
    result = with_promised_kinds(lambda x: x, tensor_promised)(x)
    assert result is x
    with_promised_kinds(lambda x: x.double().sum(), tensor_promised)(x).backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_the_function_stays_the_learners_own(monkeypatch):
    def mine(x, *, k=3):
        """Words."""
        return x

    mine.note = "kept"
    handed_back = with_promised_kinds(mine, tensor_promised)
    assert inspect.signature(handed_back) == inspect.signature(mine)
    assert inspect.getsource(handed_back) == inspect.getsource(mine)
    assert (handed_back.__doc__, handed_back.note) == ("Words.", "kept")
    assert copy.deepcopy(handed_back) is handed_back
    home = types.ModuleType("a_notebook")
    monkeypatch.setitem(sys.modules, "a_notebook", home)
    mine.__module__, mine.__qualname__ = "a_notebook", "mine"
    home.mine = handed_back = with_promised_kinds(mine, tensor_promised)
    assert pickle.loads(pickle.dumps(handed_back)) is handed_back


def test_what_was_handed_back_can_be_told_from_what_a_learner_made_of_it():
    handed_back = with_promised_kinds(mine := lambda x: x, tensor_promised)
    decorated = functools.wraps(handed_back)(lambda x: -handed_back(x))
    assert as_written(handed_back) is mine and as_written(mine) is mine
    assert as_written(decorated) is decorated and as_written(3) == 3


@pytest.mark.parametrize("thing", [tensor_promised, nn.ReLU, nn.ReLU()])
def test_the_reference_a_class_and_a_module_come_back_as_they_are(thing):
    assert with_promised_kinds(thing, tensor_promised) is thing


def makes_its_own(x):
    return x * torch.ones(2)


def uses_numpy(x):
    return torch.from_numpy(np.negative(x.numpy()))


def draws(x):
    return x + torch.rand(2, generator=torch.Generator().manual_seed(0))


def returns_from_the_cpu(x):
    return x.cpu()


@pytest.mark.parametrize(
    ("function", "n_calls"),
    [(makes_its_own, 1), (returns_from_the_cpu, 1), (uses_numpy, 2), (draws, 2)],
)
def test_what_is_right_on_the_cpu_is_right_on_a_gpu(function, n_calls):
    """At once, or called again with copies on the CPU."""
    calls = []
    counted = functools.wraps(function)(lambda x: calls.append(x.is_cuda) or function(x))
    with pretended_gpu():
        got = with_promised_kinds(counted, tensor_promised)(NUMBERS.cuda())
        assert got.is_cuda and calls == [True, False][:n_calls]
        assert torch.equal(got.cpu(), function(NUMBERS))


def test_a_model_says_where_its_result_belongs():
    with pretended_gpu():
        function = with_promised_kinds(lambda model: torch.ones(2), tensor_promised)
        assert function(nn.Linear(2, 2).cuda()).is_cuda and function(nn.Linear(2, 2)).is_cpu


@pytest.mark.parametrize("function", [makes_its_own, uses_numpy, draws])
def test_without_it_a_gpu_would_have_refused(function):
    with pretended_gpu(), pytest.raises((DeviceMismatch, TypeError)):
        function(NUMBERS.cuda())


def test_an_error_of_the_learners_is_told_as_it_is():
    def mine(x):
        raise RuntimeError("of my own")

    with pretended_gpu(), pytest.raises(RuntimeError, match="of my own"):
        with_promised_kinds(mine, tensor_promised)(NUMBERS.cuda())
