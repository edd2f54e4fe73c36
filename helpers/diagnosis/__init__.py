"""Says why a wrong answer is wrong.

Looked for are, in this order: a misconception that the question names; a simple change of its
ledger (`ledgers`); a misreading of its arguments (`variants`); a relation between the student's
numbers and the right ones (`relations`); two slips at once. An explanation has to give the
student's values in *every* case. Of those that fit, only the simplest are reported; if none fits,
nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers.diagnosis.comparison import is_number, is_right, remark_on
from helpers.diagnosis.explanation import Attempt, Explanation, General
from helpers.diagnosis.ledgers import DERIVATION, explained_by_ledger
from helpers.diagnosis.relations import LAST_RESORT, are_numbers, paired, patterns, relations
from helpers.diagnosis.two_slips import FIRST, two_slips
from helpers.diagnosis.variants import FORGETTABLE, SEED, correct_for, variants
from helpers.exercises.exercise import Case, Exercise, OneOf, Right
from helpers.ledger import Ledger

__all__ = ["Attempt", "Explanation", "General", "explain", "is_number", "is_right", "remark_on"]

#: A hint with more names than this says nothing.
MOST_NAMES = 4
_NUMERALS = {1: "one", 2: "two", 3: "three"}


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
    named = _known_misconceptions(exercise, cases, wrong)
    if len(wrong) == len(named) and len(set(named.values())) <= 1:
        return named
    general = {
        part: list(_general(exercise, part, cases, [right[part] for right in rights], mine))
        for part, mine in wrong.items()
    }
    if exchanged := _exchanged_parts(exercise, rights, wrong):
        return dict.fromkeys(wrong, exchanged)
    # What explains all parts at once is the better explanation of each.
    if len(wrong) > 1 and (shared := _simplest(_of_all(list(general.values())))):
        return dict.fromkeys(wrong, shared)
    found = dict[str, Explanation]()
    for part, mine in wrong.items():
        explanation = named.get(part) or _simplest(general[part])
        if explanation is None or explanation.edits > LAST_RESORT:
            theirs = [right[part] for right in rights]
            two = _simplest(two_slips(exercise, part, cases, theirs, mine))
            explanation = two or explanation
        if explanation is not None:
            found[part] = explanation
    return found


def _general(
    exercise: Exercise,
    part: str,
    cases: Sequence[Case],
    rights: Sequence[Right],
    values: Sequence[Any],
) -> Iterator[Explanation]:
    """Everything that gives the values of a part, in any question."""
    ledgers = [right for right in rights if isinstance(right, Ledger)]
    if len(ledgers) == len(rights) and are_numbers(values):
        yield from explained_by_ledger(ledgers, values, as_if_one(exercise, part, cases))
    yield from _misread(exercise, part, cases, values)
    # Where it is right that there is none, no number stands to another.
    some = [i for i, right in enumerate(rights) if right is not None or values[i] is not None]
    varied = _varied(exercise, [cases[i] for i in some])
    for number, read in enumerate(_readings([rights[i] for i in some])):
        if by_case := paired(read, [values[i] for i in some]):
            # What a ledger or a misread argument explains says more than how the numbers stand.
            for each in relations(by_case, varied, _is_about_bytes(exercise)):
                yield replace(each, edits=each.edits + 0.05 + DERIVATION * number)
    yield from patterns(rights, values)


def _readings(rights: Sequence[Right]) -> Iterator[Sequence[Right]]:
    """The right values; where there are several ways in every case, those of each way."""
    ways = [len(right.values) for right in rights if isinstance(right, OneOf)]
    if len(ways) < len(rights) or len(set(ways)) != 1:
        yield rights
        return
    for way in range(ways[0]):
        yield [right.values[way] for right in rights if isinstance(right, OneOf)]


def as_if_one(exercise: Exercise, part: str, cases: Sequence[Case]) -> dict[str, Sequence[Ledger]]:
    """A part's ledgers, one for each case, as if the batch or the tokens were 1."""
    found: dict[str, list[Ledger]] = {}
    for case in cases:
        for variant in variants(exercise, case):
            if variant.argument in FORGETTABLE:
                right = (correct_for(exercise, variant) or {}).get(part)
                if isinstance(right, Ledger):
                    found.setdefault(variant.argument, []).append(right)
    return {name: ledgers for name, ledgers in found.items() if len(ledgers) == len(cases)}


