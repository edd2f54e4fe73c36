"""How a student's plain numbers stand to the right ones: the same relation in every case.

Twice, half, a thousand times, a unit of 1024, upside down, rounded; one argument too often or not
at all. What is said is true of the numbers as such, whatever led to them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

from helpers.diagnosis.comparison import close, is_number
from helpers.diagnosis.explanation import Explanation, General
from helpers.exercises.exercise import OneOf
from helpers.ledger import Ledger

#: Relative: closer is equal.
_EXACT = 1e-9
#: A number beyond this is compared with nothing: it may be too large for a float.
LARGEST = 10**30

Pairs = Sequence[tuple[float, float]]
#: What is varied with the cases, by name, one number for each.
Varied = Mapping[str, Sequence[float]]


def paired(rights: Sequence[Any], values: Sequence[Any]) -> list[list[tuple[float, float]]]:
    """Of each case, the right numbers beside the student's; empty where they are not numbers, or
    not as many."""
    pairs = []
    for right, value in zip(rights, values, strict=True):
        theirs, mine = numbers_of(right), numbers_of(value)
        if not theirs or len(theirs) != len(mine):
            return []
        pairs.append(list(zip(theirs, mine, strict=True)))
    return pairs


def numbers_of(value: Any) -> list[float]:
    """The numbers that a value is or holds, the first of several right ones; [] if others are."""
    if isinstance(value, OneOf):
        value = value.values[0]
    if isinstance(value, Ledger):
        value = value.total
    members = list(value) if isinstance(value, list | tuple) else [value]
    return members if all(is_number(each) and abs(each) < LARGEST for each in members) else []


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether each is one number; a list of one is none."""
    return all(is_number(each) and abs(each) < LARGEST for each in values)


def relations(
    by_case: Sequence[Sequence[tuple[float, float]]], varied: Varied, of_bytes: bool
) -> Iterator[Explanation]:
    """Every relation that holds between the right numbers and the student's, in all cases.

    `of_bytes`: bytes come into the question, so that a factor may be that of another size.
    """
    pairs = [pair for case in by_case for pair in case]
    if all(close(right, mine) for right, mine in pairs):
        return
    yield from _factor(pairs, of_bytes)
    yield from _reciprocal(pairs)
    yield from _square(pairs)
    yield from _rounded(pairs)
    yield from _of_32_bits(pairs)
    yield from _offset(pairs)
    yield from _argument_factor(by_case, varied)
    yield from _terms_of_arguments(by_case, varied)


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=_EXACT, abs_tol=0)


def _vary(pairs: Pairs) -> bool:
    """Whether the right numbers are different enough for a relation to be none by chance."""
    return len({right for right, _ in pairs}) > 1


_TWICE = "this is exactly double: what is counted twice?"
_HALF = "this is exactly half: what has a factor of two?"
_FOURTH = "this is exactly a quarter: are these numbers, where the bytes of them are asked for?"
#: What a factor is told as, and what it is told as first where bytes come into the question.
_NAMED_FACTORS: tuple[tuple[float, General, str], ...] = (
    (2, General.COUNTED_TWICE, _TWICE),
    (0.5, General.COUNTED_HALF, _HALF),
    (0.25, General.CONSTANT_FACTOR, "this is exactly a quarter: what has a factor of 4?"),
    (4, General.CONSTANT_FACTOR, "this is exactly four times too much: what has a factor of 4?"),
    (8, General.CONSTANT_FACTOR, "this is exactly eight times too much: what has a factor of 8?"),
    (0.125, General.CONSTANT_FACTOR, "this is exactly an eighth: what has a factor of 8?"),
    (-1, General.SIGN, "the sign is the other way round"),
)  # fmt: skip
_FACTORS_OF_BYTES: tuple[tuple[float, General, str], ...] = (
    (0.25, General.ELEMENTS_FOR_BYTES, _FOURTH),
    (8, General.BITS_FOR_BYTES, "this is exactly eight times too much: bits, not bytes?"),
    (0.125, General.BITS_FOR_BYTES, "this is exactly an eighth: bits and bytes exchanged?"),
)
_PERCENT = "this is a hundred times too much: percent, where a share is asked for?"
_SHARE = "this is a hundredth: a share, where percent are asked for?"


