"""What goes out after grading: a feedback page for each submission, and the table of points.

Both are nbgrader's own: its feedback template, its export plugin, on the course's gradebook.
"""

from __future__ import annotations

import os
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


def export_grades(course: Path, to: Path) -> int:
    """Writes nbgrader's CSV of all units and students, whole or not at all; returns its rows."""
    from nbgrader.plugins import CsvExportPlugin

    if to.is_dir() or not to.parent.is_dir():
        raise ValueError(f"{to} cannot be written: name a file in a folder that exists")
    api = open_course(course)
    unfinished = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        with api.gradebook as gradebook:
            CsvExportPlugin(to=str(unfinished)).export(gradebook)
        rows = len(unfinished.read_text(encoding="utf-8").splitlines()) - 1
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows
