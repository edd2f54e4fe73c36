"""What `helpers.check` is while grading: the real checks run in the grader's process."""

from __future__ import annotations

from typing import Any


def check(name: str, answer: Any = None) -> None:
    """Say that this is checked when grading."""
    print(f"{name}: checked when grading")


def progress(unit: str) -> None:
    """Say that this is counted when grading."""
    print(f"{unit}: counted when grading")
