"""Variants of chapter 07: other priors, other divergences, other draws."""
