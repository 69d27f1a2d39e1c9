"""Call every public name of the library with wrong arguments, without the checks of pytest.

    python tests/bad_input                     once through all mutations of all arguments
    python tests/bad_input --rounds 20         twenty times, with other wrong values each time
    python tests/bad_input --only quantize     the names that begin so
    python tests/bad_input --json              for tests: all that was found as JSON

Under pytest a learner's mistake would be answered by beartype before the library sees it; here, as
in a notebook, the library has to answer by itself. The same rounds make the same calls.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import os
import sys
import tempfile

os.environ["MPLBACKEND"] = "Agg"

import torch  # noqa: E402
from calls import (  # noqa: E402
    Call,
    Tally,
    problem_with_edge,
    problem_with_valid,
    problem_with_wrong,
)
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from inventory import CALLS  # noqa: E402
from public_names import public_names  # noqa: E402
from without_calls import REASONS, reason_without  # noqa: E402

PAIRS = 2  # calls with two wrong arguments, for each name and round


def check_valid(call: Call, tally: Tally) -> None:
    """The valid call, and the rare values that are no mistake."""
    problem = problem_with_valid(call, call.valid())
    if problem is not None:
        tally.complaints[f"{call.title}: valid call"] = problem
    for name, kind in call.arguments.items():
        for value in kind.edges:
            problem = problem_with_edge(call, {**call.valid(), name: value}, [name])
            if problem is not None:
                tally.complaints[f"{call.title}: {name} of shape {tuple(value.shape)}"] = problem


def try_wrong(call: Call, tally: Tally, rounds: int) -> None:
    """Every mutation of every argument in each round, then pairs of them."""
    mutations = [(name, m) for name, kind in call.arguments.items() for m in kind.wrong]
    if not mutations:
        return

    @settings(
        max_examples=rounds,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def one_round(data):
        for name, mutation in mutations:
            wrong = {name: data.draw(mutation.values)}
            related = mutation.is_relative
            problem = problem_with_wrong(call, {**call.valid(), **wrong}, [name], related)
            tally.note(f"{call.title}: {name}, {mutation.label}", problem)
        for _ in range(PAIRS):
            (a, first), (b, second) = (data.draw(st.sampled_from(mutations)) for _ in range(2))
            if first.is_relative and second.is_relative or first.label == second.label:
                continue  # two that are changed alike fit each other again
            wrong = {a: data.draw(first.values), b: data.draw(second.values)}
            related = first.is_relative or second.is_relative
            problem = problem_with_wrong(call, {**call.valid(), **wrong}, list(wrong), related)
            tally.note(f"{call.title}: {a} and {b}, {first.label} and {second.label}", problem)

    one_round()


@contextlib.contextmanager
def in_a_quiet_place():
    """A folder that vanishes for the files that valid calls write, and no output."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                with contextlib.redirect_stderr(io.StringIO()):
                    yield
        finally:
            os.chdir(here)


def names_without_calls(names: set[str]) -> list[str]:
    """Public names with neither a call nor a reason."""
    called = {call.name for call in CALLS}
    return sorted(n for n in names - called if reason_without(n) is None)


def names_of_nothing(names: set[str]) -> list[str]:
    """Calls whose name is not public."""
    return sorted({call.name for call in CALLS} - names)


def names_without_all_arguments(public: dict) -> list[str]:
    """ "name: argument" for what no call of a public name says anything about."""
    known: dict[str, set[str]] = {}
    for call in CALLS:
        known.setdefault(call.name, set()).update(call.arguments)
    missing = []
    for name, arguments in known.items():
        parameters = inspect.signature(public[name]).parameters.values()
        named = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        missing += [f"{name}: {each}" for each in named - arguments - {"self"}]
    return sorted(missing)


def idle_reasons(names: set[str]) -> list[str]:
    """Reasons for what does not exist, or has calls throughout."""
    uncalled = names - {call.name for call in CALLS}
    return [r for r in REASONS if not any(f"{n}.".startswith(f"{r}.") for n in uncalled)]


def main(arguments: list[str] | None = None) -> int:
    """Print what was found; the exit status is 0 if there is nothing to complain of."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    tally, public = Tally(), public_names()
    names = set(public)
    calls = [call for call in CALLS if call.name.startswith(options.only)]
    with in_a_quiet_place():
        for call in calls:
            check_valid(call, tally)
            try_wrong(call, tally, options.rounds)
    found = {
        "bad_calls": tally.tried,
        "names": len({call.name for call in calls}),
        "silent": tally.silent,
        "complaints": tally.complaints,
        "public_names": len(names),
        "without_calls": names_without_calls(names),
        "unknown_names": names_of_nothing(names),
        "names_without_all_arguments": names_without_all_arguments(public),
        "idle_reasons": idle_reasons(names),
    }
    if options.json:
        print(json.dumps(found))
    else:
        report(found)
    lists = ("complaints", "without_calls", "unknown_names", "names_without_all_arguments")
    return int(any(found[each] for each in lists))


def report(found: dict) -> None:
    """The findings, then one line that sums them up."""
    for key, problem in found["complaints"].items():
        print(f"{key}\n    {problem}")
    for name in found["without_calls"]:
        print(f"{name}: public, but neither called nor excused")
    for name in found["unknown_names"]:
        print(f"{name}: no such public name that takes an argument")
    for name in found["names_without_all_arguments"]:
        print(f"{name}: no call says anything about this argument")
    for name in found["idle_reasons"]:
        print(f"{name}: a reason for nothing")
    print(
        f"{found['bad_calls']} bad calls of {found['names']} public names "
        f"(of {found['public_names']}): {found['silent']} went through in silence, "
        f"{len(found['complaints'])} kinds of complaint"
    )


if __name__ == "__main__":
    sys.exit(main())
