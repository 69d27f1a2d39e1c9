"""Variants of chapter 13: other readings of codes, other draws, other bills, other balls."""
