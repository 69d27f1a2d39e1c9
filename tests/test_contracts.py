"""@checked: what the annotations say is held, and each complaint names and quotes what came in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from jaxtyping import Float, Inexact, Int, Integer, Shaped
from torch import Tensor, nn

from tutorial_lib.contracts import (
    Count,
    OddSides,
    Positive,
    Share,
    check_fields,
    checked,
    filled,
    finite,
    probabilities,
    symbols,
    values_known_to_be_good,
    within,
)


@checked
def look_up(
    z_e: Float[Tensor, "B D *positions"],
    codebook: Float[Tensor, "K D"],
    *,
    labels: Int[Tensor, " B"] | None = None,
    levels: Integer[Tensor, "..."] | None = None,
):
    return levels


@checked
def sized(
    n: Count = 1,
    kernel_size: OddSides = 3,
    rate: Positive = 0.1,
    decay: Share = 0.5,
    out: Path | str | None = None,
    kind: Literal["A", "B"] = "A",
    center: bool = True,
    generator: torch.Generator | None = None,
):
    return n, kernel_size, rate, out


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.width, self.weight = 3, nn.Parameter(torch.ones(1))

    @checked
    def forward(self, x: Float[Tensor, "B {self.width}"]):
        return x * self.weight


@checked
def framed(
    square: Shaped[Tensor, "N N"] | None = None,
    row: Shaped[Tensor, "B 1 1 T"] | None = None,
    given: Shaped[Tensor, "{n} {len(names)}"] | None = None,
    *,
    n: Count = 3,
    names: Sequence[str] = ("a", "b"),
):
    return n


Z, CODES = torch.zeros(2, 3, 4, 4), torch.zeros(7, 3)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: look_up(3, CODES), TypeError, "z_e must be a torch.Tensor, got 3"),
        (lambda: look_up(Z.long(), CODES), TypeError, "z_e must be a floating-point tensor, got"),
        (lambda: look_up(Z, CODES.double()), TypeError, "codebook must be a torch.float32 tensor"),
        (lambda: look_up(Z, CODES.to("meta")), ValueError, "codebook must be on the device cpu"),
        (lambda: look_up(Z, CODES[:, :2]), ValueError, r"shape \(K, 3\), got \(7, 2\)"),
        (lambda: look_up(Z[0, 0, 0], CODES), ValueError, r"shape \(B, D, \*positions"),
        (lambda: look_up(Z, CODES, labels=torch.zeros(2)), TypeError, "use labels.long()"),
        (lambda: look_up(Z, CODES, labels=torch.zeros(3).long()), ValueError, r"\(2\), got \(3,\)"),
        (lambda: sized(n=0), ValueError, "n must be at least 1, got 0"),
        (lambda: sized(n=True), TypeError, "n must be an integer, got True"),
        (lambda: sized(n=1.0), TypeError, "n must be an integer, got 1.0"),
        (lambda: sized(kernel_size=4), ValueError, "kernel_size must be odd.* got 4"),
        (lambda: sized(kernel_size=(3, 3, 3)), ValueError, "kernel_size must hold 2 values"),
        (lambda: sized(rate=0), ValueError, "rate must be a finite number above 0, got 0"),
        (lambda: sized(rate=float("nan")), ValueError, "rate must be a finite number, got nan"),
        (lambda: sized(decay=1), ValueError, "decay must be a share.* got 1"),
        (lambda: sized(out=3), TypeError, "out must be a path or None, got 3"),
        (lambda: sized(kind="C"), ValueError, "kind must be one of 'A', 'B', got 'C'"),
        (lambda: sized(center=1), TypeError, "center must be True or False, got 1"),
        (lambda: sized(generator=3), TypeError, "generator must be a Generator or None, got 3"),
        (lambda: Layer()(torch.zeros(2, 4)), ValueError, r"shape \(B, 3\), got \(2, 4\)"),
        (lambda: Layer()(torch.zeros(2, 3).double()), TypeError, "x must be a torch.float32"),
        (lambda: framed(square=torch.ones(4, 3)), ValueError, r"shape \(N, N\), got \(4, 3\)"),
        (lambda: framed(row=torch.ones(2, 5, 1, 7)), ValueError, r"\(B, 1, 1, T\), got \(2, 5"),
        (lambda: framed(given=torch.ones(2, 2)), ValueError, r"shape \(3, 2\), got \(2, 2\)"),
        (lambda: framed(given=torch.ones(3, 2), n="3"), TypeError, "n must be an integer, got '3'"),
        (
            lambda: within("x", torch.tensor([0.5, 1.0]), 0, 1, open_end=True),
            ValueError,
            r"\[0, 1\)",
        ),
        (lambda: within("x", torch.tensor([math.nan]), 0, 1), ValueError, "got values nan"),
        (lambda: probabilities("p", torch.tensor([0.5, 0.6])), ValueError, "sums 1.1 .. 1.1"),
        (lambda: probabilities("p", torch.tensor([1.5, -0.5])), ValueError, "values from -0.5"),
        (lambda: filled("x", torch.ones(3, 0)), ValueError, r"not be empty, got shape \(3, 0\)"),
        (lambda: filled("names", []), ValueError, r"names must not be empty, got \[\]"),
        (lambda: symbols("levels", torch.tensor([0, 5]), 4), ValueError, "lie in 0 .. 3, got.* 5"),
        (lambda: finite("x", torch.tensor([1.0, torch.inf])), ValueError, "got inf"),
    ],
)
def test_a_wrong_argument_is_named_and_quoted(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_right_arguments_pass_as_they_are_and_numpy_numbers_become_pythons():
    assert look_up(Z, CODES, labels=torch.zeros(2).long()) is None
    assert look_up(Z, CODES, levels=torch.ones(2, dtype=torch.uint8)).dtype == torch.long
    n, kernel_size, rate, out = sized(
        n=np.int64(3), kernel_size=(3, 5), rate=np.float32(1), out="a"
    )
    assert (type(n), kernel_size, type(rate), out) == (int, (3, 5), float, Path("a"))


def test_only_inexact_tensors_may_be_of_another_precision():
    @checked
    def drawn(logits: Float[Tensor, "B L"], uniforms: Inexact[Tensor, " B"]):
        return uniforms.dtype

    assert drawn(torch.ones(2, 3), torch.ones(2).double()) == torch.float64
    with pytest.raises(TypeError, match="uniforms must be a floating-point tensor"):
        drawn(torch.ones(2, 3), torch.ones(2).long())


def test_right_frames_and_values_pass():
    frame = torch.ones(4, 4), torch.ones(2, 1, 1, 7), torch.ones(5, 2)
    assert framed(*frame, n=5) == 5
    assert within("x", torch.tensor([0.0, 1.0]), 0, 1).tolist() == [0, 1]
    assert probabilities("p", torch.tensor([0.25, 0.75])).sum() == 1
    assert filled("names", ["a"]) == ["a"]


def test_values_that_were_looked_at_before_are_not_read_again():
    with values_known_to_be_good():
        assert symbols("levels", torch.tensor([7]), 4) == 7
    with pytest.raises(ValueError, match="levels must lie in 0 .. 3"):
        symbols("levels", torch.tensor([7]), 4)


def test_python_says_itself_which_argument_is_missing():
    with pytest.raises(TypeError, match=r"look_up\(\) missing 1 required .* 'codebook'"):
        look_up(Z)


def test_a_compiled_graph_skips_the_contract():
    compiled = torch.compile(Layer(), backend="eager", fullgraph=True)
    assert compiled(torch.ones(2, 3)).tolist() == [[1.0] * 3] * 2


def test_half_precision_meets_float32_weights_under_autocast_alone():
    half = torch.ones(2, 3, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match="x must be a torch.float32 tensor, got torch.bfloat16"):
        Layer()(half)
    with torch.autocast("cpu", torch.bfloat16):
        Layer()(half)


def test_settings_are_held_field_by_field():
    @dataclass(frozen=True)
    class Settings:
        n_codes: Count = 8
        decay: Share = 0.9

        def __post_init__(self):
            check_fields(self)

    assert type(Settings(n_codes=np.int64(4)).n_codes) is int
    with pytest.raises(ValueError, match="n_codes must be at least 1, got 0"):
        Settings(n_codes=0)
