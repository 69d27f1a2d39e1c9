"""Graded variants of the exercises: the twist is drawn by a number, so that classes can differ.

    variant_of(ch02.causal_mask, seed=7)

One module a chapter (`ch01`, `ch02`, ...) holds VARIANTS: the name of an exercise -> a function
that draws its twist from a random.Random and returns the Variant.
"""

from __future__ import annotations

import importlib
import random

from tutorial_lib.classroom.variants.variant import Variant
from tutorial_lib.exercises.engine import Exercise

__all__ = ["Variant", "variant_of"]


def variant_of(exercise: Exercise, seed: int) -> Variant:
    """The variant of an exercise; the same seed gives the same twist.

    Raises ValueError for an exercise that has no variant.
    """
    module = importlib.import_module(f"{__name__}.{exercise.chapter}")
    if exercise.name not in module.VARIANTS:
        raise ValueError(f"{exercise.address} has no variant in {module.__name__}")
    return module.VARIANTS[exercise.name](random.Random(f"{exercise.address} {seed}"))
