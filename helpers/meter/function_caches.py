"""Caches that functions keep (`functools.lru_cache`), cleared of what a run on loan left in them.

A tensor that a method computes once would stay on meta in there, and the model's next real run
would find it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import Any

from torch import nn


@contextmanager
def emptied(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Clears, at the end, the caches of these modules' classes and files that got something new."""
    kinds: set[Any] = {type(module) for module in modules}
    caches = {id(found): found for kind in kinds for found in _caches_of(kind)}
    before = {number: found.cache_info().misses for number, found in caches.items()}
    try:
        yield
    finally:
        for number, found in caches.items():
            if found.cache_info().misses != before[number]:
                found.cache_clear()


@cache
def _caches_of(kind: Any) -> tuple[Any, ...]:
    """Those of a class, of what it inherits, and of the files that these are written in."""
    own = [each for each in kind.__mro__ if each.__module__.partition(".")[0] != "torch"]
    files = [sys.modules.get(each.__module__) for each in own if each is not object]
    spaces = [*own, *filter(None, files)]
    return tuple(
        found for space in spaces for value in vars(space).values() for found in _in(value)
    )


def _in(value: Any) -> Iterator[Any]:
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    cells = (value.__closure__ or ()) if isinstance(value, FunctionType) else ()
    for each in (value, *(cell.cell_contents for cell in cells if _is_filled(cell))):
        if type(each).__name__ == "_lru_cache_wrapper":
            yield each


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
