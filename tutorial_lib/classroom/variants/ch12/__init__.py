"""Variants of chapter 12: other scales, other strides, other questions, other orders."""
