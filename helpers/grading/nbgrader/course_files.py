"""Where a notebook's files are in a course, by its nbgrader_config.py, and the course's secret."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from helpers.authoring.notebooks import Unit as UnitFiles
from helpers.authoring.notebooks import find_unit
from helpers.authoring.unit_files import IGNORED, files_beside
from helpers.files import Files, create_secret
from helpers.grading.engine.grade_submission import Unit, modules_of
from helpers.grading.handin.folder import SubmissionFolder, can_be_a_student, is_real_folder
from helpers.grading.handin.ipynb import is_graded, read_notebook
from helpers.grading.handin.markup import plain_line
from helpers.grading.nbgrader.config import load_config

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

    from helpers.grading.nbgrader.gradebook import GradebookWriter

#: Of the course's secret: whoever guesses it knows the hidden cases.
SECRET_BYTES = 32


class CourseFiles:
    """A notebook of a unit in a course. nbgrader is imported when it is first asked for.

    Attributes:
        name: the unit's.
        source: the text of the source notebook.
    """

    def __init__(self, course: Path, unit: UnitFiles, notebook: str = "") -> None:
        """`notebook` is its name, the unit's first by default. ValueError where it is not built."""
        self.course = course.resolve()
        self.name, self.notebook_name = unit.name, notebook or unit.notebook
        self.source = read_source(unit.path("source", self.notebook_name))
        self._others = tuple(name for name in unit.notebooks if name != self.notebook_name)
        self._folder = unit.folder

    @cached_property
    def config(self) -> Any:
        """nbgrader's configuration of the course. ValueError where there is none."""
        return load_config(self.course)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """What the unit's notebook imports, without what lies beside it."""
        return installed_modules(self.source, self.beside)

    @property
    def has_grades(self) -> bool:
        """Whether something in it is graded."""
        return any(map(is_graded, read_notebook(self.source)["cells"]))

    @cached_property
    def beside(self) -> Files:
        """The unit's other files, as students have them."""
        found = files_beside(self._folder)
        # nbgrader's configuration takes a while to import; where there is nothing, it says nothing.
        return found and files_beside(self._folder, ignored_by(self.config))

    @cached_property
    def unit(self) -> Unit:
        """The unit, without the course's secret."""
        return Unit.read(self.name, self.notebook_name, self.source, b"", self.config)

    def open_gradebook(self, only: Sequence[str] = ()) -> GradebookWriter:
        """The course's gradebook, made where there is none, to write the marks of `only` these
        students. ValueError where it cannot be used."""
        from helpers.grading.nbgrader.gradebook import GradebookWriter

        folders = self._folders
        about = (folders.db_url, folders.course_id, self.unit, self.config)
        return GradebookWriter(*about, only=only)

    def submissions(self, students: Sequence[str]) -> list[SubmissionFolder]:
        """What these students handed in, or all, by student. ValueError when there is nothing, or
        an unknown student."""
        folders = [path for path in self._handed_in() if can_be_a_student(path.name)]
        root = self._submitted
        if not folders:
            raise ValueError(
                f"no submissions of {self.name} in {root}: put them into STUDENT/{self.name}/"
            )
        unknown = sorted(set(students) - {path.name for path in folders})
        if unknown:
            raise ValueError(f"no submission of {self.name} by {', '.join(unknown)} in {root}")
        return [
            SubmissionFolder.find(path / self.name, self.name, self.notebook_name, self._others)
            for path in folders
            if not students or path.name in students
        ]

    def nobodys(self) -> list[str]:
        """Names of folders with a submission, as they can be shown, that can be no student's."""
        names = [path.name for path in self._handed_in()]
        return [plain_line(name) or "?" for name in names if not can_be_a_student(name)]

    def _handed_in(self) -> list[Path]:
        """The students' folders in which there is something of the unit."""
        return [
            path
            for path in sorted(self._submitted.glob("*"))
            if not path.is_symlink() and is_real_folder(path / self.name)
        ]

    @property
    def _submitted(self) -> Path:
        return Path(self._folders.format_path(self._folders.submitted_directory, "", ""))

    def autograded(self, student: str) -> Path:
        """Where the student's autograded notebook is put."""
        folder = self._folders.format_path(self._folders.autograded_directory, student, self.name)
        return Path(folder) / f"{self.notebook_name}.ipynb"

    @cached_property
    def _folders(self) -> CourseDirectory:
        config = self.config
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=config)


def graded_notebooks(course: Path, unit: str) -> list[CourseFiles]:
    """A unit's notebooks in which something is graded; all where nothing is in any.

    ValueError for a unit that is not there or not built.
    """
    files = find_unit(course, unit)
    notebooks = [CourseFiles(course, files, name) for name in files.notebooks]
    return [each for each in notebooks if each.has_grades] or notebooks


def installed_modules(source: bytes, beside: Files) -> tuple[str, ...]:
    """Modules that a source notebook imports, without those that lie beside it: students' code
    imports those itself, from its own folder."""
    own = {PurePosixPath(name).parts[0].removesuffix(".py") for name, _ in beside}
    return tuple(name for name in modules_of(source) if name.split(".")[0] not in own)


def read_source(path: Path) -> bytes:
    """A unit's source notebook. ValueError where it is not built."""
    if not path.is_file():
        raise ValueError(f"{path} is not built: run `course build {path.parent.name}` first")
    return path.read_bytes()


def ignored_by(config: Any) -> Sequence[str]:
    """Names and patterns that a course's nbgrader leaves out of a release."""
    said = config.CourseDirectory.get("ignore", IGNORED)
    # In a configuration a list can be added to without being known.
    lazy = hasattr(said, "get_value")
    found: Sequence[str] = said.get_value(list(IGNORED)) if lazy else said
    return found


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