def _misread(
    exercise: Exercise, part: str, cases: Sequence[Case], values: Sequence[Any]
) -> Iterator[Explanation]:
    """The misreadings of the arguments whose right values these are."""
    # None says that there is none, which many a misreading has; one value in every case is what a
    # misread 0 gives, whatever else is wrong.
    if None in values or (len(values) > 1 and all(value == values[0] for value in values)):
        return
    fitting: dict[str, General] | None = None
    for case, value in zip(cases, values, strict=True):
        here = {
            variant.hint: variant.misconception
            for variant in variants(exercise, case)
            if (fitting is None or variant.hint in fitting)
            and (right := correct_for(exercise, variant)) is not None
            and is_right(right.get(part, _NOTHING), value, exercise.tolerance)
        }
        fitting = here
        if not fitting:
            return
    found = fitting or {}
    for hint, name in found.items():
        # An argument that is no factor of it is missing as 1 and as 0: one of them is enough.
        is_0 = " = 0:" in hint
        if not is_0 or hint.replace(" = 0:", " = 1:") not in found:
            # Of what is missing a ledger says more.
            yield Explanation(name, hint, 1 + 0.02 * is_0)


def _is_about_bytes(exercise: Exercise) -> bool:
    said = " ".join((exercise.unit, exercise.name, exercise.topic, *exercise.parameters)).lower()
    return any(word in said for word in _OF_BYTES)


#: What a question's unit, name, topic or arguments say where bytes come into it.
_OF_BYTES = ("byte", "bit", "memory", "bandwidth", "traffic", "cache", "roofline", "intensity")


def _varied(exercise: Exercise, cases: Sequence[Case]) -> dict[str, list[float]]:
    """The arguments that are numbers and not the same in all cases, by name."""
    columns = zip(*(case.args for case in cases), strict=True)
    return {
        name: list(column)
        for name, column in zip(exercise.parameters, columns, strict=True)
        if name != SEED and all(map(is_number, column)) and len(set(column)) > 1
    }


def _exchanged_parts(
    exercise: Exercise, rights: Sequence[Mapping[str, Right]], wrong: Mapping[str, Sequence[Any]]
) -> Explanation | None:
    """Two parts, and no other is wrong, of which each has the other's values."""
    if len(wrong) != 2:
        return None
    one, other = wrong
    for mine, theirs in ((one, other), (other, one)):
        pairs = zip(rights, wrong[mine], strict=True)
        if not all(is_right(right[theirs], value, exercise.tolerance) for right, value in pairs):
            return None
    return Explanation(General.PARTS_EXCHANGED, f"are {one} and {other} exchanged?")


def _of_all(candidates: Sequence[Sequence[Explanation]]) -> list[Explanation]:
    """The explanations that every part has."""
    first, *rest = candidates
    return [each for each in first if all(each.hint in {o.hint for o in other} for other in rest)]


def _simplest(found: Sequence[Explanation]) -> Explanation | None:
    if not found:
        return None
    fewest = min(explanation.edits for explanation in found)
    return _one_of([explanation for explanation in found if explanation.edits == fewest])


def _said(explanation: Explanation) -> str:
    """What tells an explanation from others."""
    once = explanation.misconception in _SAID_ONCE
    return explanation.misconception if once else explanation.hint


#: Told in several ways, each of which says it all.
_SAID_ONCE = (General.ELEMENTS_FOR_BYTES, General.BITS_FOR_BYTES, General.MAC_FOR_FLOP)


def _one_of(equals: list[Explanation]) -> Explanation | None:
    """One explanation from several that cannot be told apart; None where that would be guessing."""
    first: dict[str, Explanation] = {}
    for explanation in equals:
        first.setdefault(_said(explanation), explanation)
    distinct = list(first.values())
    if len(distinct) == 1:
        return distinct[0]
    counts = {len(explanation.left_out) for explanation in distinct}
    names = list(dict.fromkeys(name for each in distinct for name in each.left_out))
    if len(counts) == 1 and 0 not in counts and len(names) <= MOST_NAMES:
        # Terms of one size: it shows that one is missing, not which.
        return replace(
            distinct[0], hint=f"you left out {_NUMERALS[counts.pop()]} of: {', '.join(names)}"
        )
    shared = [slip for slip in distinct[0].slips if all(slip in each.slips for each in distinct)]
    if shared:
        hint = FIRST + shared[0]
        return replace(distinct[0], misconception=General.SEVERAL_SLIPS, hint=hint)
    if len(distinct) == 2:
        one, other = (each.hint for each in distinct)
        if one.startswith(FIRST) and other.startswith(FIRST):
            other = other.removeprefix(FIRST)
        return replace(distinct[0], hint=f"{one}{' Or' if one.endswith('?') else ', or'}: {other}")
    return None


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
            # One of two words fits by chance: it is explained with all that is wrong, or not.
            if not any(isinstance(value, str | bool) for value in values[part]):
                found.setdefault(part, explanation)
    return found


#: Stands for a part of the answer that a misconception says nothing about: no answer equals it.
_NOTHING = object()


def _part_of(answer: Any, part: str) -> Any:
    return answer.get(part, _NOTHING) if isinstance(answer, dict) else answer
