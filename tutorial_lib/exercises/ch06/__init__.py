"""The exercises of chapter 06, fast sampling."""

from tutorial_lib.exercises.ch06.ex1_positions_computed import positions_computed
from tutorial_lib.exercises.ch06.ex2_push_row import push_row
from tutorial_lib.exercises.ch06.ex3_step_in_row import step_in_row
from tutorial_lib.exercises.ch06.ex4_sample_row_by_row import sample_row_by_row
from tutorial_lib.exercises.discovery import progress_of

__all__ = ["positions_computed", "progress", "push_row", "sample_row_by_row", "step_in_row"]

progress = progress_of(__name__)
