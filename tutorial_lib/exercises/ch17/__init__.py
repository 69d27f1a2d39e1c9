"""The exercises of chapter 17, training at scale."""

from tutorial_lib.exercises.ch17.ex1_train_from import train_from
from tutorial_lib.exercises.ch17.ex2_code_under_autocast import code_under_autocast
from tutorial_lib.exercises.discovery import progress_of

__all__ = ["code_under_autocast", "progress", "train_from"]

progress = progress_of(__name__)
