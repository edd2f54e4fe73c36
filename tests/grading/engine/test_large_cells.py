"""Cells in which somebody else's work can be packed are named to the person who reads."""

from __future__ import annotations

import base64
import json
import random

from helpers.grading.engine.grade_submission import LARGE, grade_submission
from tests.grading import in_process_backend, sample


def remarks(*added: str) -> tuple[str, ...]:
    notebook = sample.answered(in_process_backend.ANSWERS)
    notebook["cells"] += map(sample.added_cell, added)
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


def test_what_is_packed_into_many_small_cells_is_named() -> None:
    packed = base64.b85encode(random.Random(0).randbytes(16_000)).decode()
    parts = [f"part = {packed[at : at + 2000]!r}" for at in range(0, len(packed), 2000)]
    (remark,) = remarks(*parts)
    assert "characters of code, little of it alike" in remark


def test_many_ordinary_cells_are_not() -> None:
    lines = [f"total_{number} = total + {number}  # of all" for number in range(1500)]
    cells = ["total = 0", *("\n".join(lines[at::10]) for at in range(10))]
    assert remarks(*cells) == ()
