"""A feedback page for each graded submission: nbgrader's own, from its template."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.authoring.notebooks import find_unit
from helpers.grading.engine.time_limit import time_limit
from helpers.grading.handin.folder import timestamp_in
from helpers.grading.lms.export import is_marked
from helpers.grading.nbgrader.config import open_course

if TYPE_CHECKING:
    from nbgrader.apps.api import NbGraderAPI

#: Seconds for a page. What is known to take nbconvert long does not come so far, see `markup`.
PAGE = 120.0
#: Students for whom another process is worth its start.
WORTH_A_PROCESS = 12


def write_feedback(
    course: Path, unit: str, students: Sequence[str] | None = None, jobs: int | None = None
) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """Writes the feedback pages of a unit: of these students, or of all that are graded.

    Args:
        jobs: processes; by default one for each core, if there is so much to do.

    Returns each student's pages, and the students who get none, with the reason. ValueError for a
    unit that is not there or not graded, or an unknown student.
    """
    from rich.progress import track

    names = find_unit(course, unit).notebooks
    _opened.cache_clear()  # its configuration may be another now
    api = _opened(course)
    with api.gradebook as gradebook:
        submissions = gradebook.assignment_submissions(unit)
        graded = {each.student_id: each.timestamp for each in submissions if is_marked(each)}
    if not graded:
        raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
    unknown = sorted(set(students or ()) - set(graded))
    if unknown:
        raise ValueError(
            f"{', '.join(unknown)}: no graded {unit}; there are {', '.join(sorted(graded))}"
        )
    chosen = list(students or sorted(graded))
    todo = [student for student in chosen if _is_current(api, unit, student, graded[student])]
    reason = f"what is in submitted/ is not what was graded: run `course grade {unit}`"
    failed = {student: reason for student in chosen if student not in todo}
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(todo) // WORTH_A_PROCESS))
    make = partial(_make_page, course, unit, PAGE)
    pages: dict[str, list[Path]] = {}
    feedback = api.coursedir.feedback_directory
    done = track(
        zip(todo, _each(make, todo, jobs), strict=True),
        "Feedback",
        total=len(todo),
        transient=True,
        disable=not sys.stdout.isatty(),
    )
    for student, made in done:
        if made:
            folder = Path(api.coursedir.format_path(feedback, student, unit))
            written = (folder / f"{name}.html" for name in names)
            pages[student] = [page for page in written if page.is_file()]
        else:
            failed[student] = "no page could be made; `nbgrader generate_feedback` says why"
    return pages, failed


def _is_current(api: NbGraderAPI, unit: str, student: str, graded: datetime | None) -> bool:
    """Whether what was graded is what lies in submitted/, by its time. nbgrader would open whatever
    is called `timestamp.txt`, and a time that it cannot read would end it."""

    def folder(kind: str) -> Path:
        return Path(api.coursedir.format_path(kind, student, unit))

    submitted = timestamp_in(folder(api.coursedir.submitted_directory))
    return folder(api.coursedir.autograded_directory).is_dir() and submitted == graded


def _each(make: partial[bool], students: Iterable[str], jobs: int) -> Iterator[bool]:
    """What `make` gives for each, in their order."""
    if jobs == 1:
        yield from map(make, students)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        try:
            yield from pool.map(make, students)
        except BrokenProcessPool:
            raise ValueError(
                "a process that made pages was ended: run it again with --jobs 1 to see whose"
            ) from None


def _make_page(course: Path, unit: str, seconds: float, student: str) -> bool:
    from helpers.grading.report.feedback_exporter import make_pages

    # nbgrader takes whatever is raised for a page that could not be made.
    with time_limit(seconds, "the page"):
        return make_pages(_opened(course), unit, student)


@cache
def _opened(course: Path) -> NbGraderAPI:
    """A process opens a course once."""
    return open_course(course)
