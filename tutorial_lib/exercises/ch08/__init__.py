"""The exercises of chapter 08, the codebook quantizer."""

from tutorial_lib.exercises.ch08.ex1_nearest_code import nearest_code
from tutorial_lib.exercises.ch08.ex2_straight_through import straight_through
from tutorial_lib.exercises.ch08.ex3_vq_losses import vq_losses
from tutorial_lib.exercises.ch08.ex4_ema_step import ema_step
from tutorial_lib.exercises.ch08.ex5_usage_perplexity import usage_perplexity
from tutorial_lib.exercises.ch08.ex6_restart_dead_codes import restart_dead_codes

__all__ = [
    "ema_step",
    "nearest_code",
    "progress",
    "restart_dead_codes",
    "straight_through",
    "usage_perplexity",
    "vq_losses",
]


def progress() -> None:
    """Show points, outcome and attempts of this chapter's exercises."""
    from tutorial_lib.exercises.discovery import show_progress

    show_progress(__name__)
