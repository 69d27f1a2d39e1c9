"""The exercises of chapter 05, conditional generation."""

from tutorial_lib.exercises.ch05.ex1_conditional_gate import conditional_gate
from tutorial_lib.exercises.ch05.ex2_label_posterior import label_posterior
from tutorial_lib.exercises.ch05.ex3_soft_labels import soft_labels
from tutorial_lib.exercises.ch05.ex4_spatial_context import spatial_context
from tutorial_lib.exercises.ch05.ex5_typicality import typicality

__all__ = [
    "conditional_gate",
    "label_posterior",
    "progress",
    "soft_labels",
    "spatial_context",
    "typicality",
]


def progress() -> None:
    """Show points, outcome and attempts of this chapter's exercises."""
    from tutorial_lib.exercises.discovery import show_progress

    show_progress(__name__)
