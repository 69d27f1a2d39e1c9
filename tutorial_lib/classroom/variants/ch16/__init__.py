"""Variants of chapter 16: other grids, other gradients, other sums, other reach, other choices."""
