"""Variants of chapter 09: other divergences, other priors, other ways to count."""

from tutorial_lib.classroom.variants.ch09.ex1_categorical_kl import categorical_kl
from tutorial_lib.classroom.variants.ch09.ex2_latent_rate import latent_rate
from tutorial_lib.classroom.variants.ch09.ex3_two_stage_bound import two_stage_bound
from tutorial_lib.classroom.variants.ch09.ex4_exact_log_p import exact_log_p
from tutorial_lib.classroom.variants.ch09.ex5_unigram_bits import unigram_bits

VARIANTS = {
    "categorical_kl": categorical_kl,
    "latent_rate": latent_rate,
    "two_stage_bound": two_stage_bound,
    "exact_log_p": exact_log_p,
    "unigram_bits": unigram_bits,
}
