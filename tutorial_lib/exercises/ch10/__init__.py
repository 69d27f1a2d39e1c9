"""The exercises of chapter 10, training a VQ-VAE."""

from tutorial_lib.exercises.ch10.ex1_compression import compression
from tutorial_lib.exercises.ch10.ex2_learning_rate import learning_rate
from tutorial_lib.exercises.ch10.ex3_train_from import train_from
from tutorial_lib.exercises.ch10.ex4_normalized_mse import normalized_mse
from tutorial_lib.exercises.ch10.ex5_code_under_autocast import code_under_autocast

__all__ = [
    "code_under_autocast",
    "compression",
    "learning_rate",
    "normalized_mse",
    "progress",
    "train_from",
]


def progress() -> None:
    """Show points, outcome and attempts of this chapter's exercises."""
    from tutorial_lib.exercises.discovery import show_progress

    show_progress(__name__)
