"""Variants of chapter 11: other readings of codes, other canvases, other bills, other balls."""

from tutorial_lib.classroom.variants.ch11.ex1_extract_codes import extract_codes
from tutorial_lib.classroom.variants.ch11.ex2_codes_by_position import codes_by_position
from tutorial_lib.classroom.variants.ch11.ex3_completion_canvas import completion_canvas
from tutorial_lib.classroom.variants.ch11.ex4_total_bits_per_dim import total_bits_per_dim
from tutorial_lib.classroom.variants.ch11.ex5_precision_and_recall import precision_and_recall

VARIANTS = {
    "extract_codes": extract_codes,
    "codes_by_position": codes_by_position,
    "completion_canvas": completion_canvas,
    "total_bits_per_dim": total_bits_per_dim,
    "precision_and_recall": precision_and_recall,
}
