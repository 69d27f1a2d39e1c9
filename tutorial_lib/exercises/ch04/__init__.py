"""The exercises of chapter 04, the gated PixelCNN."""

from tutorial_lib.exercises.ch04.ex1_shift_down import shift_down
from tutorial_lib.exercises.ch04.ex2_horizontal_conv import horizontal_conv
from tutorial_lib.exercises.ch04.ex3_gate import gate
from tutorial_lib.exercises.ch04.ex4_gated_layer import gated_layer
from tutorial_lib.exercises.ch04.ex5_multiplications import multiplications_per_pixel
from tutorial_lib.exercises.discovery import progress_of

__all__ = [
    "gate",
    "gated_layer",
    "horizontal_conv",
    "multiplications_per_pixel",
    "progress",
    "shift_down",
]

progress = progress_of(__name__)
