"""The exercises of chapter 12, training a VQ-VAE."""

from tutorial_lib.exercises.ch12.ex1_compression import compression
from tutorial_lib.exercises.ch12.ex2_learning_rate import learning_rate
from tutorial_lib.exercises.ch12.ex3_normalized_mse import normalized_mse
from tutorial_lib.exercises.discovery import progress_of
from tutorial_lib.exercises.moved import answering

__all__ = ["compression", "learning_rate", "normalized_mse", "progress"]

__getattr__ = answering(__name__)  # names of the old numbering

progress = progress_of(__name__)
