"""From a public name to what is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from calls import Call
from kinds import Kind


def call(
    name: str,
    gives: Any,
    arguments: dict[str, Kind],
    *,
    of: Callable[[], Callable] | None = None,
    raises: tuple[type[Exception], ...] = (),
    variant: str = "",
) -> Call:
    """The entry of a function or class, found by its name; of a method if `of` makes it."""
    module, thing = name.rsplit(".", 1)
    if of is None:
        found = getattr(importlib.import_module(f"tutorial_lib.{module}"), thing)
        return Call(name, lambda: found, arguments, gives, raises, variant)
    return Call(name, of, arguments, gives, raises, variant)
