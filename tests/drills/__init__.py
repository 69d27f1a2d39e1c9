"""Fault drills: faults made on purpose, at random places, round after round.

A drill is a generator: (rounds, rng) -> for each round None if the fault was survived, or a
sentence that says what went wrong. `make test` runs a few rounds of each (test_faults.py),
`make faults` many (tools/run_faults.py); both find the drills here, module by module.

    DRILLS = (Drill("killed while saving", killed_while_saving, rounds=500, short=20), ...)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Drill:
    """name: the fault, as the table says; rounds: in `make faults`; short: in `make test`,
    0 for none.

    unavailable: why it can't be made on this machine, or nothing. It is skipped then, and the
    reason told.
    """

    name: str
    run: Callable[[int, Random], Iterator[str | None]]
    rounds: int
    short: int
    unavailable: str = ""


def all_drills() -> list[Drill]:
    """Every drill of every module of this package, found by looking."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{name}") for name in modules]
    return [drill for module in found for drill in getattr(module, "DRILLS", ())]
