"""Variants of chapter 14: other intervals, other choices of a bump, other splits, other halves."""
