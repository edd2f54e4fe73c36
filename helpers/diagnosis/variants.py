"""Calls of a reference as people misread its arguments: one ignored, two exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from helpers.diagnosis.explanation import General
from helpers.exercises.exercise import Case, Exercise

#: Arguments that people forget to multiply by, with the name that this has.
FORGETTABLE = {"batch": General.BATCH_FORGOTTEN, "tokens": General.TOKENS_FORGOTTEN}
#: What a count is of that has not been multiplied by them.
_ONE = {"batch": "sample", "tokens": "token"}

#: An argument that numbers are drawn by: nobody misreads it, and no formula has it.
SEED = "seed"

_FEWEST = 1 / 1024
#: Numbers in an answer that somebody may have misread the question to.
_MOST = 800


@dataclass(frozen=True)
class Variant:
    """The arguments of a case as somebody misreads them.

    Attributes:
        misconception, hint: what an answer is told that gives the right value of these.
        argument: the one that is taken as 1, where it is that.
        args: in the place of the case's.
    """

    misconception: General
    hint: str
    args: tuple[Any, ...]
    argument: str = ""


def variants(exercise: Exercise, case: Case) -> Iterator[Variant]:
    """Every misreading of a case; of a slow question only what people forget to multiply by."""
    names = exercise.parameters
    for at, name in enumerate(names):
        if name == SEED:
            continue
        if name in FORGETTABLE or (_is_number(case.args[at]) and not exercise.slow):
            are = "are" if name.endswith("s") else "is"
            kind = FORGETTABLE.get(name, General.ARGUMENT_FORGOTTEN)
            hint = (
                f"the {name} {are} missing: is this one {_ONE[name]}?"
                if name in FORGETTABLE
                else f"this is right for {name} = 1: where does {name} come in?"
            )
            yield Variant(kind, hint, _with(case.args, at, 1), name)
    if exercise.slow:
        return
    for at, name in enumerate(names):
        if _is_number(case.args[at]) and name not in {*FORGETTABLE, SEED}:
            hint = f"this is right for {name} = 0: where does {name} come in?"
            yield Variant(General.ARGUMENT_FORGOTTEN, hint, _with(case.args, at, 0))
    for one, other in combinations(range(len(names)), 2):
        if SEED not in (names[one], names[other]) and _alike(case.args[one], case.args[other]):
            exchanged = _with(case.args, one, case.args[other])
            exchanged = _with(exchanged, other, case.args[one])
            hint = f"are {names[one]} and {names[other]} exchanged?"
            yield Variant(General.ARGUMENTS_EXCHANGED, hint, exchanged)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _alike(one: Any, other: Any) -> bool:
    """Whether two arguments can be taken for each other. Not 9,785,000 for a number of layers: a
    reference that counts up to it would not end."""
    if not (_is_number(one) and _is_number(other)):
        return type(one) is type(other)
    return type(one) is type(other) and _FEWEST < abs(one / (other or 1)) < 1 / _FEWEST


def _with(args: Sequence[Any], at: int, value: Any) -> tuple[Any, ...]:
    return (*args[:at], value, *args[at + 1 :])


def correct_for(exercise: Exercise, variant: Variant) -> dict[str, Any] | None:
    """The right answer of a misread case; None where there is none, or one of thousands of numbers:
    bytes were taken for how many there are."""
    try:
        right = exercise.correct(Case(variant.args))
    except Exception:  # a size of 0, a kernel larger than its image
        return None
    lists = [each for each in right.values() if isinstance(each, list | tuple)]
    return right if all(len(each) <= _MOST for each in lists) else None
