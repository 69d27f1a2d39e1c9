"""Courses made from the exercises, and grades that no student's code can touch."""
