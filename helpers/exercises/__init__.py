"""Every graded question, by name; `registry` says how one becomes one."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.exercises.exercise import Case, Exercise, Misconception, OneOf, grading_cases
from helpers.exercises.registry import find_exercises

__all__ = ["EXERCISES", "Case", "Exercise", "Misconception", "OneOf", "grading_cases"]

EXERCISES: Mapping[str, Exercise] = find_exercises(__name__, __path__)
