"""Variants of chapter 07: other priors, other divergences, other draws."""

from tutorial_lib.classroom.variants.ch07.ex1_log_evidence import log_evidence
from tutorial_lib.classroom.variants.ch07.ex2_gaussian_kl import gaussian_kl
from tutorial_lib.classroom.variants.ch07.ex3_reparameterize import reparameterize
from tutorial_lib.classroom.variants.ch07.ex4_elbo import elbo
from tutorial_lib.classroom.variants.ch07.ex5_information import information

VARIANTS = {
    "log_evidence": log_evidence,
    "gaussian_kl": gaussian_kl,
    "reparameterize": reparameterize,
    "elbo": elbo,
    "information": information,
}
