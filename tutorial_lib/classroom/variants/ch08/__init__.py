"""Variants of chapter 08: other distances, other gradients, other averages."""
