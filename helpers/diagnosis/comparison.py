"""Whether a value is right, and what to say of one that cannot be, whatever the question."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from helpers.exercises.exercise import OneOf
from helpers.ledger import Ledger
from helpers.text_table import visible
from helpers.values import members

#: Of an exercise that says nothing else; of whole numbers it allows what a float rounds.
TOLERANCE = 1e-6
_ROUNDING = 1e-12
#: Up to here a float holds every whole number.
_FLOAT_IS_EXACT = 2**53


def is_right(right: Any, value: object, tolerance: float) -> bool:
    """Whether a student's value is the right one, or one of the right ones."""
    if isinstance(right, OneOf):
        return any(is_right(each, value, tolerance) for each in right.values)
    if isinstance(right, Ledger):
        return any(is_right(total, value, tolerance) for total in right.accepted_totals())
    if isinstance(right, bool) or isinstance(value, bool):
        return right is value
    if isinstance(right, int | float):
        return is_number(value) and close(right, value, tolerance)
    if isinstance(right, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(right)
            and all(is_right(r, v, tolerance) for r, v in zip(right, value, strict=True))
        )
    if isinstance(right, str) and isinstance(value, str):
        return _word(right) == _word(value)
    return right is None and value is None


#: What people add to a word: "memory-bound", "memory bound".
_ADDED = ("bound", "limited")
_SAME = {"bandwidth": "memory", "macs": "mac", "flops": "flop"}


def _word(text: str) -> str:
    """A word as it is compared: small letters, without what people add to it."""
    words = text.lower().replace("-", " ").replace("_", " ").split()
    while len(words) > 1 and words[-1] in _ADDED:
        words.pop()
    word = " ".join(words)
    return _SAME.get(word, word)


def with_lists(value: Any, rights: Mapping[str, Any]) -> Any:
    """An answer with lists where lists are asked for and a range, a generator or the like has their
    members. `rights`: the right values, by part; an answer of one value is the part ""."""
    if "" in rights:
        return _as_list(value, rights[""])
    if isinstance(value, dict):
        return {part: _as_list(mine, rights.get(part)) for part, mine in value.items()}
    return value


def _as_list(value: Any, right: Any) -> Any:
    lists = [
        way
        for way in (right.values if isinstance(right, OneOf) else (right,))
        if isinstance(way, list | tuple)
    ]
    if not lists:
        return value
    if type(value).__name__ == "Opaque":  # from the grader's sandbox, and no plain data
        found = getattr(value, "members", None)
    else:
        # One more than is right tells that it is too long.
        found = members(value, max(map(len, lists)) + 1)
    if not isinstance(found, list | tuple):
        return value
    inner = lists[0][0] if lists[0] else None
    return [_as_list(each, inner) for each in found]


def is_number(value: object) -> bool:
    """Whether a value is a finite real number; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def close(right: float, value: object, tolerance: float = TOLERANCE) -> bool:
    """Whether a number is the right one, within the relative tolerance of the question.

    A whole number is compared as such, be it written as int or float, unless the question allows
    more than the usual tolerance.
    """
    if not isinstance(value, int | float) or value != value:
        return False
    if isinstance(right, int) and tolerance <= TOLERANCE:
        if isinstance(value, int):
            return right == value
        if abs(right) < _FLOAT_IS_EXACT and (math.isinf(value) or round(value) != right):
            return False
        tolerance = _ROUNDING
    try:
        return abs(float(value) - float(right)) <= tolerance * abs(float(right))
    except OverflowError:
        return False


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
    if first is None and isinstance(mine, str):
        if mine.strip().lower() in _NONE_IN_WORDS:
            return "None without quotes says that there is none; a text is something else"
        return "where there is none, None is asked for" + (f", not {mine[:20]!r}" * quoted)
    kinds = [(mines, needed) for rights, mines, needed in _KINDS if isinstance(first, rights)]
    if not kinds:
        return ""
    mines, needed = kinds[0]
    if mine is None and needed == "True or False":
        return "None is neither True nor False"
    if mine is None:
        return f"None says that there is no such {needed.split()[-1]}, but there is"
    if isinstance(mine, str) and needed != "a word":
        return (
            f"{mine[:20]!r} is text (a str), not {needed}" if quoted else f"a text is not {needed}"
        )
    if not isinstance(mine, mines) or (isinstance(mine, bool) and needed != "True or False"):
        mend = _MENDS.get((needed, _type_name(mine)), "")
        if needed == "a number" and isinstance(mine, list | tuple) and len(mine) == 1:
            mend = ": take the one number out of it, [0] or .item()"
        return f"your function returns {_kind_of(mine)}, not {needed}{mend}"
    if isinstance(mine, float) and not is_number(mine):
        return f"{mine} is not a number that a count can have"
    return ""


#: What people write who mean None.
_NONE_IN_WORDS = ("none", "null", "nil", "nothing", "neither", "no", "-", "")
_LAZY = ("generator", "map", "filter", "zip", "reversed", "range", "list_reverseiterator")
_MENDS = {
    **{("a list", name): ": list(…) makes one of it" for name in (*_LAZY, "set", "dict_keys")},
    ("a number", "generator"): ": sum(…) adds up what it gives",
}


def _type_name(value: object) -> str:
    """The type's name; of what came from the grader's sandbox and is no plain data, as it was."""
    name = type(value).__name__
    return visible(str(getattr(value, "kind", name)) if name == "Opaque" else name)


def _kind_of(value: object) -> str:
    name = _type_name(value)
    return "None" if value is None else f"an {name}" if name[0] in "aeiou" else f"a {name}"
