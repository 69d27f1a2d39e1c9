"""Variants of chapter 05: other conditions, other ways between labels."""
