"""A notebook's tests, tried once: what is known of them is kept until something of it changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from helpers import parts
from helpers.files import write_text
from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.job import GradingJob, Task
from helpers.grading.engine.judging_places import has_own_tests
from helpers.grading.engine.validate_tests import settle
from helpers.grading.engine.worker_state import grade_task
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.sandbox.backend import Files
from helpers.grading.sandbox.inside.codec import dumps


def version_of(source: bytes, beside: Files) -> str:
    """Of everything that a score depends on beside the submission and the course's secret."""
    digest = hashlib.sha256(source)
    for name, data in beside:
        digest.update(f"{name}\0".encode() + hashlib.sha256(data).digest())
    for path in parts.files(scores=True):
        digest.update(f"{path}\0".encode() + (parts.PACKAGE / path).read_bytes())
    return digest.hexdigest()


def trust(
    course: Path,
    job: GradingJob,
    source: bytes,
    grade: Callable[[GradingJob, Task], Graded] = grade_task,
    keep: bool = True,
) -> GradingJob:
    """The job with what is known of its tests settled; see `engine/validate_tests.py`.

    Where all is judged by `check` there is nothing to settle: a check is held to its question's
    reference when notebooks are tried.

    Args:
        course: what came of it is read from its `.course/`, and kept there unless told otherwise.
        source: the source notebook of the job's unit.
        grade: grades what is tried.

    Raises ValueError, in one line that names the cell, where the tests cannot be trusted.
    """
    unit = job.unit
    if not has_own_tests(unit):
        return job
    path = course / ".course" / "tests" / unit.name / f"{unit.notebook_name}.json"
    # How a solution is marked in a cell is a setting of the course's.
    about = version_of(source, job.files) + job.sandbox.name
    digest = hashlib.sha256(about.encode() + dumps(unit.template.notebook)).hexdigest()
    settled = _kept(path, digest, unit)
    if settled is None:
        settled = settle(
            unit,
            dumps(read_notebook(source)),
            lambda tried, data: grade(replace(job, unit=tried), Task("", data)),
        )
        if keep:
            about_tests = {
                "inside": sorted(settled.inside),
                "values": settled.values,
                "numbers": sorted(settled.numbers),
            }
            write_text(path, json.dumps({"digest": digest, **about_tests}, indent=1))
    return replace(job, unit=settled)


def _kept(path: Path, digest: str, unit: Unit) -> Unit | None:
    """The unit as it was settled; None where it has to be tried (again)."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["digest"] == digest:
            return replace(
                unit,
                inside=frozenset(kept["inside"]),
                values=kept["values"],
                numbers=frozenset(kept["numbers"]),
            )
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
