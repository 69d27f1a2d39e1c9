"""The exercises of chapter 16, after the papers."""

from tutorial_lib.exercises.ch16.ex1_fsq_quantize import fsq_quantize
from tutorial_lib.exercises.ch16.ex2_rotate_to import rotate_to
from tutorial_lib.exercises.ch16.ex3_residual_quantize import residual_quantize
from tutorial_lib.exercises.ch16.ex4_attend import attend
from tutorial_lib.exercises.ch16.ex5_fill_in import fill_in
from tutorial_lib.exercises.discovery import progress_of

__all__ = [
    "attend",
    "fill_in",
    "fsq_quantize",
    "progress",
    "residual_quantize",
    "rotate_to",
]

progress = progress_of(__name__)
