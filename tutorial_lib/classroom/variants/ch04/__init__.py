"""Variants of chapter 04: other raster orders, other gates, other arrows, other costs."""
