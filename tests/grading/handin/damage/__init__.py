"""Right submissions, damaged as they come in: a file each, with what is expected of it.

To add one, add a file with `damage`, which changes a right notebook in place or returns the bytes
of a file, and `EXPECTED`: `EVERYTHING`, or `waits(points)` for what has to wait for a person.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.grading import sample

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """What comes of a damaged submission: its points, and those that wait for a person beside the
    question in words."""

    points: float
    waiting: float


EVERYTHING = Expected(sample.POINTS, 0.0)


def waits(points: float) -> Expected:
    """The damage takes answers worth these points out of the machine's reach."""
    return Expected(sample.POINTS - points, points)


@dataclass(frozen=True)
class Case:
    """One kind of damage."""

    name: str
    damage: Callable[[Notebook], bytes | None]
    expected: Expected

    def submission(self) -> Notebook | bytes:
        """A right submission with this damage."""
        notebook = sample.right_notebook()
        data = self.damage(notebook)
        return notebook if data is None else data


def read_cases() -> tuple[Case, ...]:
    """Every case of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: import_module(f"{__name__}.{name}") for name in names}
    return tuple(Case(name, made.damage, made.EXPECTED) for name, made in modules.items())


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    """The cell of this id."""
    return next(each for each in notebook["cells"] if each["metadata"].get("id") == name)


def index(notebook: Notebook, name: str) -> int:
    """Where it stands."""
    return notebook["cells"].index(cell(notebook, name))
