"""What came of trying a unit's tests is kept until something changes that it depends on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.engine.job import GradingJob
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.nbgrader import validated_tests
from helpers.grading.nbgrader.validated_tests import trust
from tests.grading import in_process_backend, sample
from tests.grading.notebooks import code, notebook


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units whose tests were tried."""
    names: list[str] = []
    settle = validated_tests.settle

    def noting(unit, *arguments):  # type: ignore[no-untyped-def]
        names.append(unit.name)
        return settle(unit, *arguments)

    monkeypatch.setattr(validated_tests, "settle", noting)
    return names


@pytest.fixture
def source() -> bytes:
    marks = {"grade": True, "points": 1, "locked": True}
    solution = "### BEGIN SOLUTION\nclass Pair:\n    left = 1\n### END SOLUTION"
    cells = [
        code(solution, grade_id="a", solution=True),
        code("assert Pair().left == 1", grade_id="inside", **marks),
        code("assert Pair", grade_id="outside", **marks),
    ]
    return json.dumps(notebook(cells)).encode()


def job_of(source: bytes) -> GradingJob:
    unit = in_process_backend.Unit.read("unit", "unit", source, b"")
    return GradingJob(unit, (), sandbox=in_process_backend.FakeBackend())


def test_it_is_tried_once(tmp_path: Path, source: bytes, tried: list[str]) -> None:
    for _ in range(2):
        assert trust(tmp_path, job_of(source), source).unit.inside == {"inside"}
    assert tried == ["unit"]


def test_it_is_tried_again_where_the_notebook_a_file_beside_or_the_sandbox_changes(
    tmp_path: Path, source: bytes, tried: list[str]
) -> None:
    job = job_of(source)
    changed = source.replace(b"left == 1", b"left < 2")
    other = replace(job, sandbox=in_process_backend.FakeBackend("another"))
    beside = replace(job, files=(("data.csv", b"1"),))
    asked = ((job, source), (job_of(changed), changed), (other, source), (beside, source))
    for each, text in (each for each in asked for _ in range(2)):
        trust(tmp_path, each, text)
    assert tried == ["unit"] * 4


def test_what_is_kept_and_cannot_be_read_is_tried_again(
    tmp_path: Path, source: bytes, tried: list[str]
) -> None:
    trust(tmp_path, job_of(source), source)
    (kept,) = (tmp_path / ".course").rglob("*.json")
    for text in ("", "[]", '{"digest": 1}'):
        kept.write_text(text)
        assert trust(tmp_path, job_of(source), source).unit.inside == {"inside"}
    assert len(tried) == 4


def test_checks_are_not_tried(tmp_path: Path, tried: list[str]) -> None:
    marks = {"grade": True, "points": 1, "locked": True}
    cells = [
        code("from helpers.check import check"),
        code(
            "### BEGIN SOLUTION\ndef padding(): ...\n### END SOLUTION", grade_id="a", solution=True
        ),
        code('check("padding", padding)', grade_id="check_padding", **marks),
    ]
    source = json.dumps(notebook(cells)).encode()
    assert trust(tmp_path, job_of(source), source).unit.inside == frozenset()
    assert (tried, list(tmp_path.iterdir())) == ([], [])


def test_for_one_notebook_nothing_is_kept(tmp_path: Path, source: bytes) -> None:
    assert trust(tmp_path, job_of(source), source, keep=False).unit.inside == {"inside"}
    assert list(tmp_path.iterdir()) == []


def test_a_unit_that_cannot_be_trusted_is_refused_with_nothing_changed(tmp_path: Path) -> None:
    course = sample.make_course(tmp_path / "course")
    path = course / "source" / sample.UNIT / f"{sample.UNIT}.ipynb"
    path.write_text(path.read_text().replace("assert sheets == 7", "assert sheets == 8"))
    sample.hand_in(course, "ada", sample.right_notebook())
    before = sorted(course.rglob("*"))
    with pytest.raises(ValueError, match=r"^sample: the test check_sheets gives .* 0 of 1 points"):
        grade_class(course, sample.UNIT, Options(jobs=1))
    assert sorted(course.rglob("*")) == before
    close_worker()
