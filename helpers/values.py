"""An answer's value as plain data: numbers, words, lists and dicts, whatever library made it."""

from __future__ import annotations

import dis
import math
from collections import deque
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import GeneratorType
from typing import Any

from helpers.figures import is_figure, read_figure

#: What is plain already. A subclass, such as one of numpy's numbers, is not.
_PLAIN = frozenset({type(None), bool, int, float, str})


_VIEWS: tuple[Any, ...] = ({}.keys(), {}.values(), {}.items())
_ITERATORS = tuple(type(each) for each in (iter([]), iter(()), reversed([]), iter(range(0))))


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
    try:
        return value.tolist()
    except NotImplementedError:  # a tensor on the meta device has no numbers
        return value


#: What has its members in an order, can be gone through again and runs no code of anybody.
REPEATABLE: tuple[type, ...] = (range, deque, *(type(view) for view in _VIEWS))
#: What gives its members once; a generator runs the code of whoever wrote it.
ONCE: tuple[type, ...] = (GeneratorType, map, filter, zip, enumerate, reversed, *_ITERATORS)


def members(value: Any, most: int, kinds: tuple[type, ...] = (*REPEATABLE, *ONCE)) -> Any:
    """A list of what such a value gives, not more than `most`, so that an endless one ends; any
    other value as it is."""
    return list(islice(value, most)) if type(value) in kinds else value


class PlaceholderLeft(NotImplementedError):
    """The line that stands for an answer, below other lines."""


#: Instructions of a function that does nothing but raise; and what Python adds for itself.
_OF_A_PLACEHOLDER = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "CALL", "RAISE_VARARGS"})
_ITS_OWN = frozenset({"RESUME", "PRECALL", "PUSH_NULL", "CACHE", "NOP", "MAKE_CELL"})


def placeholder(error: NotImplementedError, function: Any) -> NotImplementedError:
    """What a function's NotImplementedError says: without a message, that there is no answer yet.

    That is so only where the student's own code raises it, and raises nothing else: PyTorch has
    errors of this type, too. Of an answer in another cell, which it calls, the message names that.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if error.args or trace is None:
        return error
    frame = trace.tb_frame
    if frame.f_globals is not getattr(function, "__globals__", frame.f_globals):
        return NotImplementedError("raised by something that it calls")
    names = {each.opname for each in dis.get_instructions(frame.f_code)} - _ITS_OWN
    if not names <= _OF_A_PLACEHOLDER:
        return PlaceholderLeft()
    name, own = frame.f_code.co_name, getattr(function, "__code__", frame.f_code)
    called = frame.f_globals.get(name)
    # What stands in the same cell is a part of this answer.
    if own.co_filename == frame.f_code.co_filename:
        return error
    if getattr(called, "__code__", None) is not frame.f_code:
        return error
    return NotImplementedError(f"{name} has no answer yet: write that first")
