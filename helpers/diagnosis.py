"""Says why a wrong number is wrong.

The reference of a question is a ledger of named terms. This module looks for a simple change of
that ledger that gives the student's number, in *every* case at once: terms left out, a price
taken as 1, MAC where FLOP was asked, the batch forgotten, elements counted for bytes. Of the
explanations that fit, only the simplest are reported; if none fits, nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Any

from helpers.conventions import FLOP_PER_MAC
from helpers.exercises.exercise import Case, Exercise, OneOf, Right
from helpers.ledger import Ledger, Term

#: Explanations that change more of a ledger than this fit by chance.
MOST_EDITS = 3
#: A hint with more names than this says nothing.
MOST_NAMES = 4
#: What another right derivation counts beside an edit: it decides between equals only.
DERIVATION = 0.01
_NUMERALS = {1: "one", 2: "two", 3: "three"}


class General(StrEnum):
    """What can be wrong in any question: the names of the explanations that this module finds
    itself. A question's own misconceptions have names of their own."""

    MAC_FOR_FLOP = "MAC for FLOP"
    FLOP_FOR_MAC = "FLOP for MAC"
    COUNTED_TWICE = "counted twice"
    BITS_FOR_BYTES = "bits for bytes"
    HALF_THE_WIDTH = "half the width"
    ELEMENTS_FOR_BYTES = "elements for bytes"
    LEFT_OUT = "terms left out"
    PRICED_1 = "terms priced 1"
    LEFT_OUT_AND_PRICED_1 = "terms left out and priced 1"
    ALL_PRICED_1 = "everything priced 1"
    BATCH_FORGOTTEN = "batch forgotten"
    TOKENS_FORGOTTEN = "tokens forgotten"
    NAME_REUSED = "name of the function reused"


@dataclass(frozen=True)
class Explanation:
    """Why an answer is wrong.

    Attributes:
        misconception: its name: a `General`, or that of a `Misconception` of the question.
        hint: a line for the student; it may say more than the name, such as which terms.
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


def explain(
    exercise: Exercise, attempts: Mapping[str, Sequence[Attempt]]
) -> dict[str, Explanation]:
    """The simplest explanation of each wrong part of an answer, where there is one.

    Args:
        exercise: the question.
        attempts: every case, the same for each part; an explanation has to fit them all. An answer
            of one value is the part "".
    """
    cases = [attempt.case for attempt in next(iter(attempts.values()), ())]
    rights = [exercise.correct(case) for case in cases]
    values = {part: [attempt.value for attempt in tried] for part, tried in attempts.items()}
    wrong = {
        part: mine
        for part, mine in values.items()
        if not all(
            is_right(right[part], value, exercise.tolerance)
            for right, value in zip(rights, mine, strict=True)
        )
    }
    found = _known_misconceptions(exercise, cases, wrong)
    for part, mine in wrong.items():
        if part in found:
            continue
        explanation = _from_ledger(exercise, part, cases, [right[part] for right in rights], mine)
        if explanation is not None:
            found[part] = explanation
    return found


def _from_ledger(
    exercise: Exercise,
    part: str,
    cases: Sequence[Case],
    rights: Sequence[Right],
    values: Sequence[Any],
) -> Explanation | None:
    """The simplest change of a part's ledgers, or of the arguments, that gives these values."""
    ledgers = [right for right in rights if isinstance(right, Ledger)]
    if len(ledgers) < len(rights) or not all(map(is_number, values)):
        return None
    found = [
        explanation
        for explanation, totals in _changed_ledgers(ledgers)
        if all(map(_close, totals, values))
    ]
    found += _argument_forgotten(exercise, part, cases, values)
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
        return replace(
            distinct[0], hint=f"you left out {_NUMERALS[counts.pop()]} of: {', '.join(names)}"
        )
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


def remark_on(right: Any, mine: object, quoted: bool = True) -> str:
    """A line on a value that cannot be right because of what it is, not of how large it is.

    `quoted`: a text stands in it, which an answer could have made of what it was asked.
    """
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
        return (
            f"{mine[:20]!r} is text (a str), not {needed}" if quoted else f"a text is not {needed}"
        )
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


def _known_misconceptions(
    exercise: Exercise, cases: Sequence[Case], values: Mapping[str, Sequence[Any]]
) -> dict[str, Explanation]:
    """Of each wrong part the first misconception of the question that gives its values; one that
    gives those of all of them before others."""
    found: dict[str, Explanation] = {}
    for known in exercise.misconceptions:
        explanation = Explanation(known.name, known.hint)
        fitting = set(values)
        for index, case in enumerate(cases):
            if not fitting:
                break
            wrong = known.gives(*case.args)
            fitting = {
                part
                for part in fitting
                if is_right(_part_of(wrong, part), values[part][index], exercise.tolerance)
            }
        if fitting == set(values):
            return dict.fromkeys(values, explanation)
        for part in fitting:
            found.setdefault(part, explanation)
    return found


