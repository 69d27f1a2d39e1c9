"""The exercises of chapter 01, images as sequences."""

from tutorial_lib.exercises.ch01.ex1_log_prob_nats import log_prob_nats
from tutorial_lib.exercises.ch01.ex2_sample_pixels import sample_pixels
from tutorial_lib.exercises.ch01.ex3_nll_nats import nll_nats
from tutorial_lib.exercises.ch01.ex4_bits_per_dim import bits_per_dim
from tutorial_lib.exercises.ch01.ex5_entropy_bits import entropy_bits
from tutorial_lib.exercises.discovery import progress_of

__all__ = ["bits_per_dim", "entropy_bits", "log_prob_nats", "nll_nats", "progress", "sample_pixels"]

progress = progress_of(__name__)
