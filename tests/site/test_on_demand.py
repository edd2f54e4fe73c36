"""What of Python's library a page fetches when it is imported."""

import importlib
import io
import sys
import zipfile

import pytest

from tests.site.conftest import PRACTICE, module_of


@pytest.fixture
def archive():
    """Two modules, one of them of a package that is elsewhere, too."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("page_rare.py", "value = 7")
        made.writestr("page_package/rare.py", "value = 8")
    return data.getvalue()


@pytest.fixture
def fetched(archive, tmp_path, monkeypatch):
    """A list that grows each time the archive is fetched."""
    package = tmp_path / "here" / "page_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("value = 9")
    monkeypatch.syspath_prepend(str(package.parent))
    times = []

    def fetch():
        times.append(len(archive))
        return archive

    names = ["page_rare", "page_package.rare"]
    finder = module_of("on_demand", PRACTICE).OnDemand(names, fetch, tmp_path / "library.zip")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    yield times
    for name in ("page_rare", "page_package", "page_package.rare"):
        sys.modules.pop(name, None)


def test_the_archive_is_fetched_once_and_for_what_it_has(fetched):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("page_nothing")
    assert fetched == []
    assert importlib.import_module("page_rare").value == 7
    assert importlib.import_module("page_package.rare").value == 8
    assert len(fetched) == 1


def test_a_package_that_is_there_is_not_fetched(fetched):
    assert importlib.import_module("page_package").value == 9
    assert fetched == []


def test_where_the_archive_cannot_be_fetched_one_line_says_so(tmp_path):
    def fails():
        raise OSError("offline")

    place = tmp_path / "library.zip"
    finder = module_of("on_demand", PRACTICE).OnDemand(["page_rare"], fails, place)
    with pytest.raises(ModuleNotFoundError, match="page_rare has to be fetched first"):
        finder.find_spec("page_rare")
    assert not place.exists()