#: Stands for a part of the answer that a misconception says nothing about: no answer equals it.
_NOTHING = object()


def _part_of(answer: Any, part: str) -> Any:
    return answer.get(part, _NOTHING) if isinstance(answer, dict) else answer


def _changed_ledgers(
    ledgers: Sequence[Ledger],
) -> Iterator[tuple[Explanation, list[float]]]:
    """Every simple change of the reference, with the total that it gives in each case."""
    unit, rights = ledgers[0].unit, [ledger.total for ledger in ledgers]
    # Where a term is missing in some cases, so may be its alternatives.
    for number, derivation in enumerate(zip(*map(_derived, ledgers), strict=False)):
        other = DERIVATION if number else 0
        totals = [Ledger(unit, terms).total for terms in derivation]
        has_macs = any(term.price == FLOP_PER_MAC for term in derivation[0])
        for factor, name, hint in _FACTORS.get(unit, ()):
            if name == General.MAC_FOR_FLOP and not has_macs:
                continue
            yield Explanation(name, hint, 1 + other), [total * factor for total in totals]
        if unit == "B":
            counts: list[float] = [sum(t.count for t in terms) for terms in derivation]
            yield Explanation(General.ELEMENTS_FOR_BYTES, _ELEMENTS, 1 + other), counts
        for explanation, remaining in _edited_terms(derivation, totals):
            # What is left out makes a count smaller than it should be; on another derivation
            # than the first, an edit smaller than their difference would explain anything.
            if any(mine > right for mine, right in zip(remaining, rights, strict=True)):
                continue
            yield replace(explanation, edits=explanation.edits + other), remaining


_ELEMENTS = "this is the number of elements, not of bytes: how many bytes does one take?"
_FACTORS: dict[str, tuple[tuple[float, General, str], ...]] = {
    "FLOP": (
        (
            0.5,
            General.MAC_FOR_FLOP,
            "this is half: MAC, not FLOP. One MAC is a multiply and an add",
        ),
        (2, General.COUNTED_TWICE, "this is exactly double: what is counted twice?"),
    ),
    "MAC": ((2, General.FLOP_FOR_MAC, "this is double: FLOP, not MAC. One MAC is two FLOP"),),
    "B": (
        (8, General.BITS_FOR_BYTES, "this is eight times too much: bits, not bytes?"),
        (0.5, General.HALF_THE_WIDTH, "this is half: how many bytes does one element take?"),
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
        yield Explanation(General.ALL_PRICED_1, hint, edits=2), counts


def _edit_explanation(chosen: Sequence[tuple[str, str, list[float]]]) -> Explanation:
    left_out = [name for what, name, _ in chosen if what == "left out"]
    priced_1 = [name for what, name, _ in chosen if what == "priced 1"]
    lines = []
    if left_out:
        lines.append(f"you left out: {', '.join(left_out)}")
    if priced_1:
        lines.append(f"priced as 1 where the price list says more: {', '.join(priced_1)}")
    hint = "; ".join(lines)
    if not priced_1:
        return Explanation(General.LEFT_OUT, hint, len(chosen), tuple(left_out))
    name = General.LEFT_OUT_AND_PRICED_1 if left_out else General.PRICED_1
    return Explanation(name, hint, len(chosen))


#: Arguments that people forget to multiply by.
FORGETTABLE = {"batch": General.BATCH_FORGOTTEN, "tokens": General.TOKENS_FORGOTTEN}


def _argument_forgotten(
    exercise: Exercise, part: str, cases: Sequence[Case], values: Sequence[Any]
) -> Iterator[Explanation]:
    for name, forgotten in FORGETTABLE.items():
        if name not in exercise.parameters:
            continue
        at = exercise.parameters.index(name)
        if all(case.args[at] == 1 for case in cases):
            continue
        as_if_one = (exercise.case((*case.args[:at], 1, *case.args[at + 1 :])) for case in cases)
        if all(
            is_right(exercise.correct(case)[part], value, exercise.tolerance)
            for case, value in zip(as_if_one, values, strict=True)
        ):
            are = "are" if name.endswith("s") else "is"
            yield Explanation(forgotten, f"the {name} {are} missing: is this one sample?")
