"""The exercises of chapter 10, the codebook quantizer."""

from tutorial_lib.exercises.ch10.ex1_nearest_code import nearest_code
from tutorial_lib.exercises.ch10.ex2_straight_through import straight_through
from tutorial_lib.exercises.ch10.ex3_vq_losses import vq_losses
from tutorial_lib.exercises.ch10.ex4_ema_step import ema_step
from tutorial_lib.exercises.ch10.ex5_usage_perplexity import usage_perplexity
from tutorial_lib.exercises.ch10.ex6_restart_dead_codes import restart_dead_codes
from tutorial_lib.exercises.ch10.ex7_quantize import quantize
from tutorial_lib.exercises.discovery import progress_of
from tutorial_lib.exercises.moved import answering

__all__ = [
    "ema_step",
    "nearest_code",
    "progress",
    "quantize",
    "restart_dead_codes",
    "straight_through",
    "usage_perplexity",
    "vq_losses",
]

__getattr__ = answering(__name__)  # names of the old numbering

progress = progress_of(__name__)
