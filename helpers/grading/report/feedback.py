"""A feedback page for each graded submission: nbgrader's own, from its template."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.authoring.notebooks import find_unit
from helpers.grading.engine.time_limit import time_limit
from helpers.grading.lms.export import is_marked
from helpers.grading.nbgrader.config import open_course

#: Seconds for a page. What is known to take nbconvert long does not come so far, see `markup`.
PAGE = 120.0


def write_feedback(
    course: Path, unit: str, students: Sequence[str] | None = None
) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """Writes the feedback pages of a unit: of these students, or of all that are graded.

    Returns each student's pages, and the students who get none, with the reason. ValueError for a
    unit that is not there or not graded, or an unknown student.
    """
    from rich.progress import track

    names = find_unit(course, unit).notebooks
    api = open_course(course)
    with api.gradebook as gradebook:
        submissions = gradebook.assignment_submissions(unit)
        graded = sorted(each.student_id for each in submissions if is_marked(each))
    if not graded:
        raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
    unknown = sorted(set(students or ()) - set(graded))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no graded {unit}; there are {', '.join(graded)}")
    current = api.get_autograded_students(unit)
    pages: dict[str, list[Path]] = {}
    failed: dict[str, str] = {}
    on_terminal = sys.stdout.isatty()
    chosen = students or graded
    for student in track(chosen, "Feedback", transient=True, disable=not on_terminal):
        if student not in current:
            reason = "what is in submitted/ is not what was graded"
            failed[student] = f"{reason}: run `course grade {unit}`"
            continue
        # nbgrader takes whatever is raised for a page that could not be made.
        with time_limit(PAGE, "the page"):
            done = api.generate_feedback(unit, student, force=True)
        if done["success"]:
            folder = course / "feedback" / student / unit
            written = (folder / f"{name}.html" for name in names)
            pages[student] = [page for page in written if page.is_file()]
        else:
            failed[student] = "no page could be made; `nbgrader generate_feedback` says why"
    return pages, failed
