"""Variants of chapter 07: other evidence, other ideas of what is usual."""
