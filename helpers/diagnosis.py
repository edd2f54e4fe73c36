"""Says why a wrong number is wrong.

The reference of a question is a ledger of named terms. This module looks for a simple change of
that ledger that gives the student's number, in *every* case at once: terms left out, a price
taken as 1, MAC where FLOP was asked, the batch forgotten, elements counted for bytes. Of the
explanations that fit, only the simplest are reported; if none fits, nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from helpers.conventions import FLOP_PER_MAC
from helpers.exercises.exercise import Case, Exercise, OneOf
from helpers.ledger import Ledger, Term

#: Explanations that change more of a ledger than this fit by chance.
MOST_EDITS = 3
#: A hint with more names than this says nothing.
MOST_NAMES = 4
#: What another right derivation counts beside an edit: it decides between equals only.
DERIVATION = 0.01
_NUMERALS = {1: "one", 2: "two", 3: "three"}


@dataclass(frozen=True)
class Explanation:
    """Why an answer is wrong.

    Attributes:
        misconception: its name, for a report on the class.
        hint: a line for the student.
        edits: how much has to be changed to get from the right answer to this one.
        left_out: the terms that are missing, where nothing else is wrong.
    """

    misconception: str
    hint: str
    edits: float = 1
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One case, and what the student's function gave for one part of the answer: plain data."""

    case: Case
    value: Any


def explain(exercise: Exercise, part: str, attempts: Sequence[Attempt]) -> Explanation | None:
    """The simplest explanation of what is wrong with one part of an answer, or None.

    Args:
        exercise: the question.
        part: the key in the answer's dict, "" for an answer of one value.
        attempts: every case; an explanation has to fit them all.
    """
    if not attempts:
        return None
    named = _known_misconception(exercise, part, attempts)
    if named:
        return named
    rights = [exercise.correct(attempt.case)[part] for attempt in attempts]
    values = [attempt.value for attempt in attempts]
    ledgers = [right for right in rights if isinstance(right, Ledger)]
    if len(ledgers) < len(rights) or not all(map(is_number, values)):
        return None
    found = [
        explanation
        for explanation, totals in _changed_ledgers(ledgers)
        if all(map(_close, totals, values))
    ]
    forgotten = _argument_forgotten(exercise, part, attempts)
    if forgotten:
        found.append(forgotten)
    if not found:
        return None
    fewest = min(explanation.edits for explanation in found)
    return _one_of([explanation for explanation in found if explanation.edits == fewest])


def _one_of(equals: list[Explanation]) -> Explanation | None:
    """One explanation from several that cannot be told apart; None where that would be guessing."""
    distinct = list({explanation.hint: explanation for explanation in equals}.values())
    if len(distinct) == 1:
        return distinct[0]
    counts = {len(explanation.left_out) for explanation in distinct}
    names = list(dict.fromkeys(name for each in distinct for name in each.left_out))
    if len(counts) == 1 and 0 not in counts and len(names) <= MOST_NAMES:
        # Terms of one size: it shows that one is missing, not which.
        said = f"you left out {_NUMERALS[counts.pop()]} of: {', '.join(names)}"
        return replace(distinct[0], misconception=said.removeprefix("you "), hint=said)
    if len(distinct) == 2:
        return replace(distinct[0], hint=", or: ".join(each.hint for each in distinct))
    return None


def is_right(right: Any, value: object, tolerance: float) -> bool:
    """Whether a student's value is the right one, or one of the right ones."""
    if isinstance(right, OneOf):
        return any(is_right(each, value, tolerance) for each in right.values)
    if isinstance(right, Ledger):
        return any(is_right(total, value, tolerance) for total in right.accepted_totals())
    if isinstance(right, bool) or isinstance(value, bool):
        return right is value
    if isinstance(right, int | float):
        return is_number(value) and _close(right, value, tolerance)
    if isinstance(right, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(right)
            and all(is_right(r, v, tolerance) for r, v in zip(right, value, strict=True))
        )
    if isinstance(right, str) and isinstance(value, str):
        return right.strip().lower() == value.strip().lower()
    return right is None and value is None


