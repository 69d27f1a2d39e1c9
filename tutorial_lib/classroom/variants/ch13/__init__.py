"""Variants of chapter 13: other readings of codes, other canvases, other bills, other balls."""
