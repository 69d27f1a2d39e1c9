"""Wrong arguments for everything public: refused with a sentence, never taken in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from drills import Drill

BAD_INPUT = Path(__file__).resolve().parents[1] / "bad_input"
CALLS_A_ROUND = 5000  # roughly, in one round of that script


def wrong_arguments(rounds: int, rng: Random) -> Iterator[str | None]:
    """Calls in another process, without pytest's checks of types; `rounds` is their number."""
    if rounds == 0:  # test_bad_input.py makes a round of its own
        return
    n_rounds = max(1, rounds // CALLS_A_ROUND)
    command = [sys.executable, "-W", "ignore", str(BAD_INPUT), "--json", "--rounds", str(n_rounds)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 1):
        yield f"the calls broke off: {run.stderr[-500:]}"
        return
    found = json.loads(run.stdout)
    complaints = [f"{name}: {told}" for name, told in found["complaints"].items()]
    yield from complaints
    for _ in range(found["bad_calls"] - len(complaints)):
        yield None


DRILLS = (Drill("wrong arguments for a public name", wrong_arguments, 100_000, 0),)
