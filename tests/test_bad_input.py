"""Nothing wrong goes through in silence: every public name is called with wrong arguments.

The calls are made in another process, without the checks of types that pytest switches on here: a
learner in a notebook has none, and what answers there is the library itself. `bad_input` holds the
inventory: a valid call of each public name, and the ways in which its arguments can be wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BAD_INPUT = Path(__file__).with_name("bad_input")
sys.path.append(str(BAD_INPUT))


@pytest.fixture(scope="module")
def found():
    """What one round of wrong calls found."""
    command = [sys.executable, "-W", "ignore", str(BAD_INPUT), "--json", "--rounds", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)


def test_every_public_name_has_a_call_or_a_reason_why_not(found):
    assert found["without_calls"] == []
    assert found["unknown_names"] == []
    assert found["names_without_all_arguments"] == []


def test_no_reason_outlives_its_name(found):
    assert found["idle_reasons"] == []


def test_valid_calls_give_what_is_documented(found):
    assert {k: v for k, v in found["complaints"].items() if k.endswith("valid call")} == {}


def test_a_wrong_argument_is_named_and_quoted_and_nothing_goes_through_in_silence(found):
    assert found["complaints"] == {}
    assert found["silent"] == 0
    assert found["bad_calls"] > 3000
    assert found["names"] > 200


# ------------------------------------------------------------------------ the judge is no yes-man


def judged(function, value, *, gives=float, **options):
    """What the judge says of a function that is handed a wrong `value`."""
    from calls import Call, problem_with_wrong
    from kinds import count

    call = Call("a.name", lambda: function, {"n": count(3)}, gives, **options)
    return problem_with_wrong(call, {"n": value}, ["n"])


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda n: n + 1, "SILENT"),
        (lambda n: [0, 1][n], "BARE"),
        (lambda n: float("nonsense"), "BARE"),
        (lambda n: None.missing, "BARE"),
    ],
)
def test_silence_and_errors_from_below_are_told(function, verdict):
    assert judged(function, 7).startswith(verdict)


def test_a_complaint_of_the_library_that_names_and_quotes_is_accepted():
    from tutorial_lib.contracts import Count, check_of

    assert judged(lambda n: check_of(Count)("n", n), -4) is None


def test_a_complaint_that_does_not_name_or_does_not_quote_is_unclear():
    from tutorial_lib.contracts import Count, check_of

    assert judged(lambda n: check_of(Count)("size", n), -4).startswith("UNCLEAR")
    assert judged(lambda n: check_of(Count)("n", -3), 99).startswith("UNCLEAR")


def test_a_valid_call_that_gives_another_shape_or_nan_is_told():
    import torch
    from calls import Call, problem_with_valid

    def entry(result):
        return Call("a.name", lambda: lambda: result, {}, (2,))

    assert problem_with_valid(entry(torch.zeros(2)), {}) is None
    assert "gave Tensor(3,)" in problem_with_valid(entry(torch.zeros(3)), {})
    assert "not finite" in problem_with_valid(entry(torch.tensor([0.0, float("nan")])), {})
