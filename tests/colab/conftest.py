from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.authoring.first_cell import Origin
from tests import COURSE
from tests.colab.forge import Forge, serve
from tests.colab.place import Place, make_place


@pytest.fixture(scope="session")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A fresh place like Colab; what one notebook installed is there for the next."""
    folder: Path = tmp_path_factory.mktemp("colab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        yield make_place(folder)


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """A git server on this machine."""
    with serve(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="session")
def published(forge: Forge) -> Origin:
    """Where this course's package lies, at a tag."""
    names = ("helpers", "pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT")
    address = forge.publish("uni/course.git", {name: COURSE / name for name in names}, "v1.2.3")
    return Origin(address, "1.2.3")
