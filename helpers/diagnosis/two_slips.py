"""Two slips at once: a misconception of the question and something else beside it.

Only the first thing to look at is said, and that it is not all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from helpers.diagnosis.comparison import close
from helpers.diagnosis.explanation import Explanation, General
from helpers.diagnosis.ledgers import explained_by_ledger
from helpers.diagnosis.relations import are_numbers, numbers_of
from helpers.exercises.exercise import Case, Exercise, Right
from helpers.ledger import Ledger

#: In a single case two slips give many a number.
_FEWEST = 2
#: How a hint on several things begins.
FIRST = "more than one thing; look at this first: "
#: What a second slip may multiply by.
_FACTORS = (0.5, 2, 0.25, 4, 8)


def two_slips(
    exercise: Exercise,
    part: str,
    cases: Sequence[Case],
    rights: Sequence[Right],
    values: Sequence[Any],
) -> list[Explanation]:
    """The explanations of a part by a misconception and one slip more."""
    if len(cases) < _FEWEST or not are_numbers(values):
        return []
    if not all(len(numbers_of(right)) == 1 for right in rights):
        return []
    totals = [numbers_of(right)[0] for right in rights]
    found, mistaken = list[Explanation](), list[tuple[str, list[float]]]()
    for known in exercise.misconceptions:
        given = [_part(known.gives(*case.args), part) for case in cases]
        wrong = [number for each in given for number in numbers_of(each)]
        if len(wrong) != len(cases) or wrong == totals:
            continue
        mistaken.append((known.hint, wrong))
        multiplied = ([factor * each for each in wrong] for factor in _FACTORS)
        # Where the factor undoes the misconception, there was none: close to what is right are
        # other slips, too.
        if any(_all_close(m, values) and not _all_close(m, totals) for m in multiplied):
            found.append(_first(known.hint, 2))
        ledgers = [each for each in given if isinstance(each, Ledger)]
        if len(ledgers) == len(given):
            more = list(explained_by_ledger(ledgers, values, {}))
            if more:
                found.append(_first(known.hint, 1 + min(each.edits for each in more)))
    for (hint, one), (_, other) in combinations(mistaken, 2):
        # Slips in different terms add up.
        both = [a + b - right for a, b, right in zip(one, other, totals, strict=True)]
        if _all_close(both, values):
            found.append(_first(hint, 2))
    return found


def _first(hint: str, edits: float) -> Explanation:
    return Explanation(General.SEVERAL_SLIPS, FIRST + hint, edits)


def _part(answer: Any, part: str) -> Any:
    return answer.get(part) if isinstance(answer, dict) else answer


def _all_close(numbers: Sequence[float], values: Sequence[float]) -> bool:
    return all(map(close, numbers, values))
