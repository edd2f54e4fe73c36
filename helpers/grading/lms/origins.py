"""Where each notebook of submitted/ came from, as its platform names the student and the file.

What goes back to a platform has to be called so: Moodle's number of a participant is a new one in
each assignment, and Canvas gives a page to whoever handed in the file whose number it carries.
`course collect` keeps it in submitted/UNIT.origins.json.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from helpers.files import write_text
from helpers.grading.nbgrader.config import submitted_folder

_ENDING = ".origins.json"


@dataclass(frozen=True)
class Origin:
    """What a platform calls one hand-in; see `Claim`.

    Attributes:
        own: whether it is the student's number, and not that of a group or of a mate.
    """

    platform: str
    owner: str
    number: str
    order: int = 0
    own: bool = True


def read_origins(course: Path, unit: str) -> dict[str, Origin]:
    """By student's id; empty where nothing of the unit was collected.

    ValueError, in one line, for a file that something else has written.
    """
    path = _path(course, unit)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {student: _origin(origin) for student, origin in kept.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            f"{path} cannot be read: remove it, and collect the download of {unit} again"
        ) from None


def add_origins(course: Path, unit: str, origins: Mapping[str, Origin]) -> None:
    """Keep those of a download; of who is not in it, what was kept before stays."""
    kept = read_origins(course, unit) | dict(origins)
    if kept:
        data = {student: asdict(origin) for student, origin in sorted(kept.items())}
        write_text(_path(course, unit), json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def earlier_numbers(course: Path) -> dict[tuple[str, str], str]:
    """Whose a platform's number was in any unit that was collected: a student, by platform and
    number. Files that cannot be read say nothing here."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(submitted_folder(course).glob(f"*{_ENDING}")):
        with contextlib.suppress(ValueError):
            for student, origin in read_origins(course, path.name.removesuffix(_ENDING)).items():
                if origin.number and origin.own:
                    found[origin.platform, origin.number] = student
    return found


def _path(course: Path, unit: str) -> Path:
    return submitted_folder(course) / f"{unit}{_ENDING}"


def _origin(kept: Any) -> Origin:
    found = Origin(**kept)
    for each in fields(Origin):
        if type(getattr(found, each.name)).__name__ != each.type:
            raise TypeError(each.name)
    return found
