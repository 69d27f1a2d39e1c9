"""Variants of chapter 17: other states of a run, other distances."""
