from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.colab.place import Place, make_place


@pytest.fixture(scope="session")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A fresh place like Colab; what one notebook installed is there for the next."""
    folder: Path = tmp_path_factory.mktemp("colab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        yield make_place(folder)
