"""A cell in which somebody else's work can be packed is named to the person who reads."""

from __future__ import annotations

import json

from helpers.grading.engine.grade_submission import LARGE, grade_submission
from tests.grading import fake, sample


def remarks(added: str) -> tuple[str, ...]:
    notebook = sample.answered(fake.ANSWERS)
    notebook["cells"].append(sample.added_cell(added))
    job = fake.make_job()
    return grade_submission(
        job.unit, "ada", json.dumps(notebook).encode(), fake.FakeProcess, job.times
    ).remarks


def test_a_large_cell_is_named() -> None:
    packed = f"packed = {'x' * LARGE!r}"
    (remark,) = remarks(packed)
    assert f"has {len(packed):,} characters of code" in remark


def test_an_ordinary_cell_is_not() -> None:
    assert remarks("y = 1\n" * (LARGE // 10)) == ()
