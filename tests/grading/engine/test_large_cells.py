"""A cell in which somebody else's work can be packed is named to the person who reads."""

from __future__ import annotations

import json

from helpers.grading.engine.grade_submission import LARGE, grade_submission
from tests.grading import in_process_backend, sample


def remarks(added: str) -> tuple[str, ...]:
    notebook = sample.answered(in_process_backend.ANSWERS)
    notebook["cells"].append(sample.added_cell(added))
    job = in_process_backend.make_job()
    return grade_submission(
        job.unit, "ada", json.dumps(notebook).encode(), in_process_backend.FakeProcess, job.times
    ).remarks


def test_a_large_cell_is_named() -> None:
    packed = f"packed = {'x' * LARGE!r}"
    (remark,) = remarks(packed)
    assert f"has {len(packed):,} characters of code" in remark


def test_an_ordinary_cell_is_not() -> None:
    assert remarks("y = 1\n" * (LARGE // 10)) == ()
