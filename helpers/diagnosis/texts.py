"""How a student's value and the right one stand in the table of a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from helpers.diagnosis.comparison import is_number, is_right
from helpers.exercises.exercise import OneOf, Right
from helpers.ledger import Ledger
from helpers.text_table import visible


def number_text(value: Any) -> str:
    """A value as it stands in the table: numbers with thousands set apart, lists cut short."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**18 else "a number of more than 18 digits"
    if is_number(value):
        if value.is_integer() and abs(value) < 1e15:
            return f"{int(value):,}"
        return f"{value:,.1f}" if 1e4 <= abs(value) < 1e12 else f"{value:,.4g}"
    if isinstance(value, list | tuple) and value and all(map(is_number, value[:4])):
        # No thousands set apart here: [1, 1152] has two numbers.
        few = ", ".join(number_text(each).replace(",", "") for each in value[:4])
        return f"[{few}]" if len(value) <= 4 else f"[{few}, … {len(value)} in all]"
    try:
        text = visible(value if isinstance(value, str) else repr(value))
    except ValueError:  # an int among it that is too long for Python to print
        text = "more digits than can be shown"
    return text if len(text) <= 30 else f"{text[:29]}…"


def in_one_line(lines: Iterable[str]) -> str:
    """Several lines as one, each set apart from the next; empty ones left out."""
    first, *rest = [line for line in lines if line] or [""]
    for line in rest:
        first += f"{' And' if first.endswith('?') else ';'} {line}"
    return first


def told_apart(mine: Any, right: Right) -> tuple[str, str]:
    """A wrong value and the right one that look the same, so that the difference is seen."""
    value = right.values[0] if isinstance(right, OneOf) else right
    value = value.total if isinstance(value, Ledger) else value
    if isinstance(mine, list | tuple) and isinstance(value, list | tuple):
        for at, (one, other) in enumerate(zip(mine, value, strict=False)):
            if one != other:
                return f"[{at}] is {number_text(one)}", f"[{at}] is {number_text(other)}"
    try:
        return repr(mine)[:30], repr(value)[:30]
    except ValueError:  # an int that is too long for Python to print
        return number_text(mine), number_text(value)


def right_text(right: Right, mine: Any = None, tolerance: float = 0) -> str:
    """The right value; of several right ones, the one that the student gave."""
    if isinstance(right, OneOf | Ledger):
        totals = (total for _, total in right.derivations()) if isinstance(right, Ledger) else ()
        values = (*totals, *(right.values if isinstance(right, OneOf) else ()))
        given = (value for value in values if is_right(value, mine, tolerance))
        return number_text(next(given, values[0]))
    return number_text(right)
