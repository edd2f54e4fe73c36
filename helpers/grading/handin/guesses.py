"""Guesses that a handed-in notebook holds: data in its outputs, which `helpers.predict` wrote.

They earn nothing, and the outputs are the student's to write: so of each at most one pair of
numbers is kept, under a name that the unit itself gives. Text is never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from helpers.predict import MIME_TYPE, Prediction

#: Outputs of one cell that are looked at.
MAX_OUTPUTS = 500


def guesses_in(cells: Any) -> dict[str, Prediction]:
    """The predictions in the outputs of a file's cells, by name; the first of each name."""
    found: dict[str, Prediction] = {}
    for cell in cells if type(cells) is list else ():
        outputs = cell.get("outputs") if type(cell) is dict else None
        for output in outputs[:MAX_OUTPUTS] if type(outputs) is list else ():
            data = output.get("data") if type(output) is dict else None
            given = data.get(MIME_TYPE) if type(data) is dict else None
            prediction = Prediction.from_data(given)
            if prediction is not None:
                found.setdefault(prediction.name, prediction)
    return found


def asked_of(cell: dict[str, Any]) -> tuple[str, ...]:
    """The names of the guesses that a cell of the instructor's asks for."""
    about = cell["metadata"].get("course")
    guesses = about.get("guesses") if isinstance(about, dict) else None
    return tuple(guesses) if isinstance(guesses, dict) else ()


def keep(notebook: dict[str, Any], guesses: dict[str, Prediction], asked: Iterable[str]) -> None:
    """Writes the guesses of these names into the metadata of a notebook to grade."""
    kept = [guesses[name].to_data() for name in asked if name in guesses]
    if kept:
        notebook["metadata"].setdefault("course", {})["guesses"] = kept


def kept_in(notebook: dict[str, Any]) -> tuple[Prediction, ...]:
    """The guesses that `keep` wrote."""
    given = notebook["metadata"].get("course", {}).get("guesses", [])
    return tuple(each for each in map(Prediction.from_data, given) if each is not None)
