"""Variants of chapter 15: other scales, other strides, other questions, other orders."""
