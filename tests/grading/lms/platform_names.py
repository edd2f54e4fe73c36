"""How each platform writes the path of what one student handed in: what the student chooses goes
in, and what the platform makes of it comes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Chosen:
    """What a student may call herself and what she hands in."""

    name: str
    login: str
    folder: str
    file: str


@dataclass(frozen=True)
class Given:
    """What a platform gives her, and she cannot choose."""

    canvas: str = "50001"
    moodle: str = "903"
    ilias: str = "4799"
    attempt: str = "77"


def canvas(chosen: Chosen, given: Given) -> str:
    """The sortable name, with what would stand for a number taken out once only."""
    name = re.sub(r"_(\d+)_", r"\1", chosen.name.lower())
    name = re.sub(r"\W", "", name)
    return f"{name}_{given.canvas}_{given.attempt}_{flat(chosen.file)}.ipynb"


def canvas_late(chosen: Chosen, given: Given) -> str:
    name = re.sub(r"\W", "", re.sub(r"_(\d+)_", r"\1", chosen.name.lower()))
    return f"{name}_LATE_{given.canvas}_{given.attempt}_{flat(chosen.file)}.ipynb"


def moodle(chosen: Chosen, given: Given) -> str:
    name = re.sub(r"[_/]", " ", chosen.name).strip() or "x"
    return f"{name}_{given.moodle}_assignsubmission_file/{inside(chosen)}"


def moodle_flat(chosen: Chosen, given: Given) -> str:
    name = re.sub(r"[_/]", " ", chosen.name).strip() or "x"
    return f"{name}_{given.moodle}_assignsubmission_file_{flat(chosen.file)}.ipynb"


def ilias(chosen: Chosen, given: Given) -> str:
    """The login is the university's; last and first name are not always."""
    last, _, first = (flat(chosen.name) or "x").partition(" ")
    return f"{last}_{first or 'x'}_eve_{given.ilias}/20261120120000_{flat(chosen.file)}.ipynb"


def blackboard(chosen: Chosen, given: Given) -> str:
    """The login is the university's."""
    return f"HW 1_eve_attempt_2026-11-20-12-00-00_{flat(chosen.file)}.ipynb"


def gradescope(chosen: Chosen, given: Given) -> str:
    """Who it is stands in the file beside."""
    return f"submission_9/{inside(chosen)}"


def google(chosen: Chosen, given: Given) -> str:
    """The account's name is the university's."""
    return f"Eve - {flat(chosen.file)}.ipynb"


def github(chosen: Chosen, given: Given) -> str:
    """The login was free when she took it: nobody else has it."""
    return f"hw-submissions/hw-eve-{re.sub(r'[^A-Za-z0-9-]', '', chosen.login)}/{inside(chosen)}"


def by_folder(chosen: Chosen, given: Given) -> str:
    return f"eve/{inside(chosen)}"


WRITERS: tuple[Callable[[Chosen, Given], str], ...] = (
    *(canvas, canvas_late, moodle, moodle_flat, ilias, blackboard),
    *(gradescope, google, github, by_folder),
)


def flat(text: str) -> str:
    """As part of a name."""
    return re.sub(r"[/\0]", "", text)


def inside(chosen: Chosen) -> str:
    path = "/".join(filter(None, (*chosen.folder.split("/"), flat(chosen.file))))
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join([*parts[:-1], f"{parts[-1] if parts else 'x'}.ipynb"])
