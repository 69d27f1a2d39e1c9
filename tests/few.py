"""A few cases in `make test`, all of them in `make faults`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def few(cases: Iterable, n: int) -> list:
    """Cases for `pytest.mark.parametrize`: from the n-th on they are for `make faults`.

    A tuple holds the values of several parameters.
    """
    return [each if i < n else _long(each) for i, each in enumerate(cases)]


def _long(case):
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)
