"""Variants of chapter 11: other divergences, other priors, other ways to count."""
