"""Answers that are no work: one call of a function in sight, or of a library.

Tried are the functions of this package that graded answers see, private ones as well, those that
the unit's own cells define, and the usual calls of PyTorch and NumPy (`library`), each with the
question's arguments in every order.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from itertools import combinations, permutations
from types import FunctionType
from typing import Any

from helpers.authoring.prove import library
from helpers.authoring.prove.answers import CodeCell
from helpers.authoring.prove.judging import Endless, limit
from helpers.diagnosis import is_right
from helpers.exercises.exercise import Exercise, Right, grading_cases
from helpers.ledger import Ledger
from helpers.notebook_names import computes_nothing
from helpers.parts import PARTS

#: Seeds whose cases a call has to be right in.
SEEDS = 3
#: Seconds that a call may take; a function that takes longer is none to answer with.
SECONDS = 0.05
#: Of more arguments a function gets some in the question's own order.
MOST_IN_ANY_ORDER = 2
#: What functions return that are no answer.
_NO_VALUE = ("None", "Figure", "Axes", "Iterator", "Callable", "Any")
#: The largest number that a function of a picture is tried with, and cases that it needs.
_MOST_DRAWN, _FEWEST = 10_000, 3
#: Parts that measure the machine, which takes its time and is no formula.
_MEASURING = ("hardware", "timing")


#: Arguments, and what is right.
_Case = tuple[tuple[Any, ...], Mapping[str, Right]]


@dataclass(frozen=True)
class Shortcut:
    """A call that gives a part of a right answer in every case: `call`, "f(batch, n)"."""

    part: str
    call: str


def shortcuts(exercise: Exercise, cells: Sequence[CodeCell]) -> Iterator[Shortcut]:
    """The calls that give a part of the answer to a question."""
    if exercise.read is not None:
        return
    drawn = [case for n in range(SEEDS) for case in grading_cases(exercise, bytes([n]))]
    cases = [(case.args, exercise.correct(case)) for case in drawn]
    asked = [part for part in cases[0][1] if _is_asked([(a, r[part]) for a, r in cases])]
    tried = in_sight() | library.calls() | _of_cells(exercise, cells)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name, function in tried.items():
            with contextlib.suppress(Endless):
                tried_on = _drawable(cases) if name.startswith("helpers.plots") else cases
                for order in _orders(function, len(exercise.parameters)) if tried_on else ():
                    for part in _given(function, order, tried_on, asked, exercise.tolerance):
                        args = ", ".join(exercise.parameters[at] for at in order)
                        yield Shortcut(part, f"{name}({args})")


def _drawable(cases: Sequence[_Case]) -> Sequence[_Case]:
    """The cases whose numbers a picture can show: of millions it would fill the memory."""
    small = [(args, right) for args, right in cases if not any(map(_is_large, args))]
    return small if len(small) >= _FEWEST else []


def _is_large(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_large, value))
    return isinstance(value, int | float) and abs(value) > _MOST_DRAWN


def _is_asked(cases: Sequence[tuple[tuple[Any, ...], Right]]) -> bool:
    """Whether a part takes thought: it is not the same in all cases, nor an argument, the product
    of two, or some times that."""
    (first, right), *_ = cases
    if all(each == right for _, each in cases):
        return False
    places = range(len(first))
    chosen = [*combinations(places, 1), *combinations(places, 2)]
    return not any(len({_times(args, at, each) for args, each in cases}) == 1 for at in chosen)


def _times(args: Sequence[Any], places: Sequence[int], right: Right) -> Any:
    """How often the product of some arguments goes into a number; of what is none, None where it
    is the argument."""
    chosen = [args[at] for at in places]
    numbers = [*chosen, right]
    if all(isinstance(each, int) and each for each in numbers):
        return Fraction(right, math.prod(chosen))  # type: ignore[arg-type]
    return None if chosen == [right] else object()


def _orders(function: Callable[..., Any], many: int) -> Iterator[tuple[int, ...]]:
    """The places of a question's arguments that a function can be given, in their order."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in by_place)
    for count in range(max(1, needed), min(len(by_place), many) + 1):
        choices = permutations if count <= MOST_IN_ANY_ORDER else combinations
        yield from choices(range(many), count)


def _given(
    function: Callable[..., Any],
    order: Sequence[int],
    cases: Sequence[_Case],
    parts: Sequence[str],
    tolerance: float,
) -> Sequence[str]:
    """The parts that a call gives in every case."""
    left = list(parts)
    for args, rights in cases:
        try:
            with limit(SECONDS):
                # A copy: a function that empties a list would change the question.
                value = function(*copy.deepcopy([args[at] for at in order]))
        except Endless:
            raise
        except Exception:
            return []
        left = [part for part in left if _is_given(rights[part], part, value, tolerance)]
        if not left:
            return []
    return left


def _is_given(right: Right, part: str, value: Any, tolerance: float) -> bool:
    value = value.get(part) if isinstance(value, dict) else value
    value = value.total if isinstance(value, Ledger) else value
    return is_right(right, value, tolerance)


@cache
def in_sight() -> dict[str, Callable[..., Any]]:
    """The functions of this package that graded answers see and that give a value, by name."""
    found = {}
    for part in PARTS:
        for path in part.files() if part.students else ():
            module = import_module(".".join(("helpers", *path.with_suffix("").parts)))
            for name, each in vars(module).items():
                measures = part.name in _MEASURING and name.startswith("_")
                if measures or getattr(each, "__module__", "") != module.__name__:
                    continue
                if _gives_a_value(each):
                    found[f"{module.__name__}.{name}"] = each
    return found


def _gives_a_value(each: Any) -> bool:
    if not isinstance(each, FunctionType):
        return False
    returned = str(each.__annotations__.get("return", "None"))
    return not returned.startswith(_NO_VALUE)


def _of_cells(exercise: Exercise, cells: Sequence[CodeCell]) -> dict[str, Callable[..., Any]]:
    """The functions that cells of the unit define which run when graded, none of them an answer.
    Those that are left out measure and draw."""
    space: dict[str, Any] = {"__name__": "cells"}
    others = (cell for cell in cells if not cell.answer and not cell.left_out)
    statements = [each for cell in others for each in cell.body]
    for statement in filter(computes_nothing, statements):
        with contextlib.suppress(Exception):
            exec(compile(ast.Module([statement], []), "<cell>", "exec"), space)
    own = (each for each in space.values() if isinstance(each, FunctionType))
    return {each.__name__: each for each in own if each.__module__ == "cells"}
