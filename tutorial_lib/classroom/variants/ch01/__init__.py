"""Variants of chapter 01: other tables, other costs, other units."""
