"""The backends that students' code can run in: a file each, and its line here."""

from __future__ import annotations

from helpers.grading.sandbox.backend import Backend
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.unconfined import UNCONFINED

#: By name, the one that is used unless another is asked for first.
BACKENDS: dict[str, Backend] = {each.name: each for each in (CONFINED, UNCONFINED)}
DEFAULT: Backend = next(iter(BACKENDS.values()))


def find_backend(name: str) -> Backend:
    """The backend of a name. ValueError where there is none."""
    if name not in BACKENDS:
        raise ValueError(f"--sandbox {name}: use {' or '.join(BACKENDS)}")
    return BACKENDS[name]


def choices() -> str:
    """For people: the names, and of what is not confined what it does."""
    return ", or ".join(
        f"{each.name}, which {each.warning.split(':')[0]}" if each.warning else each.name
        for each in BACKENDS.values()
    )


def is_confined(name: str) -> bool:
    """Whether students' code was kept from the rest, by the name of the backend that it ran in.
    A name that is not known says nothing against it."""
    return name not in BACKENDS or not BACKENDS[name].warning
