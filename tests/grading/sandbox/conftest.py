"""The sandbox made by each bubblewrap: the system's, and the one that comes with the package."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.grading.sandbox import bubblewrap

PROGRAMS = {
    "system": bubblewrap.systems,
    "package": bubblewrap.packaged,
    "in use": lambda: bubblewrap.find().program,
}
BOTH = (pytest.param("system", marks=pytest.mark.needs("bubblewrap")), "package")
#: The attacks take a minute: outside of CI, only in the sandbox that grading has here.
ATTACKED = BOTH if os.environ.get("COURSE_TESTS") == "all" else ("in use",)


@contextmanager
def _first_on_the_path(name: str, folder: Path) -> Iterator[str]:
    """Has it used by this process and by those that it starts."""
    program = PROGRAMS[name]()
    assert program is not None
    (folder / "bwrap").symlink_to(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        yield name


@pytest.fixture(scope="module", params=BOTH)
def bwrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with _first_on_the_path(request.param, tmp_path_factory.mktemp("bwrap")) as name:
        yield name


@pytest.fixture(scope="module", params=ATTACKED)
def attacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with _first_on_the_path(request.param, tmp_path_factory.mktemp("bwrap")) as name:
        yield name
