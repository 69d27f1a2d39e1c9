"""The exercises of chapter 07, what a likelihood is good for."""

from tutorial_lib.exercises.ch07.ex1_label_posterior import label_posterior
from tutorial_lib.exercises.ch07.ex2_typicality import typicality
from tutorial_lib.exercises.discovery import progress_of
from tutorial_lib.exercises.moved import answering

__all__ = ["label_posterior", "progress", "typicality"]

__getattr__ = answering(__name__)  # names of the old numbering

progress = progress_of(__name__)
