"""Where a unit's files are in a course, by its nbgrader_config.py, and the course's secret."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.authoring.notebooks import Unit as UnitFiles
from helpers.files import create_secret
from helpers.grading.engine.grade_submission import Unit, modules_of
from helpers.grading.handin.folder import SubmissionFolder, is_real_folder
from helpers.grading.nbgrader.config import load_config

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

    from helpers.grading.nbgrader.gradebook import GradebookWriter

#: Of the course's secret: whoever guesses it knows the hidden cases.
SECRET_BYTES = 32


class CourseFiles:
    """A unit in a course. nbgrader is imported when it is first asked for.

    Attributes:
        source: the text of the unit's source notebook.
    """

    def __init__(self, course: Path, unit: UnitFiles) -> None:
        """ValueError where the unit's source notebook is not built."""
        self.course = course.resolve()
        self.name, self.notebook_name = unit.name, unit.notebook
        self.source = read_source(unit.path("source"))

    @cached_property
    def config(self) -> Any:
        """nbgrader's configuration of the course. ValueError where there is none."""
        return load_config(self.course)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """What the unit's notebook imports."""
        return modules_of(self.source)

    @cached_property
    def unit(self) -> Unit:
        """The unit, without the course's secret."""
        return Unit.read(self.name, self.notebook_name, self.source, b"", self.config)

    def open_gradebook(self) -> GradebookWriter:
        """The course's gradebook, made where there is none. ValueError where it cannot be used."""
        from helpers.grading.nbgrader.gradebook import GradebookWriter

        folders = self._folders
        return GradebookWriter(folders.db_url, folders.course_id, self.unit, self.config)

    def submissions(self, students: Sequence[str]) -> list[SubmissionFolder]:
        """What these students handed in, or all, by student. ValueError when there is nothing, or
        an unknown student."""
        root = Path(self._folders.format_path(self._folders.submitted_directory, "", ""))
        folders = [
            path
            for path in sorted(root.glob("*"))
            if not path.is_symlink() and is_real_folder(path / self.name)
        ]
        if not folders:
            raise ValueError(
                f"no submissions of {self.name} in {root}: put them into STUDENT/{self.name}/"
            )
        unknown = sorted(set(students) - {path.name for path in folders})
        if unknown:
            raise ValueError(f"no submission of {self.name} by {', '.join(unknown)} in {root}")
        return [
            SubmissionFolder.find(path / self.name, self.name, self.notebook_name)
            for path in folders
            if not students or path.name in students
        ]

    def autograded(self, student: str) -> Path:
        """Where the student's autograded notebook is put."""
        folder = self._folders.format_path(self._folders.autograded_directory, student, self.name)
        return Path(folder) / f"{self.notebook_name}.ipynb"

    @cached_property
    def _folders(self) -> CourseDirectory:
        config = self.config
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=config)


def read_source(path: Path) -> bytes:
    """A unit's source notebook. ValueError where it is not built."""
    if not path.is_file():
        raise ValueError(f"{path} is not built: run `course build {path.parent.name}` first")
    return path.read_bytes()


def course_secret(course: Path) -> bytes:
    """What a course's hidden cases are drawn from; made when first asked for.

    ValueError where what is there is no such secret.
    """
    path = _secret_file(course)
    if not path.exists():
        create_secret(path, secrets.token_hex(SECRET_BYTES))
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise ValueError(
            f"{path} does not hold {SECRET_BYTES} bytes in hexadecimal: restore it, or remove it "
            "to have a new one made, with which everyone is graded again in other hidden cases"
        )
    return secret


def refuse_secret(course: Path) -> None:
    """ValueError where a course has what is no secret. None is made."""
    if _secret_file(course).exists():
        course_secret(course)


def _secret_file(course: Path) -> Path:
    return course / ".course" / "secret"
