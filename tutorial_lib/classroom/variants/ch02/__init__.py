"""Variants of chapter 02: other raster orders, other edges, other questions of the same matrix."""
