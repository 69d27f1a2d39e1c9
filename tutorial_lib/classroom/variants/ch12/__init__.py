"""Variants of chapter 12: other scales, other strides, other questions, other orders."""

from tutorial_lib.classroom.variants.ch12.ex1_mu_law_round_trip import mu_law_round_trip
from tutorial_lib.classroom.variants.ch12.ex2_latent_bit_rate import latent_bit_rate
from tutorial_lib.classroom.variants.ch12.ex3_mutual_information_bits import (
    mutual_information_bits,
)
from tutorial_lib.classroom.variants.ch12.ex4_may_read import may_read

VARIANTS = {
    "mu_law_round_trip": mu_law_round_trip,
    "latent_bit_rate": latent_bit_rate,
    "mutual_information_bits": mutual_information_bits,
    "may_read": may_read,
}
