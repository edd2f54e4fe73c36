"""A feedback page for each graded submission: nbgrader's own, from its template."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.notebooks import find_unit

if TYPE_CHECKING:
    from nbgrader.apps.api import NbGraderAPI


def open_course(course: Path) -> NbGraderAPI:
    """nbgrader's interface to a course, configured by its nbgrader_config.py.

    ValueError where there is no such file or the gradebook does not exist yet.
    """
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config.loader import PyFileConfigLoader

    if not (course / "nbgrader_config.py").is_file():
        raise ValueError(f"{course} has no nbgrader_config.py: run this in the course's folder")
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course.resolve())).load_config()
    config.CourseDirectory.root = str(course.resolve())
    api = NbGraderAPI(config=config)
    address = api.coursedir.db_url
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).is_file():
        raise ValueError(f"{course} has no gradebook yet: run `course grade` first")
    return api


def write_feedback(
    course: Path, unit: str, students: Sequence[str] | None = None
) -> tuple[list[Path], list[str]]:
    """Writes the feedback pages of a unit: of these students, or of all that are graded.

    Returns the pages, and the students whose page could not be made. ValueError for a unit that is
    not there or not graded, or an unknown student.
    """
    from rich.progress import track

    notebook = find_unit(course, unit).notebook
    api = open_course(course)
    graded = sorted(api.get_autograded_students(unit))
    if not graded:
        raise ValueError(f"nothing of {unit} is graded: run `course grade {unit}` first")
    unknown = sorted(set(students or ()) - set(graded))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no graded {unit}; there are {', '.join(graded)}")
    pages: list[Path] = []
    failed: list[str] = []
    on_terminal = sys.stdout.isatty()
    chosen = students or graded
    for student in track(chosen, "Feedback", transient=True, disable=not on_terminal):
        done = api.generate_feedback(unit, student, force=True)
        if done["success"]:
            pages.append(course / "feedback" / student / unit / f"{notebook}.html")
        else:
            failed.append(student)
    return pages, failed
