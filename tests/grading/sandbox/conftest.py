"""The sandbox made by each bubblewrap: the system's, and the one that comes with the package."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.grading.sandbox import bubblewrap

BOTH = (pytest.param("system", marks=pytest.mark.needs("bubblewrap")), "package")


@pytest.fixture(scope="module", params=BOTH)
def bwrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Which of the two is used, by this process and by those it starts: the first on the PATH."""
    folder: Path = tmp_path_factory.mktemp("bwrap")
    program = {"system": bubblewrap.systems, "package": bubblewrap.packaged}[request.param]()
    assert program is not None
    (folder / "bwrap").symlink_to(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        yield request.param
