"""`course feedback`: the pages, and a zip of them for the platform that they go back to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from helpers.grading.commands.grade import NEEDS_REVIEW
from helpers.grading.lms.feedback_zip import refuse_other, zip_feedback
from helpers.grading.report.feedback import write_feedback


def feedback_command(
    course: Path,
    unit: str,
    students: Sequence[str] | None,
    jobs: int | None,
    to: str | None,
    output: Path | None,
    roster: Path | None,
) -> int:
    """Write and print; returns the exit code: 0, or 3 where somebody gets no page."""
    if to is not None:
        refuse_other(to)
    pages, failed = write_feedback(course, unit, students, jobs)
    written = [page for each in pages.values() for page in each]
    where = f" in {written[0].parents[2]}" if written else ""
    print(f"{len(written)} feedback pages{where}")
    for student, reason in failed.items():
        print(f"{student}: {reason}")
    complete = True
    if to is not None:
        lines, complete = zip_feedback(course, unit, to, pages, output, roster)
        for line in lines:
            print(line)
    return NEEDS_REVIEW if failed or not complete else 0