#: By the type of the right value: the types that an answer can have, and what they are called.
_KINDS: tuple[tuple[Any, Any, str], ...] = (
    (bool, bool, "True or False"),
    (int | float | Ledger, int | float, "a number"),
    (str, str, "a word"),
    (list | tuple, list | tuple, "a list"),
)


def remark_on(right: Any, mine: object) -> str:
    """A line on a value that cannot be right because of what it is, not of how large it is."""
    first = right.values[0] if isinstance(right, OneOf) else right
    kinds = [(mines, needed) for rights, mines, needed in _KINDS if isinstance(first, rights)]
    if not kinds:
        return ""
    mines, needed = kinds[0]
    if mine is None and needed == "a number":
        return "None says that there is no such number, but there is: does a search stop too early?"
    if mine is None and needed == "a word":
        return "None says that no word fits, but one does"
    if isinstance(mine, str) and needed != "a word":
        return f"{mine[:20]!r} is text (a str), not {needed}"
    if not isinstance(mine, mines) or (isinstance(mine, bool) and needed != "True or False"):
        return f"your function returns {_kind_of(mine)}, not {needed}"
    if isinstance(mine, float) and not is_number(mine):
        return f"{mine} is not a number that a count can have"
    return ""


def _kind_of(value: object) -> str:
    name = type(value).__name__
    return "None" if value is None else f"an {name}" if name[0] in "aeiou" else f"a {name}"


