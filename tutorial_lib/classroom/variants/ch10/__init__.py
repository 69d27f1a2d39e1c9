"""Variants of chapter 10: other distances, other gradients, other averages."""
