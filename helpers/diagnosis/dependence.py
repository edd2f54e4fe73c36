"""How a wrong number moves when one argument does, beside how the right one moves.

The answer is called on a case that the student sees with one argument of another case: does what
it gives change, where the right value does, and by as much? So it is found where in a formula
something is wrong, without a guess at what. What is said is true of the calls that were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.diagnosis.relations import numbers_of
from helpers.exercises.exercise import Case, Exercise, OneOf, Right
from helpers.ledger import Ledger

#: Other values that are tried for an argument.
TRIED = 3
#: Relative: closer is equal.
_EXACT = 1e-9

#: Calls a student's function: what it gives for each part of the answer. It may fail.
Ask = Callable[[tuple[Any, ...]], Mapping[str, Any]]


@dataclass(frozen=True)
class Probe:
    """A case that the student sees with another value of one argument.

    Attributes:
        argument: its name.
        args: of the call.
        right: the right answer, part by part.
    """

    argument: str
    args: tuple[Any, ...]
    right: Mapping[str, Right]


def probes(exercise: Exercise) -> Iterator[Probe]:
    """The calls that are made, where the question has right answers there."""
    if exercise.slow or exercise.read is not None:
        return
    cases = exercise.public_cases()
    base = cases[0].args
    for at, name in enumerate(exercise.parameters):
        others = [c.args[at] for c in cases if not _equal(c.args[at], base[at])]
        values = [each for i, each in enumerate(others) if each not in others[:i]][:TRIED]
        # Lists of several cases may have one sum.
        for value in [*values, *_doubled(base[at])]:
            args = (*base[:at], value, *base[at + 1 :])
            right = _right(exercise, args)
            if right is not None:
                yield Probe(name, args, right)


def _doubled(value: Any) -> Iterator[Any]:
    """A list with twice its whole numbers."""
    if isinstance(value, list | tuple) and value and all(type(each) is int for each in value):
        yield type(value)(2 * each for each in value)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _right(exercise: Exercise, args: tuple[Any, ...]) -> Mapping[str, Right] | None:
    """The right answer of a call that no case makes; None where there is none, or a negative one:
    the arguments do not belong together, as a kernel larger than its image."""
    try:
        right = exercise.correct(Case(args))
    except Exception:
        return None
    numbers = [number for each in right.values() for number in numbers_of(each)]
    belongs = None not in right.values() and all(number >= 0 for number in numbers)
    return right if belongs else None


@dataclass(frozen=True)
class _Move:
    """What a part of the answer is in the first case, and what with another argument."""

    right: tuple[Right, Right]
    mine: tuple[Any, Any]


Moves = Mapping[str, Sequence[_Move]]


def dependence(exercise: Exercise, parts: Mapping[str, Any], ask: Ask) -> dict[str, str]:
    """A line on each part of an answer that is wrong, where one can be said.

    Args:
        exercise: the question.
        parts: what the student's function gave in the first case, for each part that is wrong.
        ask: called once for each probe; where it fails, nothing more is tried.
    """
    base = exercise.correct(exercise.public_cases()[0])
    moves: dict[str, dict[str, list[_Move]]] = {part: {} for part in parts}
    for probe in probes(exercise):
        try:
            given = ask(probe.args)
        except Exception:
            return {}
        for part, mine in parts.items():
            if part in given:
                move = _Move((base[part], probe.right[part]), (mine, given[part]))
                moves[part].setdefault(probe.argument, []).append(move)
    lines = {
        part: _line(each, _mattering(exercise, part), _being_still(exercise, part, ask))
        for part, each in moves.items()
    }
    return {part: line for part, line in lines.items() if line}


def _mattering(exercise: Exercise, part: str) -> Callable[[str], bool]:
    """Whether an argument alone moves what is right, in any case that the student sees.

    In the first case it may not: of one token it does not matter how many experts there are.
    """
    cases = [case.args for case in exercise.public_cases()]

    def matters(name: str) -> bool:
        at = exercise.parameters.index(name)
        values = [args[at] for args in cases]
        for args in cases[1:]:
            found = [_right(exercise, (*args[:at], value, *args[at + 1 :])) for value in values]
            rights = [right[part] for right in found if right is not None]
            if any(right != rights[0] for right in rights):
                return True
        return False

    return matters


def _being_still(exercise: Exercise, part: str, ask: Ask) -> Callable[[str], bool]:
    """Whether an argument alone moves the student's answer in no other case shown, either."""
    cases = [case.args for case in exercise.visible_cases()]

    def is_still(name: str) -> bool:
        at = exercise.parameters.index(name)
        values = [args[at] for args in cases[: TRIED + 1]]
        for args in cases[1 : TRIED + 1]:
            calls = [(*args[:at], value, *args[at + 1 :]) for value in values]
            try:
                given = [ask(call)[part] for call in calls if _right(exercise, call) is not None]
            except Exception:
                return False
            if any(not _equal(each, given[0]) for each in given):
                return False
        return True

    return is_still


