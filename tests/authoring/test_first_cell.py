"""The first cell and the badge of a notebook, as text; tests/colab runs them."""

import shutil

import pytest

from helpers.authoring.first_cell import (
    PLACEHOLDER,
    Origin,
    colab_badge,
    first_cell,
    read_origin,
)
from helpers.authoring.notebooks import find_unit, source_notebook
from tests import COURSE

SET = Origin("https://github.com/uni/course", "1.2.3")


def test_pyproject_is_the_one_place_of_address_and_version(tmp_path):
    shutil.copytree(COURSE / "source" / "homework", tmp_path / "source" / "homework")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1.2.3"\n[project.urls]\n'
        'Repository = "https://github.com/uni/course"\n'
    )
    assert read_origin(tmp_path) == SET
    badge, setup = (
        cell.source for cell in source_notebook(find_unit(tmp_path, "homework")).cells[:2]
    )
    assert badge.endswith(colab_badge(SET, "release/homework/homework.ipynb"))
    assert setup == first_cell(SET)


def test_a_cell_installs_one_version_from_one_address_and_never_torch():
    cell = first_cell(SET)
    assert 'address, version = "https://github.com/uni/course", "v1.2.3"' in cell
    assert "--no-deps" in cell
    compile(cell, "first cell", "exec")


def test_while_the_address_is_not_set_nothing_is_installed():
    cell = first_cell(Origin(PLACEHOLDER, "0.1.0"))
    assert "pip" not in cell
    assert PLACEHOLDER not in cell
    compile(cell, "first cell", "exec")


@pytest.mark.parametrize("origin", [SET, Origin(PLACEHOLDER, "0.1.0")])
def test_outside_colab_the_cell_installs_nothing_and_seeds(origin, monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *a, **k: pytest.fail("something is installed"))
    names = {}
    exec(first_cell(origin), names)
    assert names["torch"].initial_seed() == 0


def test_a_badge_opens_the_released_notebook():
    badge = colab_badge(SET, "release/02_flops/flops.ipynb")
    colab = "https://colab.research.google.com/github/uni/course"
    assert f"]({colab}/blob/main/release/02_flops/flops.ipynb)" in badge


def test_where_colab_cannot_open_the_repository_the_notebook_is_uploaded():
    badge = colab_badge(Origin("https://gitlab.com/uni/course", "1.0.0"), "release/x.ipynb")
    assert badge == "In Colab: *File → Upload notebook*, with the file of this notebook."
