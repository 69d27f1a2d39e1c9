"""All chapters and exercises, found in the package itself and never listed by hand."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType

import tutorial_lib.exercises as package
from tutorial_lib.exercises.engine import Exercise
from tutorial_lib.exercises.progress import progress_report
from tutorial_lib.exercises.reports import show


def chapters() -> dict[str, ModuleType]:
    """The chapter packages by name ("ch01", ...), in order."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    names = [name for name in names if re.fullmatch(r"ch\d\d", name)]
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}


def exercises_of(chapter: ModuleType) -> list[Exercise]:
    """The exercises that a chapter offers, by their numbers."""
    found = [value for value in vars(chapter).values() if isinstance(value, Exercise)]
    return sorted(found, key=lambda each: [int(part) for part in each.number.split(".")])


def all_exercises() -> list[Exercise]:
    """Every exercise of every chapter, in order."""
    return [each for chapter in chapters().values() for each in exercises_of(chapter)]


def progress_of(chapter: str) -> Callable[[], None]:
    """The `progress` of a chapter, by the name of its package."""

    def progress() -> None:
        """Show points, outcome and attempts of this chapter's exercises."""
        module = importlib.import_module(chapter)
        show(progress_report(chapter.rpartition(".")[2], exercises_of(module)))

    return progress
