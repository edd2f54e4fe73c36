"""Answers that are read off the table of cases: a straight line through what is right in them.

Who sees that 1000 gives 20,000 and 2000 gives 40,000 needs no idea of what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers.authoring.prove.answers import plain_right
from helpers.diagnosis import is_right
from helpers.exercises.exercise import Case, Exercise, grading_cases

#: Of more arguments no plane is laid through the cases: who finds one has thought of each.
MOST_IN_A_PLANE = 3
#: Seeds under which a line has to be right.
SEEDS = 3
#: What may be lost in computing it, relative.
ROUNDING = 1e-6

_Table = Sequence[tuple[Case, Mapping[str, Any]]]


def line_through(exercise: Exercise) -> tuple[str, ...]:
    """The arguments of which a straight line, of several a plane, through the cases that a
    notebook tries earns everything; none where there is no such line."""
    if exercise.read is not None or not exercise.parameters:
        return ()
    table = [(case, _plain(exercise, case)) for case in exercise.public_cases()]
    drawn = [case for seed in range(SEEDS) for case in grading_cases(exercise, bytes([seed]))]
    for places in _chosen(table, len(exercise.parameters)):
        if all(_is_a_plane(exercise, part, places, table, drawn) for part in table[0][1]):
            return tuple(exercise.parameters[at] for at in places)
    return ()


def _plain(exercise: Exercise, case: Case) -> Mapping[str, Any]:
    return {part: plain_right(right) for part, right in exercise.correct(case).items()}


def _chosen(table: _Table, many: int) -> list[tuple[int, ...]]:
    """The places of each argument that is a number, and of all of them where they are few."""
    numeric = [at for at in range(many) if all(_is_number(case.args[at]) for case, _ in table)]
    chosen: list[tuple[int, ...]] = [(at,) for at in numeric]
    if 1 < len(numeric) <= MOST_IN_A_PLANE:
        chosen.append(tuple(numeric))
    # Through as few points as there are numbers to find there is always a plane.
    return [each for each in chosen if len({_point(case, each) for case, _ in table}) > len(each)]


def _point(case: Case, places: Sequence[int]) -> tuple[float, ...]:
    return (1.0, *(float(case.args[at]) for at in places))


def _is_a_plane(
    exercise: Exercise, part: str, places: Sequence[int], table: _Table, drawn: Sequence[Case]
) -> bool:
    """Whether a part is a plane over some arguments that the cases of the table tell."""
    values = [row[part] for _, row in table]
    if not all(map(_is_number, values)):
        return False
    points = np.array([_point(case, places) for case, _ in table])
    scale = np.abs(points).max(axis=0).clip(min=1)
    slopes, *_ = np.linalg.lstsq(points / scale, np.array(values, dtype=float), rcond=None)

    def is_on_it(case: Case) -> bool:
        right = exercise.correct(case)[part]
        found = float(np.dot(_point(case, places), slopes / scale))
        near = max(exercise.tolerance, ROUNDING)
        # Whoever sees whole numbers rounds.
        return is_right(right, found, near) or is_right(right, round(found), near)

    return all(map(is_on_it, drawn))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
