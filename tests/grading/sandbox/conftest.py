"""The sandbox made by each bubblewrap: the system's, and the one that comes with the package."""

import os
from collections.abc import Iterator

import pytest

from tests.grading.sandbox.attacked import cases_of, first_on_the_path

BOTH = (pytest.param("system", marks=pytest.mark.needs("bubblewrap")), pytest.param("package"))
#: The attacks take minutes: outside of CI, only in the sandbox that grading has here.
ATTACKED = BOTH if os.environ.get("COURSE_TESTS") == "all" else (pytest.param("in use"),)


@pytest.fixture(scope="module", params=BOTH)
def bwrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with first_on_the_path(request.param, tmp_path_factory.mktemp("bwrap")):
        yield request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of what was `attacked` is asked about each sandbox; one of a `case`, about each attack
    that it meets."""
    if "case" in metafunc.fixturenames and "attacked" in metafunc.fixturenames:
        pairs = [(each, case) for each in ATTACKED for case in cases_of(str(each.values[0]))]
        asked = [
            pytest.param(*each.values, case, id=f"{each.values[0]}-{case.name}", marks=each.marks)
            for each, case in pairs
        ]
        metafunc.parametrize(("attacked", "case"), asked, scope="module")
    elif "attacked" in metafunc.fixturenames:
        metafunc.parametrize("attacked", ATTACKED, scope="module")
