"""Variants of chapter 05: other conditions, other evidence, other ways between labels."""
