"""What a notebook's own cells do with an answer that may be missing, fail, or be of another type.

    found, problem = tried(lambda: numbers(mlp_kept(2, 64, 256), "ReLU", "GELU"))
    print(problem or f"{found['ReLU']:,} B with ReLU")

So a cell that shows an answer at work says in one line what it got and what it needed, and the
notebook goes on. Whether the answer is right is for `check` to say.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from typing import Any

from helpers.values import plain


class NotNumbers(ValueError):
    """An answer is not made of the numbers that are needed. Says what it is, in one line."""


def tried(answer: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    """What a function returns, and ""; where it fails, None and one line that says why."""
    try:
        return answer(*args), ""
    except NotImplementedError as error:
        if not error.args:
            return None, "no answer yet"
        return None, _failure(error)
    except NotNumbers as problem:
        return None, str(problem)
    except Exception as error:
        return None, _failure(error)


def _failure(error: Exception) -> str:
    message = str(error).strip().splitlines()
    return f"fails with {type(error).__name__}" + (f": {message[0]}" if message else "")


def numbers(value: Any, *parts: str) -> Any:
    """The number that an answer is; with `parts`, a dict of the number of each.

    As `check` does, takes a list in the order of the parts for a dict, and numpy's and PyTorch's
    numbers for plain ones. Raises NotNumbers.
    """
    if not parts:
        return _number(value, "")
    value = plain(value)
    if isinstance(value, list | tuple) and len(value) == len(parts):
        value = dict(zip(parts, value, strict=True))
    if not isinstance(value, dict):
        raise NotNumbers(f"got {_short(value)}, needs {len(parts)} numbers: {', '.join(parts)}")
    for part in parts:
        if part not in value:
            raise NotNumbers(f"got nothing for {part}, needs a number")
    return {part: _number(value[part], f" for {part}") for part in parts}


def _number(value: Any, what_for: str) -> int | float:
    value = plain(value)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    except OverflowError:
        raise NotNumbers(f"got a number too large to show{what_for}") from None
    raise NotNumbers(f"got {_short(value)}{what_for}, needs a number")


def _short(value: Any) -> str:
    return " ".join(reprlib.repr(value).split())