def _line(moves: Moves, matters: Callable[[str], bool], is_still: Callable[[str], bool]) -> str:
    still = [
        name
        for name, each in moves.items()
        if all(_equal(*m.mine) and m.mine[0] != 0 for m in each)
        and not any(_stays(m) for m in each)
    ]
    if still and len(still) < len(moves) and all(map(is_still, still)):
        does = "does" if len(still) == 1 else "do"
        return f"this does not change with {_and(still)}: where {does} {_and(still)} come in?"
    needless = [
        name
        for name, each in moves.items()
        if all(_stays(m) for m in each)
        and not all(_equal(*m.mine) for m in each)
        and not matters(name)
    ]
    if needless:
        return f"this changes with {_and(needless)}, and what is right does not"
    return _difference(moves) or _growth(moves)


def _stays(move: _Move) -> bool:
    return move.right[0] == move.right[1]


def _growth(moves: Moves) -> str:
    """The arguments with which a number grows otherwise than the right one."""
    wrong: dict[str, set[str]] = {}
    for name, each in moves.items():
        for move in each:
            if (numbers := _numbers(move)) is None or 0 in numbers:
                return ""
            before, after, mine_before, mine_after = numbers
            if _is_rounded(before, mine_before):
                return ""
            right, mine = after / before, mine_after / mine_before
            if right < 1:
                right, mine = 1 / right, 1 / mine
            if not math.isclose(right, mine, rel_tol=_EXACT):
                way = "the wrong way" if mine < 1 else "too much" if mine > right else "too little"
                wrong.setdefault(name, set()).add(way)
    if not wrong or len(wrong) == len(moves):
        return ""
    directions = set.union(*wrong.values())
    how = "otherwise" if len(directions) > 1 else directions.pop()
    return f"this changes {how} with {_and(list(wrong))}, and rightly with the rest"


def _is_rounded(right: float, mine: float) -> bool:
    """Whether a wrong number may be rounded otherwise: then no term of the formula is wrong."""
    return type(right) is int and 0 < abs(mine - right) <= 1


def _difference(moves: Moves) -> str:
    """The arguments that the difference to the right number depends on."""
    differing, numbers = list[str](), None
    for name, each in moves.items():
        for move in each:
            if (numbers := _numbers(move)) is None:
                return ""
            before, after, mine_before, mine_after = numbers
            if _is_rounded(before, mine_before) or mine_before == before:
                return ""
            change = (mine_after - after) - (mine_before - before)
            if abs(change) > _EXACT * max(map(abs, numbers)):
                differing.append(name)
                break
    moved = [name for name, each in moves.items() if not all(map(_stays, each))]
    if not moved or set(differing) >= set(moved):
        return ""
    if not differing:
        right, _, mine, _ = numbers or (0, 0, 0, 0)
        if mine == right:
            return ""
        return "the difference to what is right never changes: which term is a fixed number?"
    rest = [name for name in moved if name not in differing]
    return f"the term that is wrong changes with {_and(differing)}, and not with {_and(rest)}"


def _numbers(move: _Move) -> tuple[float, float, float, float] | None:
    """Right before and after, the student's before and after; None where they are none, or where
    there are several right ones: which of them is meant cannot be told."""
    if any(_has_several(right) for right in move.right):
        return None
    numbers = [numbers_of(each) for each in (*move.right, *move.mine)]
    if any(len(each) != 1 for each in numbers):
        return None
    before, after, mine_before, mine_after = (each[0] for each in numbers)
    return before, after, mine_before, mine_after


def _has_several(right: Right) -> bool:
    if isinstance(right, OneOf):
        return len(right.values) > 1
    return isinstance(right, Ledger) and len(right.accepted_totals()) > 1


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
