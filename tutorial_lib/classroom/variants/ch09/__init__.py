"""Variants of chapter 09: other priors, other divergences, other draws."""
