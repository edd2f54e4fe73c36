"""Answers along every right way that a ledger accepts, as they are and with a slip in one term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice, product
from typing import Any

from helpers.authoring.prove.answers import Answer, plain_right
from helpers.exercises.exercise import Exercise
from helpers.ledger import Ledger, Term

#: Ways of one part that are tried.
MOST_WAYS = 8

#: Of each term the reason for which it is counted otherwise, by the term's name.
_Way = Mapping[str, str]
#: What is written in the place of a term's amount: its count and price are given.
_Slip = Callable[[float, float], float]
_SLIPS: tuple[tuple[str, _Slip], ...] = (
    ("left out", lambda count, price: 0),
    ("priced 1", lambda count, price: count),
    ("twice", lambda count, price: 2 * count * price),
)


def derived(exercise: Exercise) -> Iterator[Answer]:
    """An answer for each way through each ledger that a question has for right."""
    right = exercise.correct(exercise.visible_cases()[0])
    for part, ledger in right.items():
        if not isinstance(ledger, Ledger):
            continue
        for way in islice(_ways(ledger), MOST_WAYS):
            origin = "; ".join(["counted", *way.values()] if way else ["the ledger"])
            if way:
                yield Answer(origin, "", partial(_made, exercise, part, way, "", _same))
            for term in ledger.terms:
                for name, slip in _SLIPS:
                    made = partial(_made, exercise, part, way, term.name, slip)
                    yield Answer(origin, f"{term.name} → {name}", made)


def _same(count: float, price: float) -> float:
    return count * price


def _ways(ledger: Ledger) -> Iterator[_Way]:
    reasons = [("", *(each.why for each in term.alternatives)) for term in ledger.terms]
    for chosen in product(*reasons):
        yield {term.name: why for term, why in zip(ledger.terms, chosen, strict=True) if why}


def _made(
    exercise: Exercise, part: str, way: _Way, slipped: str, slip: _Slip
) -> Callable[..., Any]:
    def answer(*args: Any) -> Any:
        right = exercise.reference(*args)
        ledger = right[part] if part else right
        total = sum(
            (slip if term.name == slipped else _same)(*_counted(term, way.get(term.name, "")))
            for term in ledger.terms
        )
        total = int(total) if total == int(total) else total
        return {**plain_right(right), part: total} if part else total

    return answer


def _counted(term: Term, why: str) -> tuple[float, float]:
    """A term's count and price, as this reason has them; where it does not apply, its own."""
    for each in term.alternatives:
        if each.why == why:
            return each.count, each.price
    return term.count, term.price