def _factor(pairs: Pairs, of_bytes: bool) -> Iterator[Explanation]:
    """The student's numbers are the right ones times the same factor."""
    factors = [mine / right for right, mine in pairs if right]
    if not factors or any(mine for right, mine in pairs if not right):
        return
    factor = factors[0]
    if not factor or not all(_same(factor, each) for each in factors):
        return
    for named, name, hint in (*(_FACTORS_OF_BYTES if of_bytes else ()), *_NAMED_FACTORS):
        if _same(factor, named):
            yield Explanation(name, hint)
            return
    rights, mines = zip(*pairs, strict=True)
    for named, hint, shares in ((100, _PERCENT, rights), (0.01, _SHARE, mines)):
        if _same(factor, named) and all(0 <= share <= 1 for share in shares):
            yield Explanation(General.UNIT, hint)
            return
    if unit := _unit(factor):
        yield unit
    elif _vary(pairs) and not close(1, factor, 1e-4):
        how = f"{factor:.6g} times"
        hint = f"in every case this is {how} what is right: a factor is wrong that never changes"
        yield Explanation(General.CONSTANT_FACTOR, hint, 1.5)


def _unit(factor: float) -> Explanation | None:
    size = "large" if factor > 1 else "small"
    for power in (1, 2, 3, 4):
        for steps in (1000.0, 1024.0):
            if _same(factor, steps**power) or _same(factor, steps**-power):
                hint = f"too {size} by {steps:.0f}" + (f"^{power}" if power > 1 else "")
                return Explanation(General.UNIT, f"{hint}: in which unit is it asked for?")
        if _same(factor, 1.024**power) or _same(factor, 1.024**-power):
            hint = "the units do not agree: do they count in steps of 1000 or of 1024?"
            return Explanation(General.STEPS_OF_1024, hint)
    return None


def _reciprocal(pairs: Pairs) -> Iterator[Explanation]:
    if _vary(pairs) and all(right and mine and _same(1 / right, mine) for right, mine in pairs):
        hint = "this is 1 ÷ what is right: which is divided by which?"
        yield Explanation(General.RECIPROCAL, hint)
    elif _vary(pairs) and all(0 <= r <= 1 and abs(1 - r - m) < _EXACT for r, m in pairs):
        yield Explanation(
            General.OPPOSITE, "this is the rest to 1: the share of what is asked for?"
        )


def _square(pairs: Pairs) -> Iterator[Explanation]:
    if _vary(pairs) and all(right and _same(right * right, mine) for right, mine in pairs):
        hint = "this is the square of what is right: is one side of it asked for?"
        yield Explanation(General.SQUARED, hint)


def _rounded(pairs: Pairs) -> Iterator[Explanation]:
    if all(float(right).is_integer() for right, _ in pairs):
        if all(_is_rounding(mine, right) for right, mine in pairs):
            hint = "a whole number is asked for: which way is this to be rounded?"
            yield Explanation(General.ROUNDED, hint)
        return
    if not any(mine for _, mine in pairs):
        return  # nothing is left to tell that it was rounded
    for digits in range(7):
        if all(mine == round(right, digits) for right, mine in pairs):
            yield Explanation(General.ROUNDED, _NOT_ROUNDED)
            return
    if all(mine in (math.floor(right), math.ceil(right)) for right, mine in pairs):
        hint = "whole numbers where there are fractions: is one // or int() too many?"
        yield Explanation(General.ROUNDED, hint)


_NOT_ROUNDED = "this is rounded: give it with all its digits"


def _of_32_bits(pairs: Pairs) -> Iterator[Explanation]:
    """Whole numbers as floats of 32 bits have them, which a tensor computes with."""
    if all(
        float(right).is_integer() and _is_nearly_in_32_bits(right, mine) for right, mine in pairs
    ):
        hint = "as near as a float of 32 bits comes: beyond 2²⁴ count in Python's whole numbers"
        yield Explanation(General.ROUNDED, hint)


def _is_nearly_in_32_bits(right: float, mine: float) -> bool:
    if abs(mine - right) > 2**-21 * abs(right):
        return False
    return bool(struct.unpack("f", struct.pack("f", mine))[0] == mine)


def _is_rounding(exact: float, whole: float) -> bool:
    return whole in (math.floor(exact), math.ceil(exact), round(exact))


def _offset(pairs: Pairs) -> Iterator[Explanation]:
    if not all(isinstance(right, int) for right, _ in pairs):
        return
    offsets = {mine - right for right, mine in pairs}
    if len(offsets) == 1 and _vary(pairs):
        (offset,) = offsets
        if abs(offset) <= _FEW and float(offset).is_integer():
            hint = f"in every case this is {abs(offset):.0f} too {_much(offset)}"
            by_one = "is it rounded the other way, or an end counted otherwise?"
            what = by_one if abs(offset) == 1 else "which term does not change?"
            yield Explanation(General.ONE_OFF, f"{hint}: {what}", 1.2)


