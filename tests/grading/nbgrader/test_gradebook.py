"""The gradebook is opened in spite of a lost connection, and a new one knows its version."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbgrader import api
from sqlalchemy.exc import OperationalError

from helpers.grading.engine.grade_submission import Unit, ungraded
from helpers.grading.nbgrader import gradebook
from helpers.grading.nbgrader.gradebook import GradebookWriter
from tests.grading import sample


@pytest.fixture
def unit() -> Unit:
    source = json.dumps(sample.source_notebook()).encode()
    return Unit.read(sample.UNIT, sample.UNIT, source, b"secret")


def test_a_connection_lost_while_it_is_opened_is_made_again(
    unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, waits = [], []

    def open_it(*arguments: str) -> api.Gradebook:
        opened.append(arguments)
        if len(opened) == 1:
            lost = Exception("terminating connection due to administrator command")
            raise OperationalError("SELECT 1", {}, lost, connection_invalidated=True)
        return real(*arguments)

    real = api.Gradebook
    monkeypatch.setattr(gradebook.api, "Gradebook", open_it)
    monkeypatch.setattr(gradebook.time, "sleep", waits.append)
    with GradebookWriter(f"sqlite:///{tmp_path}/gradebook.db", "", unit) as writer:
        assert writer.recorded() == set()
    assert (len(opened), len(waits)) == (2, 1)


def test_a_new_gradebook_has_the_version_that_nbgrader_gives(unit: Unit, tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    with GradebookWriter(f"sqlite:///{path}", "", unit):
        pass
    with sqlite3.connect(path) as database:
        ((version,),) = database.execute("SELECT version_num FROM alembic_version").fetchall()
    alembic = [sys.executable, "-m", "alembic", "-c", "alembic.ini", "heads"]
    text = (Path(api.__file__).parent / "alembic.ini").read_text()
    folder = Path(api.__file__).parent / "alembic"
    (tmp_path / "alembic.ini").write_text(text.format(alembic_dir=folder, db_url="sqlite://"))
    heads = subprocess.run(alembic, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert heads.stdout.split() == [version, "(head)"]


def test_a_gradebook_that_cannot_be_used_is_closed(unit: Unit, tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    url = f"sqlite:///{path}"
    with GradebookWriter(url, "", unit) as writer:
        writer.record("ada", ungraded(unit, "nothing"))
    source = json.loads(json.dumps(sample.source_notebook()))
    marks = next(c["metadata"]["nbgrader"] for c in source["cells"] if _is_graded(c))
    marks["grade_id"] = "another"
    other = Unit.read(sample.UNIT, sample.UNIT, json.dumps(source).encode(), b"secret")
    with pytest.raises(ValueError, match="holds submissions of sample with other graded cells"):
        GradebookWriter(url, "", other)
    held = [os.readlink(f"/proc/self/fd/{each}") for each in _open_files()]
    assert str(path) not in held


def test_some_are_not_graded_out_of_other_points_than_the_others(
    unit: Unit, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with GradebookWriter(url, "", unit) as writer:
        for student in ("ada", "ben"):
            writer.record(student, ungraded(unit, "nothing"))
    source = json.loads(json.dumps(sample.source_notebook()))
    marks = next(c["metadata"]["nbgrader"] for c in source["cells"] if _is_graded(c))
    marks["points"] = 5
    other = Unit.read(sample.UNIT, sample.UNIT, json.dumps(source).encode(), b"secret")
    changed = r"points of check_softmax_flops from 2 to 5 have changed.*without --only$"
    with pytest.raises(ValueError, match=changed):
        GradebookWriter(url, "", other, only=["ada"])
    for only in (["ada", "ben"], []):
        with GradebookWriter(url, "", other, only=only):
            pass


def _open_files() -> list[str]:
    return [each for each in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{each}")]


def _is_graded(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def test_rows_that_a_gradebook_lost_are_said_in_one_line(unit: Unit, tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    with GradebookWriter(f"sqlite:///{path}", "", unit) as writer:
        writer.record("ada", ungraded(unit, "no notebook"))
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM grade")
    said = r"has lost rows of ada .*restore a copy of it"
    with (
        GradebookWriter(f"sqlite:///{path}", "", unit) as writer,
        pytest.raises(ValueError, match=said),
    ):
        writer.record("ada", ungraded(unit, "no notebook"))
