"""Variants of chapter 10: other bills, other schedules, other steps, other errors."""