#: An offset beyond this is no slip by a few.
_FEW = 16


def _much(offset: float) -> str:
    return "much" if offset > 0 else "little"


def _argument_factor(
    by_case: Sequence[Sequence[tuple[float, float]]], varied: Varied
) -> Iterator[Explanation]:
    """An argument, or its square, is a factor once too often or not at all."""
    for name, numbers in varied.items():
        for power, shown in ((1, name), (2, f"{name}²")):
            factors = [float(number) ** power for number in numbers]
            if _times(by_case, factors):
                hint = f"in every case this is {shown} times too much: where does {name} come in?"
                yield Explanation(General.ARGUMENT_TWICE, hint, 1.1)
            elif 0 not in factors and _times(by_case, [1 / factor for factor in factors]):
                hint = f"a factor {shown} is missing: where does {name} come in?"
                yield Explanation(General.ARGUMENT_FORGOTTEN, hint, 1.1)


def _times(by_case: Sequence[Sequence[tuple[float, float]]], factors: Sequence[float]) -> bool:
    return all(
        _same(right * factor, mine) if right else not mine
        for case, factor in zip(by_case, factors, strict=True)
        for right, mine in case
    )


def _terms_of_arguments(
    by_case: Sequence[Sequence[tuple[float, float]]], varied: Varied
) -> Iterator[Explanation]:
    """The difference is a product of up to three arguments, once or twice."""
    if any(len(case) != 1 for case in by_case):
        return
    rights, offsets = zip(*((r, mine - r) for ((r, mine),) in by_case), strict=True)
    if any(map(_is_rounding_error, rights, offsets)):
        return
    for many in (1, 2, 3):
        for names in combinations_with_replacement(varied, many):
            products = [
                math.prod(numbers) for numbers in zip(*(varied[n] for n in names), strict=True)
            ]
            if not all(products) or abs(times := _whole(offsets[0] / products[0])) not in _TIMES:
                continue
            if all(_same(times * p, offset) for p, offset in zip(products, offsets, strict=True)):
                factor = [f"{abs(times)}"] if abs(times) > 1 else []
                shown = " × ".join([*factor, *names])
                hint = (
                    f"too much by {shown}: what is counted that is not there?"
                    if times > 0
                    else f"too little by {shown}: what is left out?"
                )
                is_odd = abs(times) not in (1, 2, 4)
                edits = 1 + many / 10 + LAST_RESORT * is_odd
                yield Explanation(General.TERM_OF_ARGUMENTS, hint, edits)


#: Edits from which on an explanation is worth less than any other.
LAST_RESORT = 4
#: How often a product of arguments can be too many or missing.
_TIMES = range(1, 1001)


def _whole(number: float) -> int:
    """A number that is whole but for what floats round; 0 for others."""
    return round(number) if _same(round(number), number) else 0


def _is_rounding_error(right: float, offset: float) -> bool:
    """Whether a difference is none, or may be what floats round; also where the right number is so
    small beside it that no sum can be told from the difference alone."""
    if isinstance(right, int) and isinstance(offset, int):
        return not offset
    return abs(offset) <= 1e-6 * abs(right) or abs(right) <= 1e-6 * abs(offset)


def patterns(rights: Sequence[Any], values: Sequence[Any]) -> Iterator[Explanation]:
    """How lists, words, yes and no stand to the right ones: another order, the other way round."""
    pairs = list(zip(rights, values, strict=True))
    if all(isinstance(r, bool) and isinstance(mine, bool) and r != mine for r, mine in pairs):
        if len(set(rights)) > 1:
            hint = "in every case the other way round: True where it should be False"
            yield Explanation(General.OPPOSITE, hint)
    elif all(isinstance(r, list | tuple) and isinstance(mine, list | tuple) for r, mine in pairs):
        if all(list(mine) == list(right)[::-1] for right, mine in pairs):
            yield Explanation(General.ANOTHER_ORDER, "this is the right list from its end")
        elif all(_sorted(mine) == _sorted(right) for right, mine in pairs):
            hint = "the right members in another order: which one comes first?"
            yield Explanation(General.ANOTHER_ORDER, hint, 1.1)
    elif len(set(map(repr, rights))) == 2 and all(
        isinstance(right, str) and mine in rights and mine != right for right, mine in pairs
    ):
        yield Explanation(General.OPPOSITE, "in every case the other word: which way round?")


def _sorted(members: Sequence[Any]) -> list[str]:
    return sorted(map(repr, members))
