"""The exercises of chapter 02, masked convolutions."""

from tutorial_lib.exercises.ch02.ex1_causal_mask import causal_mask
from tutorial_lib.exercises.ch02.ex2_masked_conv2d import masked_conv2d
from tutorial_lib.exercises.ch02.ex3_influence_row import influence_row
from tutorial_lib.exercises.ch02.ex4_unread_fraction import unread_fraction
from tutorial_lib.exercises.ch02.ex5_color_causal_mask import color_causal_mask
from tutorial_lib.exercises.discovery import progress_of

__all__ = [
    "causal_mask",
    "color_causal_mask",
    "influence_row",
    "masked_conv2d",
    "progress",
    "unread_fraction",
]

progress = progress_of(__name__)
