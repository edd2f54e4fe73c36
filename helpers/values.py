"""An answer's value as plain data: numbers, words, lists and dicts, whatever library made it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from helpers.figures import is_figure, read_figure

#: What is plain already. A subclass, such as one of numpy's numbers, is not.
_PLAIN = frozenset({type(None), bool, int, float, str})


class TooLarge(ValueError):
    """A value has more numbers than are looked at."""


def plain(value: Any, most: float = math.inf) -> Any:
    """A value with lists for arrays and tuples, Python's numbers for others' (numpy's, PyTorch's,
    Decimal, Fraction) and a dict for a figure, as `read_figure` gives it. What is none of these
    stays as it is.

    Raises TooLarge for an array of more than `most` numbers.
    """
    if type(value) in _PLAIN:
        return value
    if is_figure(value):
        return read_figure(value)
    if isinstance(value, dict):
        return {key: plain(each, most) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, most) for each in value]
    if isinstance(value, Decimal | Fraction):
        return float(value)
    if not hasattr(value, "tolist"):
        return value
    if most < math.inf and math.prod(value.shape) > most:
        raise TooLarge(f"the answer has more than {most:,} numbers")
    return value.tolist()
