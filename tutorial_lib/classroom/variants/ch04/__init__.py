"""Variants of chapter 04: other raster orders, other gates, other arrows, other costs."""

from tutorial_lib.classroom.variants.ch04.ex1_shift_down import shift_down
from tutorial_lib.classroom.variants.ch04.ex2_horizontal_conv import horizontal_conv
from tutorial_lib.classroom.variants.ch04.ex3_gate import gate
from tutorial_lib.classroom.variants.ch04.ex4_gated_layer import gated_layer
from tutorial_lib.classroom.variants.ch04.ex5_multiplications import multiplications_per_pixel

VARIANTS = {
    "shift_down": shift_down,
    "horizontal_conv": horizontal_conv,
    "gate": gate,
    "gated_layer": gated_layer,
    "multiplications_per_pixel": multiplications_per_pixel,
}
