"""Graded variants of the exercises: the twist is drawn by a number, so that classes can differ.

    variant_of(ch02.causal_mask, seed=7)

One module an exercise declares its Variants, under the exercise's name.
"""

from __future__ import annotations

import importlib
import pkgutil
import random

from tutorial_lib.classroom.variants.variant import Variant, Variants
from tutorial_lib.exercises.engine import Exercise

__all__ = ["Variant", "variant_of", "variants_of"]


def variant_of(exercise: Exercise, seed: int) -> Variant:
    """The variant of an exercise; the same seed gives the same twist.

    Raises ValueError for an exercise that has no variant.
    """
    return variants_of(exercise).draw(random.Random(f"{exercise.address} {seed}"))


def variants_of(exercise: Exercise) -> Variants:
    """All variants of an exercise. Raises ValueError if there are none."""
    chapter = importlib.import_module(f"{__name__}.{exercise.chapter}")
    for module in pkgutil.iter_modules(chapter.__path__, f"{chapter.__name__}."):
        found = getattr(importlib.import_module(module.name), exercise.name, None)
        if isinstance(found, Variants):
            return found
    raise ValueError(f"{exercise.address} has no variant in {chapter.__name__}")
