"""The exercises of chapter 15, sound and video."""

from tutorial_lib.exercises.ch15.ex1_mu_law_round_trip import mu_law_round_trip
from tutorial_lib.exercises.ch15.ex2_latent_bit_rate import latent_bit_rate
from tutorial_lib.exercises.ch15.ex3_mutual_information_bits import mutual_information_bits
from tutorial_lib.exercises.ch15.ex4_may_read import may_read
from tutorial_lib.exercises.discovery import progress_of

__all__ = [
    "latent_bit_rate",
    "may_read",
    "mu_law_round_trip",
    "mutual_information_bits",
    "progress",
]

progress = progress_of(__name__)
