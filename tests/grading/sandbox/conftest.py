"""The sandbox made by each bubblewrap: the system's, and the one that comes with the package."""

import os
from collections.abc import Iterator

import pytest

from tests.grading.sandbox.attacked import first_on_the_path

BOTH = (pytest.param("system", marks=pytest.mark.needs("bubblewrap")), "package")
#: The attacks take minutes: outside of CI, only in the sandbox that grading has here.
ATTACKED = BOTH if os.environ.get("COURSE_TESTS") == "all" else ("in use",)


@pytest.fixture(scope="module", params=BOTH)
def bwrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with first_on_the_path(request.param, tmp_path_factory.mktemp("bwrap")):
        yield request.param


@pytest.fixture(scope="module", params=ATTACKED)
def attacked(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
