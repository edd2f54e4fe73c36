"""Statements of fact about the course, its package and its notebooks."""

from pathlib import Path

#: The root of the checkout.
COURSE = Path(__file__).parents[1]
