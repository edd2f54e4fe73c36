"""Which file of a student's folder is graded, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.grading.handin import folder as module
from helpers.grading.handin.folder import SubmissionFolder
from tests.grading import sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ada" / sample.UNIT
    made.mkdir(parents=True)
    return made


def put(folder: Path, name: str, unit: str = sample.UNIT) -> None:
    notebook = {"cells": [], "metadata": {"course": {"unit": unit}}}
    (folder / name).write_text(json.dumps(notebook))


def found(folder: Path) -> SubmissionFolder:
    return SubmissionFolder.find(folder, sample.UNIT, sample.UNIT)


def test_the_right_name_comes_first(folder: Path) -> None:
    put(folder, "zzz.ipynb")
    put(folder, f"{sample.UNIT}.ipynb", unit="another")
    assert found(folder) == SubmissionFolder("ada", folder / f"{sample.UNIT}.ipynb")


def test_then_the_one_that_names_the_unit(folder: Path) -> None:
    put(folder, "mine.ipynb")
    put(folder, "zzz.ipynb", unit="another")
    assert found(folder).path == folder / "mine.ipynb"
    assert found(folder).remark == "found as mine.ipynb"


def test_then_the_last_by_name_and_the_others_are_named(folder: Path) -> None:
    for name in ("a.ipynb", "b.ipynb", "c.ipynb"):
        put(folder, name, unit="another")
    assert found(folder).remark == "found as c.ipynb, not a.ipynb, b.ipynb"


def test_a_link_is_passed_over(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, "anothers.ipynb")
    (folder / f"{sample.UNIT}.ipynb").symlink_to(tmp_path / "anothers.ipynb")
    (folder / "timestamp.txt").symlink_to(tmp_path / "anothers.ipynb")
    assert found(folder) == SubmissionFolder("ada", None, f"no notebook in {sample.UNIT}/")


def test_a_file_of_any_size_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NOTEBOOK_BYTES", 10)
    put(folder, f"{sample.UNIT}.ipynb")
    assert found(folder).path is None
    assert found(folder).problem == f"{sample.UNIT}.ipynb is too large for a notebook"
    assert found(folder).data == b""


@pytest.mark.parametrize(
    ("text", "known"),
    [("2026-11-29 12:00:00 UTC", True), ("", False), ("soon", False), ("2" * 1000, False)],
)
def test_the_time_is_known_where_it_is_written(folder: Path, text: str, known: bool) -> None:
    put(folder, f"{sample.UNIT}.ipynb")
    (folder / "timestamp.txt").write_text(text)
    assert (found(folder).timestamp is not None) == known


def test_a_score_depends_on_whose_it_is_when_it_came_and_its_bytes(folder: Path) -> None:
    one = SubmissionFolder("ada", None, timestamp_text="1")
    others = [SubmissionFolder("ben", None, timestamp_text="1"), SubmissionFolder("ada", None)]
    digests = {one.digest("v1", b""), one.digest("v2", b""), one.digest("v1", b"x")}
    digests |= {other.digest("v1", b"") for other in others}
    assert len(digests) == 5
    assert one.digest("v1", b"") == one.digest("v1", b"")
