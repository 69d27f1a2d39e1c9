"""Variants of chapter 06: other crops, other windows, other directions, other things known."""

from tutorial_lib.classroom.variants.ch06.ex1_positions_computed import positions_computed
from tutorial_lib.classroom.variants.ch06.ex2_push_row import push_row
from tutorial_lib.classroom.variants.ch06.ex3_step_in_row import step_in_row
from tutorial_lib.classroom.variants.ch06.ex4_sample_row_by_row import sample_row_by_row

VARIANTS = {
    "positions_computed": positions_computed,
    "push_row": push_row,
    "step_in_row": step_in_row,
    "sample_row_by_row": sample_row_by_row,
}
