"""Variants of chapter 10: other bills, other schedules, other steps, other errors."""

from tutorial_lib.classroom.variants.ch10.ex1_compression import compression
from tutorial_lib.classroom.variants.ch10.ex2_learning_rate import learning_rate
from tutorial_lib.classroom.variants.ch10.ex3_train_from import train_from
from tutorial_lib.classroom.variants.ch10.ex4_normalized_mse import normalized_mse
from tutorial_lib.classroom.variants.ch10.ex5_code_under_autocast import code_under_autocast

VARIANTS = {
    "compression": compression,
    "learning_rate": learning_rate,
    "train_from": train_from,
    "normalized_mse": normalized_mse,
    "code_under_autocast": code_under_autocast,
}
