"""Variants of chapter 11: other readings of codes, other canvases, other bills, other balls."""
