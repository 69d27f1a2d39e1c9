"""The exercises of chapter 13, two-stage generation."""

from tutorial_lib.exercises.ch13.ex1_extract_codes import extract_codes
from tutorial_lib.exercises.ch13.ex2_codes_by_position import codes_by_position
from tutorial_lib.exercises.ch13.ex3_two_stage_sample import two_stage_sample
from tutorial_lib.exercises.ch13.ex4_total_bits_per_dim import total_bits_per_dim
from tutorial_lib.exercises.ch13.ex5_precision_and_recall import precision_and_recall
from tutorial_lib.exercises.discovery import progress_of
from tutorial_lib.exercises.moved import answering

__all__ = [
    "codes_by_position",
    "extract_codes",
    "precision_and_recall",
    "progress",
    "total_bits_per_dim",
    "two_stage_sample",
]

progress = progress_of(__name__)
__getattr__ = answering(__name__)
