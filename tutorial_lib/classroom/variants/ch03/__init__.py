"""Variants of chapter 03: other blocks, other scores, other draws, other skews."""

from tutorial_lib.classroom.variants.ch03.ex1_residual_block import residual_block
from tutorial_lib.classroom.variants.ch03.ex2_held_out_score import held_out_score
from tutorial_lib.classroom.variants.ch03.ex3_sample_images import sample_images
from tutorial_lib.classroom.variants.ch03.ex4_skew import skew
from tutorial_lib.classroom.variants.ch03.ex5_unskew import unskew

VARIANTS = {
    "residual_block": residual_block,
    "held_out_score": held_out_score,
    "sample_images": sample_images,
    "skew": skew,
    "unskew": unskew,
}
