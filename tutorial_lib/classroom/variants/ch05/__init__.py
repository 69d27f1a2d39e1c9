"""Variants of chapter 05: other conditions, other evidence, other ways between labels."""

from tutorial_lib.classroom.variants.ch05.ex1_conditional_gate import conditional_gate
from tutorial_lib.classroom.variants.ch05.ex2_label_posterior import label_posterior
from tutorial_lib.classroom.variants.ch05.ex3_soft_labels import soft_labels
from tutorial_lib.classroom.variants.ch05.ex4_spatial_context import spatial_context
from tutorial_lib.classroom.variants.ch05.ex5_typicality import typicality

VARIANTS = {
    "conditional_gate": conditional_gate,
    "label_posterior": label_posterior,
    "soft_labels": soft_labels,
    "spatial_context": spatial_context,
    "typicality": typicality,
}