def is_number(value: object) -> bool:
    """Whether a value is a finite real number; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _close(right: float, value: object, tolerance: float = 1e-6) -> bool:
    if not isinstance(value, int | float):
        return False
    # Whole numbers are compared as such: a float has too few digits for large ones.
    if isinstance(right, int) and isinstance(value, int):
        return right == value
    try:
        return abs(float(value) - float(right)) <= tolerance * abs(float(right))
    except OverflowError:
        return False


def _known_misconception(
    exercise: Exercise, part: str, attempts: Sequence[Attempt]
) -> Explanation | None:
    tolerance = exercise.tolerance
    rights = (exercise.correct(attempt.case)[part] for attempt in attempts)
    if all(is_right(right, a.value, tolerance) for right, a in zip(rights, attempts, strict=True)):
        return None
    for known in exercise.misconceptions:
        answers = (known.gives(*attempt.case.args) for attempt in attempts)
        wrongs = (each.get(part, _NOTHING) if isinstance(each, dict) else each for each in answers)
        if all(is_right(w, a.value, tolerance) for w, a in zip(wrongs, attempts, strict=True)):
            return Explanation(known.name, known.hint)
    return None


def _changed_ledgers(
    ledgers: Sequence[Ledger],
) -> Iterator[tuple[Explanation, list[float]]]:
    """Every simple change of the reference, with the total that it gives in each case."""
    unit, rights = ledgers[0].unit, [ledger.total for ledger in ledgers]
    # Where a term is missing in some cases, so may be its alternatives.
    for number, derivation in enumerate(zip(*map(_derived, ledgers), strict=False)):
        other = DERIVATION if number else 0
        totals = [Ledger(unit, terms).total for terms in derivation]
        for factor, name, hint in _FACTORS.get(unit, ()):
            if name == "MAC for FLOP" and all(term.price != FLOP_PER_MAC for term in derivation[0]):
                continue
            yield Explanation(name, hint, 1 + other), [total * factor for total in totals]
        if unit == "B":
            counts: list[float] = [sum(t.count for t in terms) for terms in derivation]
            yield Explanation("elements for bytes", _ELEMENTS, 1 + other), counts
        for explanation, remaining in _edited_terms(derivation, totals):
            # What is left out makes a count smaller than it should be; on another derivation
            # than the first, an edit smaller than their difference would explain anything.
            if any(mine > right for mine, right in zip(remaining, rights, strict=True)):
                continue
            yield replace(explanation, edits=explanation.edits + other), remaining


_ELEMENTS = "this is the number of elements, not of bytes: how many bytes does one take?"
_FACTORS: dict[str, tuple[tuple[float, str, str], ...]] = {
    "FLOP": (
        (0.5, "MAC for FLOP", "this is half: MAC, not FLOP. One MAC is a multiply and an add"),
        (2, "twice", "this is exactly double: what is counted twice?"),
    ),
    "MAC": ((2, "FLOP for MAC", "this is double: FLOP, not MAC. One MAC is two FLOP"),),
    "B": (
        (8, "bits for bytes", "this is eight times too much: bits, not bytes?"),
        (0.5, "half the width", "this is half: how many bytes does one element take?"),
    ),
}


def _derived(ledger: Ledger) -> Iterator[tuple[Term, ...]]:
    """The terms under each right derivation, in the order of `Ledger.derivations`."""
    ways: list[tuple[Term, ...]] = [()]
    for term in ledger.terms:
        options = [replace(term, alternatives=())]
        options += [replace(term, count=a.count, price=a.price) for a in term.alternatives]
        ways = [(*way, option) for way in ways for option in options]
    yield from ways


def _edited_terms(
    derivation: Sequence[tuple[Term, ...]], totals: Sequence[float]
) -> Iterator[tuple[Explanation, list[float]]]:
    """Up to `MOST_EDITS` terms left out or priced 1, and every price taken as 1."""
    first = derivation[0]
    if any([t.name for t in terms] != [t.name for t in first] for terms in derivation):
        return  # a term that is not there in every case cannot be edited in all of them
    edits: list[tuple[str, str, list[float]]] = []
    for index, term in enumerate(first):
        saved = [terms[index].amount for terms in derivation]
        if any(saved):
            edits.append(("left out", term.name, saved))
        if term.price > 1:
            by_price = [t[index].amount - t[index].count for t in derivation]
            edits.append(("priced 1", term.name, by_price))
    for size in range(1, MOST_EDITS + 1):
        for chosen in combinations(edits, size):
            terms_left_out = sum(what == "left out" for what, *_ in chosen)
            if len({name for _, name, _ in chosen}) < size or terms_left_out == len(first):
                continue  # one term edited twice, or nothing left of the ledger
            remaining = [
                total - sum(saved[case] for *_, saved in chosen)
                for case, total in enumerate(totals)
            ]
            yield _edit_explanation(chosen), remaining
    prices = [name for what, name, _ in edits if what == "priced 1"]
    if len(prices) > MOST_EDITS:
        counts: list[float] = [sum(t.count for t in terms) for terms in derivation]
        hint = "every operation is priced 1: look at the price list"
        yield Explanation("all prices 1", hint, edits=2), counts


def _edit_explanation(chosen: Sequence[tuple[str, str, list[float]]]) -> Explanation:
    left_out = [name for what, name, _ in chosen if what == "left out"]
    priced_1 = [name for what, name, _ in chosen if what == "priced 1"]
    lines, names = [], []
    if left_out:
        lines.append(f"you left out: {', '.join(left_out)}")
        names.append(f"left out {', '.join(left_out)}")
    if priced_1:
        lines.append(f"priced as 1 where the price list says more: {', '.join(priced_1)}")
        names.append(f"priced 1: {', '.join(priced_1)}")
    only_left_out = () if priced_1 else tuple(left_out)
    return Explanation("; ".join(names), "; ".join(lines), len(chosen), only_left_out)


#: Stands for a part of the answer that a misconception says nothing about: no answer equals it.
_NOTHING = object()

#: Arguments that people forget to multiply by.
_FORGETTABLE = ("batch", "tokens")


def _argument_forgotten(
    exercise: Exercise, part: str, attempts: Sequence[Attempt]
) -> Explanation | None:
    for name in _FORGETTABLE:
        if name not in exercise.parameters:
            continue
        at = exercise.parameters.index(name)
        if all(attempt.case.args[at] == 1 for attempt in attempts):
            continue
        for attempt in attempts:
            args = attempt.case.args
            as_if_one = exercise.case((*args[:at], 1, *args[at + 1 :]))
            if not is_right(exercise.correct(as_if_one)[part], attempt.value, exercise.tolerance):
                break
        else:
            are = "are" if name.endswith("s") else "is"
            return Explanation(
                f"{name} forgotten", f"the {name} {are} missing: is this one sample?"
            )
    return None
