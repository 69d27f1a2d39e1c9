"""Variants of chapter 02: other raster orders, other edges, other questions of the same matrix."""

from tutorial_lib.classroom.variants.ch02.ex1_causal_mask import causal_mask
from tutorial_lib.classroom.variants.ch02.ex2_masked_conv2d import masked_conv2d
from tutorial_lib.classroom.variants.ch02.ex3_influence_row import influence_row
from tutorial_lib.classroom.variants.ch02.ex4_unread_fraction import unread_fraction
from tutorial_lib.classroom.variants.ch02.ex5_color_causal_mask import color_causal_mask

VARIANTS = {
    "causal_mask": causal_mask,
    "masked_conv2d": masked_conv2d,
    "influence_row": influence_row,
    "unread_fraction": unread_fraction,
    "color_causal_mask": color_causal_mask,
}
