"""Variants of chapter 04: other raster orders, other edges, other arrows, other colours."""
