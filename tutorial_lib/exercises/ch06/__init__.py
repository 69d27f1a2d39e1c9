"""The exercises of chapter 06, fast sampling."""

from tutorial_lib.exercises.ch06.ex1_positions_computed import positions_computed
from tutorial_lib.exercises.ch06.ex2_push_row import push_row
from tutorial_lib.exercises.ch06.ex3_step_in_row import step_in_row
from tutorial_lib.exercises.ch06.ex4_sample_row_by_row import sample_row_by_row

__all__ = [
    "positions_computed",
    "progress",
    "push_row",
    "sample_row_by_row",
    "step_in_row",
]


def progress() -> None:
    """Show points, outcome and attempts of this chapter's exercises."""
    from tutorial_lib.exercises.discovery import show_progress

    show_progress(__name__)
