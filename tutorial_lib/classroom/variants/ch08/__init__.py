"""Variants of chapter 08: other skews."""
