"""Every graded question, by name. A unit's questions stand in the file of the unit's name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from helpers.exercises import (
    activations,
    autodiff,
    building_blocks,
    flops,
    homework,
    kernels,
    memory,
    roofline,
    training_memory,
)
from helpers.exercises.exercise import Case, Exercise, Misconception, OneOf, grading_cases

__all__ = ["EXERCISES", "Case", "Exercise", "Misconception", "OneOf", "grading_cases"]


def _by_name(*units: tuple[Exercise, ...]) -> Mapping[str, Exercise]:
    exercises: dict[str, Exercise] = {}
    for exercise in (exercise for unit in units for exercise in unit):
        if exercise.name in exercises:
            raise ValueError(f"two questions are called {exercise.name!r}")
        exercises[exercise.name] = exercise
    return MappingProxyType(exercises)


EXERCISES: Mapping[str, Exercise] = _by_name(
    building_blocks.EXERCISES,
    flops.EXERCISES,
    memory.EXERCISES,
    roofline.EXERCISES,
    activations.EXERCISES,
    training_memory.EXERCISES,
    autodiff.EXERCISES,
    kernels.EXERCISES,
    homework.EXERCISES,
)
