"""Variants of chapter 12: other bills, other schedules, other errors."""
