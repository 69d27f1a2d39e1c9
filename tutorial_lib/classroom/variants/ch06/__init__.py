"""Variants of chapter 06: other crops, other windows, other directions, other things known."""
