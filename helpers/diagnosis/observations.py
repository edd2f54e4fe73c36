"""What can be seen of a wrong answer that nothing explains: where it is right, and where not.

No claim on why. Seen are the cases that the student sees, so that it is the same line when graded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from helpers.diagnosis.comparison import is_right
from helpers.diagnosis.explanation import Attempt
from helpers.diagnosis.relations import numbers_of
from helpers.exercises.exercise import Exercise, Right


def observed(exercise: Exercise, attempts: Sequence[Attempt], rights: Sequence[Right]) -> str:
    """A line on a part of an answer, or "". `rights`: one for each attempt."""
    shown = [
        (attempt, right)
        for attempt, right in zip(attempts, rights, strict=True)
        if not (attempt.case.hidden or attempt.case.spare)
    ]
    values = [attempt.value for attempt, _ in shown]
    theirs = [right for _, right in shown]
    accepted = [
        is_right(right, value, exercise.tolerance)
        for right, value in zip(theirs, values, strict=True)
    ]
    if len(values) > 1 and _all_equal(values) and not _all_equal(theirs):
        return "this is the same in every case: does it use what comes in?"
    if any(accepted) and not all(accepted):
        args = [attempt.case.args for attempt, _ in shown]
        dividing = next(_dividing(exercise.parameters, args, accepted), "")
        return dividing or _one_off(theirs, values)
    return _places(theirs, values, exercise.tolerance)


def _all_equal(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def _dividing(
    names: Sequence[str], args: Sequence[tuple[Any, ...]], accepted: Sequence[bool]
) -> Iterator[str]:
    """What is so of the arguments in every case that is right, and in no other."""
    columns = dict(zip(names, zip(*args, strict=True), strict=True))
    for name, column in columns.items():
        for value in (0, 1):
            holds = [type(each) in (int, float) and each == value for each in column]
            if holds == list(accepted):
                yield f"this is right where {name} is {value}: what is different elsewhere?"
            if holds == [not each for each in accepted]:
                yield f"this is wrong where {name} is {value}: try that case by hand"
    for one, other in combinations(columns, 2):
        equal = [a == b for a, b in zip(columns[one], columns[other], strict=True)]
        if equal == list(accepted):
            yield f"this is right where {one} = {other}: which of the two is meant?"


def _one_off(rights: Sequence[Right], values: Sequence[Any]) -> str:
    pairs = [
        list(zip(numbers_of(r), numbers_of(v), strict=False))
        for r, v in zip(rights, values, strict=True)
    ]
    offsets = {mine - right for each in pairs for right, mine in each}
    if all(pairs) and offsets in ({0, 1}, {0, -1}):
        much = "much" if 1 in offsets else "little"
        return f"in some cases this is 1 too {much}: try the smallest one by hand"
    return ""


def _places(rights: Sequence[Right], values: Sequence[Any], tolerance: float) -> str:
    """The one place of a list that is wrong in every case."""
    wrong: set[int] = set()
    for right, value in zip(rights, values, strict=True):
        if not (isinstance(right, list | tuple) and isinstance(value, list | tuple)):
            return ""
        if len(right) != len(value):
            longer = "longer" if len(value) > len(right) else "shorter"
            return f"the list is {longer} than it should be: {len(value)} for {len(right)}"
        wrong |= {
            at
            for at, (r, mine) in enumerate(zip(right, value, strict=True))
            if not is_right(r, mine, tolerance)
        }
    if len(wrong) == 1 and max(len(list(right)) for right in rights) > 1:  # type: ignore[arg-type]
        return f"of the list only [{wrong.pop()}] is wrong"
    return ""
