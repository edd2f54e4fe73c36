"""Who is graded gets a page, or it is said why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.cli import app
from helpers.grading.report.feedback import write_feedback
from tests.grading import classbook
from tests.grading.classbook import UNIT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return classbook.make(tmp_path / "course")


def test_who_handed_in_again_since_is_named(course: Path) -> None:
    """nbgrader passes over them without a word."""
    folder = course / "submitted" / "ben" / UNIT
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text("2026-11-20 10:00:00 UTC\n")
    pages, failed = write_feedback(course, UNIT, ["ada", "ben"])
    assert list(pages) == ["ada"]
    assert all(page.is_file() for page in pages["ada"])
    assert failed == {
        "ben": "what is in submitted/ is not what was graded: run `course grade homework`"
    }


def test_the_command_says_who_has_no_page(course: Path) -> None:
    (course / "autograded" / "ben" / UNIT / f"{UNIT}.ipynb").write_text("{")
    ran = CliRunner().invoke(app, ["feedback", UNIT, "--course", str(course), "--only", "ben"])
    assert ran.exit_code == 3
    assert "ben: no page could be made; `nbgrader generate_feedback` says why" in ran.stdout


def test_who_is_not_graded_is_said_in_one_line(course: Path) -> None:
    with pytest.raises(ValueError, match=r"^gus: no graded homework; there are ada, ben, cy, "):
        write_feedback(course, UNIT, ["gus"])


def test_a_page_that_takes_too_long_keeps_nobody_from_theirs(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = course / "autograded" / "ben" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    # Colouring code takes time that grows with the square of its length.
    cell = {"cell_type": "code", "id": "added-9", "metadata": {}, "source": "." * 300_000}
    notebook["cells"].append(cell | {"outputs": [], "execution_count": None})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setattr("helpers.grading.report.feedback.PAGE", 10.0)
    pages, failed = write_feedback(course, UNIT, ["ada", "ben"])
    assert list(pages) == ["ada"]
    assert list(failed) == ["ben"]
