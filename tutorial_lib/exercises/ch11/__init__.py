"""The exercises of chapter 11, KL = log K."""

from tutorial_lib.exercises.ch11.ex1_categorical_kl import categorical_kl
from tutorial_lib.exercises.ch11.ex2_latent_rate import latent_rate
from tutorial_lib.exercises.ch11.ex3_two_stage_bound import two_stage_bound
from tutorial_lib.exercises.ch11.ex4_exact_log_p import exact_log_p
from tutorial_lib.exercises.ch11.ex5_bound_and_gap import bound_and_gap
from tutorial_lib.exercises.ch11.ex6_unigram_bits import unigram_bits
from tutorial_lib.exercises.discovery import progress_of
from tutorial_lib.exercises.moved import answering

__all__ = [
    "bound_and_gap",
    "categorical_kl",
    "exact_log_p",
    "latent_rate",
    "progress",
    "two_stage_bound",
    "unigram_bits",
]

__getattr__ = answering(__name__)  # names of the old numbering

progress = progress_of(__name__)
