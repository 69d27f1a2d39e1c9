"""Variants of chapter 08: other distances, other gradients, other averages."""

from tutorial_lib.classroom.variants.ch08.ex1_nearest_code import nearest_code
from tutorial_lib.classroom.variants.ch08.ex2_straight_through import straight_through
from tutorial_lib.classroom.variants.ch08.ex3_vq_losses import vq_losses
from tutorial_lib.classroom.variants.ch08.ex4_ema_step import ema_step
from tutorial_lib.classroom.variants.ch08.ex5_usage_perplexity import usage_perplexity
from tutorial_lib.classroom.variants.ch08.ex6_restart_dead_codes import restart_dead_codes

VARIANTS = {
    "nearest_code": nearest_code,
    "straight_through": straight_through,
    "vq_losses": vq_losses,
    "ema_step": ema_step,
    "usage_perplexity": usage_perplexity,
    "restart_dead_codes": restart_dead_codes,
}
