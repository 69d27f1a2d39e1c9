"""Variants of chapter 09: other divergences, other priors, other ways to count."""
