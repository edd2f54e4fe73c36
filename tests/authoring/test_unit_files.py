"""What lies beside a unit's notebooks travels with it, but for what holds solutions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from helpers.authoring.notebooks import notebook_text
from helpers.authoring.trial import run_notebook
from helpers.authoring.unit_files import files_beside
from helpers.cli import app
from tests import COURSE
from tests.grading import notebooks
from tests.grading.notebooks import UNIT


def test_what_students_have_is_all_but_notebooks_and_texts_with_solutions(tmp_path: Path) -> None:
    folder = notebooks.make_course(tmp_path) / "source" / UNIT
    (folder / "part_a.py").write_text("# ---\n# jupyter: paired\n# ---\nanswer = 1\n")
    (folder / "text.py").write_text("# %% [markdown]\n# # A text\n")
    (folder / ".hidden").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "beside.pyc").write_text("")
    # A notebook without nbgrader's marks is one that others run.
    assert [name for name, _ in files_beside(folder)] == sorted(
        [*notebooks.BESIDE, "read_me.ipynb"]
    )


def test_files_that_are_too_many_are_refused_in_one_line(tmp_path: Path) -> None:
    for number in range(2001):
        (tmp_path / str(number)).touch()
    with pytest.raises(ValueError, match="holds more than 2000 files or 256 MiB"):
        files_beside(tmp_path)


def test_building_a_unit_copies_its_files_to_where_students_find_them(tmp_path: Path) -> None:
    shutil.copy(COURSE / "pyproject.toml", tmp_path)
    unit = tmp_path / "source" / "00_own"
    (unit / "data").mkdir(parents=True)
    (unit / "own.py").write_text("# %% [markdown]\n# # A unit\n")
    (unit / "data" / "one.bin").write_bytes(b"\xff\x00")
    build = ["build", "00_own", "--course", str(tmp_path)]
    assert CliRunner().invoke(app, build).exit_code == 0
    for kind in ("release", "solution"):
        assert (tmp_path / kind / "00_own" / "data" / "one.bin").read_bytes() == b"\xff\x00"
        assert not (tmp_path / kind / "00_own" / "own.py").exists()
    assert CliRunner().invoke(app, [*build, "--check"]).exit_code == 0
    (unit / "data" / "one.bin").write_bytes(b"2")
    stale = CliRunner().invoke(app, [*build, "--check"])
    assert (stale.exit_code, stale.stdout.count("one.bin")) == (1, 2)


def test_a_notebook_is_tried_with_the_files_beside_it() -> None:
    text = notebook_text(
        new_notebook(cells=[new_code_cell("assert open('a/b.txt').read() == 'x'")])
    )
    run_notebook(text, "own", COURSE, beside=(("a/b.txt", b"x"),))
    with pytest.raises(ValueError, match="own fails with FileNotFoundError"):
        run_notebook(text, "own", COURSE)
