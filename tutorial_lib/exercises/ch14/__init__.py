"""The exercises of chapter 14, in colour and with pictures of one's own."""

from tutorial_lib.exercises.ch14.ex1_logistic_nats import logistic_nats
from tutorial_lib.exercises.ch14.ex2_mixture_nats import mixture_nats
from tutorial_lib.exercises.ch14.ex3_split_by_concept import split_by_concept
from tutorial_lib.exercises.ch14.ex4_to_complete import to_complete
from tutorial_lib.exercises.discovery import progress_of

__all__ = [
    "logistic_nats",
    "mixture_nats",
    "progress",
    "split_by_concept",
    "to_complete",
]

progress = progress_of(__name__)
