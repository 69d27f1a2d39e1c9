"""The exercises of chapter 03, PixelCNN and PixelRNN."""

from tutorial_lib.exercises.ch03.ex1_residual_block import residual_block
from tutorial_lib.exercises.ch03.ex2_held_out_score import held_out_score
from tutorial_lib.exercises.ch03.ex3_sample_images import sample_images
from tutorial_lib.exercises.ch03.ex4_skew import skew
from tutorial_lib.exercises.ch03.ex5_unskew import unskew

__all__ = [
    "held_out_score",
    "progress",
    "residual_block",
    "sample_images",
    "skew",
    "unskew",
]


def progress() -> None:
    """Show points, outcome and attempts of this chapter's exercises."""
    from tutorial_lib.exercises.discovery import show_progress

    show_progress(__name__)
