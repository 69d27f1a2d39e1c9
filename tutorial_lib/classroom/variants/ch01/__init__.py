"""Variants of chapter 01: other tables, other costs, other units."""

from tutorial_lib.classroom.variants.ch01.ex1_log_prob_nats import log_prob_nats
from tutorial_lib.classroom.variants.ch01.ex2_sample_pixels import sample_pixels
from tutorial_lib.classroom.variants.ch01.ex3_nll_nats import nll_nats
from tutorial_lib.classroom.variants.ch01.ex4_bits_per_dim import bits_per_dim
from tutorial_lib.classroom.variants.ch01.ex5_entropy_bits import entropy_bits

VARIANTS = {
    "log_prob_nats": log_prob_nats,
    "sample_pixels": sample_pixels,
    "nll_nats": nll_nats,
    "bits_per_dim": bits_per_dim,
    "entropy_bits": entropy_bits,
}
