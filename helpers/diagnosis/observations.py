"""What can be seen of a wrong answer that nothing explains: where it is right, and where not.

No claim on why. Seen are the cases that the notebook tries: it is the same line when graded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

from helpers.diagnosis.comparison import is_right
from helpers.diagnosis.explanation import Attempt
from helpers.diagnosis.relations import numbers_of
from helpers.diagnosis.texts import number_text
from helpers.diagnosis.variants import SEED
from helpers.exercises.exercise import Exercise, OneOf, Right


def observed(exercise: Exercise, attempts: Sequence[Attempt], rights: Sequence[Right]) -> str:
    """A line on a part of an answer, or "". `rights`: one for each attempt."""
    public = [
        (attempt, right)
        for attempt, right in zip(attempts, rights, strict=True)
        if not attempt.case.hidden
    ]
    values = [attempt.value for attempt, _ in public]
    theirs = [right for _, right in public]
    accepted = [
        is_right(right, value, exercise.precision)
        for right, value in zip(theirs, values, strict=True)
    ]
    if len(values) > 1 and _all_equal(values) and not _all_equal(theirs):
        line = "this is the same in every case: does it use what comes in?"
        return f"{line} {_LEFT_BY_ROUNDING}" if _is_cut_off(theirs, values) else line
    if any(accepted) and not all(accepted):
        args = [attempt.case.args for attempt, _ in public]
        wrong = [
            right for right, is_accepted in zip(theirs, accepted, strict=True) if not is_accepted
        ]
        if all(right is None for right in wrong):
            return "this is wrong where there is no such number, and None is asked for"
        return _divided(exercise, args, theirs, values) or _at_times(theirs, values)
    return _places(theirs, values, exercise.precision) or _factor(theirs, values)


_LEFT_BY_ROUNDING = "Or does // or int() make 0 of what is less than 1?"


def _is_cut_off(rights: Sequence[Right], values: Sequence[Any]) -> bool:
    """Whether 0 stands where every right number is between 0 and 1."""
    numbers = [number for right in rights for number in numbers_of(right)]
    return values[0] == 0 and bool(numbers) and all(0 < number < 1 for number in numbers)


def _all_equal(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def _divided(
    exercise: Exercise,
    args: Sequence[tuple[Any, ...]],
    rights: Sequence[Right],
    values: Sequence[Any],
) -> str:
    """What is so of the arguments wherever the answer is right; where near enough is right, too,
    wherever it is exact: a number may be near by chance."""
    exact = [
        is_right(right, value, exercise.tolerance)
        for right, value in zip(rights, values, strict=True)
    ]
    if not any(exact):
        return ""
    called = ("exact", "off") if exercise.bands else ("right", "wrong")
    return next(_dividing(exercise.parameters, args, exact, called), "")


def _dividing(
    names: Sequence[str],
    args: Sequence[tuple[Any, ...]],
    accepted: Sequence[bool],
    called: tuple[str, str],
) -> Iterator[str]:
    """What is so of the arguments in every case that is right, and in no other, told with what
    those cases and the others are called."""
    good, bad = called
    columns = dict(zip(names, zip(*args, strict=True), strict=True))
    columns.pop(SEED, None)
    right = sum(accepted)
    has_many = min(right, len(accepted) - right) >= _MANY
    for facts in (list(_facts(columns)), list(_weaker_facts(columns, has_many))):
        # Where several are so of the same cases, it cannot be told which of them matters.
        if so := [what for what, holds in facts if holds == list(accepted)]:
            yield f"this is {good} where {' and '.join(so[:2])}: what is different elsewhere?"
        if so := [what for what, holds in facts if holds == [not each for each in accepted]]:
            yield f"this is {bad} where {' and '.join(so[:2])}: try that case by hand"


#: Cases that are right, and as many wrong, which no fact on two arguments divides by chance.
_MANY = 3


Columns = Mapping[str, Sequence[Any]]
#: What is so of arguments, and whether it is in each case.
Fact = tuple[str, list[bool]]


def _facts(columns: Columns) -> Iterator[Fact]:
    """What can be so of arguments: two are equal, or one is special."""
    whole = _whole(columns)
    for one, other in combinations(whole, 2):
        equal = [a == b for a, b in zip(whole[one], whole[other], strict=True)]
        yield f"{one} = {other}", equal
    for name, column in columns.items():
        for value in dict.fromkeys(each for each in column if _is_special(each)):
            holds = [type(each) is type(value) and each == value for each in column]
            yield f"{name} is {value!r}", holds
        yield from _first_words(name, column)


def _weaker_facts(columns: Columns, of_two: bool) -> Iterator[Fact]:
    """What else can be so; `of_two`: of two arguments, too."""
    whole = _whole(columns)
    for name, column in whole.items():
        yield f"{name} is odd", [each % 2 == 1 for each in column]
    for one, other in permutations(whole, 2):
        pairs = list(zip(whole[one], whole[other], strict=True))
        if of_two:
            yield f"{one} is larger than {other}", [a > b for a, b in pairs]
            yield f"{other} divides {one}", [bool(b) and a % b == 0 for a, b in pairs]


def _whole(columns: Columns) -> Columns:
    """The arguments that are whole numbers in every case."""
    return {name: c for name, c in columns.items() if all(type(each) is int for each in c)}


def _first_words(name: str, column: Sequence[Any]) -> Iterator[Fact]:
    """Of texts of several words: the first, where several begin with it."""
    if all(isinstance(value, str) and " " in value for value in column):
        words = [value.split()[0] for value in column]
        for word in dict.fromkeys(each for each in words if words.count(each) > 1):
            yield f"{name} begins with {word!r}", [each == word for each in words]


def _is_special(value: Any) -> bool:
    """Whether an argument may be what makes a case another kind of case."""
    return (
        value is None or isinstance(value, bool | str) or (type(value) is int and value in (0, 1))
    )


def _at_times(rights: Sequence[Right], values: Sequence[Any]) -> str:
    """How an answer is wrong that is right in some cases."""
    pairs = list(zip(rights, values, strict=True))
    if all(isinstance(right, bool) and isinstance(mine, bool) for right, mine in pairs):
        wrong = {mine for right, mine in pairs if mine is not right}
        if len(wrong) == 1:
            (mine,) = wrong
            there = "is one condition too many, or too strict" if not mine else "what is to fail"
            return f"where this is wrong it says {mine}, never {not mine}: {there} there?"
        return ""
    if all(isinstance(right, str) and isinstance(mine, str) for right, mine in pairs):
        taken = {(mine, right) for right, mine in pairs if not is_right(right, mine, 0)}
        if len(taken) == 1:
            (mine, right) = taken.pop()
            return f"where this is wrong it says {mine!r}: what makes it {right!r} there?"
        return ""
    some = [(right, mine) for right, mine in pairs if (right, mine) != (None, None)]
    numbers = [(numbers_of(right), numbers_of(mine)) for right, mine in some]
    if not all(len(right) == len(mine) == 1 for right, mine in numbers):
        return ""
    offsets = {mine[0] - right[0] for right, mine in numbers} - {0}
    if len(offsets) == 1:
        (offset,) = offsets
        much = "much" if offset > 0 else "little"
        return (
            f"in some cases this is {number_text(abs(offset))} too {much}: what is different there?"
        )
    if all(offset > 0 for offset in offsets) or all(offset < 0 for offset in offsets):
        return (
            f"where this is wrong it is too {'large' if offsets.pop() > 0 else 'small'}: {_BY_HAND}"
        )
    return ""


_BY_HAND = "try the smallest such case by hand"


def _factor(rights: Sequence[Right], values: Sequence[Any]) -> str:
    """A factor that is left out, or one off, in every case: a whole number that goes into the right
    one, or n + 1 in the place of n."""
    ratios = set[Fraction]()
    for right, value in zip(rights, values, strict=True):
        theirs, mine = numbers_of(right), numbers_of(value)
        if not (len(theirs) == len(mine) == 1 and type(theirs[0]) is type(mine[0]) is int):
            return ""
        if min(theirs[0], mine[0]) < _SMALLEST:
            return ""
        ratios.add(Fraction(mine[0], theirs[0]))
    if all(each.numerator == 1 for each in ratios):
        return f"what is right is exactly {_times(ratios)} this: is a factor left out?"
    if all(each.denominator == 1 for each in ratios):
        return f"this is exactly {_times(ratios)} what is right: is there a factor too many?"
    if all(abs(each.numerator - each.denominator) == 1 for each in ratios):
        much = {"large" if each > 1 else "small" for each in ratios}
        if len(much) == 1:
            return f"as if a factor of it were 1 too {much.pop()}"
    return ""


#: A smaller number is a factor of many.
_SMALLEST = 32


def _times(ratios: set[Fraction]) -> str:
    """ "9 times"; where it is not the same in all cases, "a whole number of times"."""
    if len(ratios) > 1:
        return "a whole number of times"
    (ratio,) = ratios
    return f"{max(ratio.numerator, ratio.denominator):,} times"


def _places(rights: Sequence[Right], values: Sequence[Any], tolerance: float) -> str:
    """The one place of a list that is wrong in every case."""
    wrong: set[int] = set()
    for right, value in zip(map(_shown, rights), values, strict=True):
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
    longest = max(len(list(_shown(right))) for right in rights)
    if len(wrong) == 1 and longest > 1 and not any(isinstance(right, OneOf) for right in rights):
        return f"of the list only [{wrong.pop()}] is wrong"
    return ""


def _shown(right: Right) -> Any:
    """The right value; the first of several lists of one length."""
    if not isinstance(right, OneOf) or not all(isinstance(v, list | tuple) for v in right.values):
        return right
    return right.values[0] if len({len(value) for value in right.values}) == 1 else right
