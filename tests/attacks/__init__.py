"""Attacks by a student, a file each in `cases/`, with what is expected of it; those in `inside/`
are on tests that are judged in the student's own process, which can be won.

To add one, add a file: `about` says in a line how it tries to gain, `cell` is a code cell with
wrong answers, and below `[expected]` stand

- `points`: that it earns;
- `never`: what must not stand in what its cells show, mostly what it prints where it gets through;
- `says`: a regular expression of a remark, where a limit has to end it.

In a cell `PORT` is where a service of this machine's listens, and `TOKEN` a word that no file's
name may hold afterwards.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One attack."""

    name: str
    cell: str
    points: float
    never: tuple[str, ...]
    says: str


def read_cases(folder: str = "cases") -> tuple[Case, ...]:
    """Every case of a folder, in the order of their names."""
    return tuple(_read(path) for path in sorted((FOLDER / folder).glob("*.toml")))


def _read(path: Path) -> Case:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = case["expected"]
    never = tuple(expected.get("never", ()))
    return Case(path.stem, case["cell"], expected["points"], never, expected.get("says", ""))
