"""Variants of chapter 03: other blocks, other scores, other draws."""
