"""A course as nbgrader sees it, by its nbgrader_config.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbgrader.apps.api import NbGraderAPI


def load_config(course: Path) -> Any:
    """nbgrader's configuration of a course. ValueError where there is none."""
    from traitlets.config.loader import PyFileConfigLoader

    _import_quickly()
    if not (course / "nbgrader_config.py").is_file():
        raise ValueError(f"{course} has no nbgrader_config.py: run this in the course's folder")
    course = course.resolve()
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    return config


def config_of(course: Path) -> Any:
    """nbgrader's configuration of a course; None where it has none."""
    return load_config(course) if (course / "nbgrader_config.py").is_file() else None


def submitted_folder(course: Path) -> Path:
    """Where a course keeps what students handed in."""
    config = config_of(course)
    said = config.CourseDirectory.get("submitted_directory") if config else None
    return course / (said or "submitted")


def open_course(course: Path) -> NbGraderAPI:
    """nbgrader's interface to a course that has a gradebook.

    ValueError where there is no configuration or the gradebook does not exist yet.
    """
    from nbgrader.apps.api import NbGraderAPI

    api = NbGraderAPI(config=load_config(course))
    if is_missing(api.coursedir.db_url):
        raise ValueError(f"{course} has no gradebook yet: run `course grade` first")
    return api


def _import_quickly() -> None:
    """Import what nbgrader checks notebooks with. That compiles a grammar of web addresses for a
    second or more, for a format that nothing in a notebook has; where the module that does it is
    missing, it goes without. Later imports find that module again."""
    if "jsonschema" in sys.modules or "rfc3987_syntax" in sys.modules:
        return
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import nbformat  # noqa: F401
    finally:
        del sys.modules["rfc3987_syntax"]


def redacted(db_url: str) -> str:
    """The gradebook's address for people: without its password."""
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", db_url)


def is_missing(db_url: str) -> bool:
    """Whether a gradebook is a file of SQLite that is not there: opening it would make it."""
    path = db_url.removeprefix("sqlite:///")
    return path != db_url and not Path(path.partition("?")[0]).is_file()
