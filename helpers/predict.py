"""A guess before its result, and the two side by side.

    predict("deepest", ...)          # the student writes a number in place of the three dots

    if guessed("deepest"):           # else one line, "no guess yet", and no result is shown
        ratio = measure()
        outcome("deepest", ratio)    # guess, result and ratio

A guess earns nothing, right or wrong. What stands in the notebook's output is data, under a type of
its own: the class report reads that, see `grading/handin/guesses.py`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from helpers.text_table import folded, html_table, text_table
from helpers.values import plain

MIME_TYPE = "application/vnd.network-costs.prediction+json"
#: Of the shape of a prediction's data: another shape, another number.
VERSION = 1
#: Guesses and results lie between one over this and this: no one means anything farther.
LARGEST = 1e30
#: A guess so many times too high or too low is still a good one.
NEAR = 2

_HOW = "write a number above 0 in place of ..."


@dataclass(frozen=True)
class Prediction:
    """A guess and what came out; both above 0, in the same unit."""

    name: str
    guess: float
    result: float

    @property
    def ratio(self) -> float:
        """Guess ÷ result."""
        return self.guess / self.result

    @property
    def factor(self) -> float:
        """How many times too high or too low the guess was: at least 1."""
        return max(self.ratio, 1 / self.ratio)

    def to_data(self) -> dict[str, Any]:
        """As JSON: its fields and a version."""
        return {"version": VERSION, **vars(self)}

    @classmethod
    def from_data(cls, data: Any) -> Prediction | None:
        """What `to_data` wrote; None for anything else. A student may have written it."""
        if type(data) is not dict or data.keys() != {"version", "name", "guess", "result"}:
            return None
        name, guess, result = data["name"], data["guess"], data["result"]
        sound = type(data["version"]) is int and data["version"] == VERSION and type(name) is str
        if not sound or not (is_amount(guess) and is_amount(result)):
            return None
        return cls(name, float(guess), float(result))

    def said(self) -> str:
        """How good the guess was, in words."""
        if self.factor < 1.1:
            return "within 10 %"
        return f"{self.factor:.2g} times too {'high' if self.ratio > 1 else 'low'}"

    def _table(self) -> list[tuple[str, ...]]:
        numbers = (f"{value:,.4g}" for value in (self.guess, self.result))
        head = ("", "your guess", "result", "guess ÷ result")
        return [head, (self.name, *numbers, f"{self.ratio:,.2g}")]

    def bundle(self) -> dict[str, Any]:
        """As a notebook shows and keeps it."""
        table = self._table()
        return {
            "text/plain": f"{text_table(table)}\n{self.said()}",
            "text/html": f"{html_table(table)}<div>{self.said()}</div>",
            MIME_TYPE: self.to_data(),
        }


def is_amount(value: Any) -> bool:
    """Whether a value is a number that a guess can be."""
    return type(value) in (int, float) and 1 / LARGEST < value < LARGEST


#: In this kernel: the guesses, and those whose result was shown.
_guesses: dict[str, float] = {}
_closed: dict[str, Prediction] = {}


def predict(name: str, guess: Any) -> None:
    """Notes a guess, before its result is shown.

    After that the first guess stays: who has seen the result guesses no more.

    Args:
        name: as in the cell that shows the result.
        guess: a number above 0; `...` is no guess yet.
    """
    value = plain(guess)
    if name in _closed:
        first = _closed[name].guess
        same = is_amount(value) and value == first
        stays = "" if same else ", your first guess, stays: you know now"
        print(folded(f"{name}: {first:,.4g}{stays}"))
        return
    _guesses.pop(name, None)
    if guess is ...:
        print(folded(f"{name}: no guess yet; {_HOW}"))
    elif not is_amount(value):
        kind = type(guess).__name__
        print(folded(f"{name}: no guess yet; {kind} is no number above 0: {_HOW}"))
    else:
        _guesses[name] = value
        print(folded(f"{name}: your guess is {value:,.4g}; the next cell shows the result"))


def guessed(name: str) -> bool:
    """Whether there is a guess; says so where there is none, in place of the result."""
    if name not in _guesses:
        print(folded(f"{name}: no guess yet, so no result is shown"))
    return name in _guesses


def outcome(name: str, result: Any) -> None:
    """Shows guess, result and ratio beside each other; without a guess, that there is none.

    Args:
        name: as in `predict`.
        result: a number above 0, in the unit of the guess.
    """
    if not guessed(name):
        return
    value = plain(result)
    if not is_amount(value):
        raise ValueError(f"the result of {name} is a number above 0, not {result!r}")
    _closed[name] = Prediction(name, float(_guesses[name]), float(value))
    show(_closed[name].bundle())


def closed() -> tuple[Prediction, ...]:
    """The guesses of this kernel whose result was shown, in that order."""
    return tuple(_closed.values())


def summary(predictions: Iterable[Prediction]) -> str:
    """How well calibrated they are, in one line; empty where there are none."""
    factors = [each.factor for each in predictions]
    if not factors:
        return ""
    near = sum(factor <= NEAR for factor in factors)
    count = f"{len(factors)} prediction{'s' if len(factors) > 1 else ''}"
    return (
        f"{count}, {near} within a factor of {NEAR}; typically off by {typical(factors):.2g} times"
    )


def typical(factors: Iterable[float]) -> float:
    """The geometric median: half of the guesses are off by less."""
    return math.exp(statistics.median(math.log(factor) for factor in factors))


def show(bundle: Mapping[str, Any]) -> None:
    """Shows a bundle of MIME types in a notebook, and its text elsewhere."""
    if in_notebook():
        from IPython.display import display

        display(dict(bundle), raw=True)
    else:
        print(bundle["text/plain"])


def in_notebook() -> bool:
    """Whether a kernel runs this."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
