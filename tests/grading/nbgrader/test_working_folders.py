"""The folders that nbgrader works in stand in the checkout, each with a page that says what it is
for; to nbgrader and to `course` these pages are nobody's work."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.apps.api import NbGraderAPI
from traitlets.config import Config

from helpers.grading.class_run import Options, grade_class
from helpers.grading.lms.collect import collect
from helpers.grading.report.feedback import write_feedback
from tests import COURSE
from tests.grading import sample

FOLDERS = ("submitted", "autograded", "feedback")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders as they are in a checkout, one submission, and one that comes in later."""
    made = sample.make_course(tmp_path_factory.mktemp("course"))
    for name in FOLDERS:
        (made / name).mkdir(exist_ok=True)
        shutil.copy(COURSE / name / "README.md", made / name)
    sample.hand_in(made, "ada", sample.right_notebook())
    shutil.move(
        made / "submitted" / "ada" / sample.UNIT / f"{sample.UNIT}.ipynb", made / "ada.ipynb"
    )
    return made


def nbgrader(course: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls `alembic` by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, cwd=course, capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def students(course: Path) -> list[str]:
    with sqlite3.connect(course / "gradebook.db") as database:
        return [row[0] for row in database.execute("SELECT id FROM student ORDER BY id")]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_checkout_has_the_folder_with_two_lines_and_nothing_else(name: str) -> None:
    command = ["git", "ls-files", name]
    listed = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == [f"{name}/README.md"]
    assert len((COURSE / name / "README.md").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("name", FOLDERS)
def test_what_lands_there_is_never_committed(name: str) -> None:
    command = ["git", "check-ignore", "-q", f"{name}/ada/homework/homework.ipynb"]
    assert subprocess.run(command, cwd=COURSE).returncode == 0


def test_the_page_is_no_student_to_course(course: Path, tmp_path: Path) -> None:
    shutil.copytree(course, tmp_path / "course")
    here = tmp_path / "course"
    (tmp_path / "download" / "ada" / sample.UNIT).mkdir(parents=True)
    shutil.copy(here / "ada.ipynb", tmp_path / "download" / "ada" / sample.UNIT / "sample.ipynb")
    collect(here, sample.UNIT, tmp_path / "download")
    (graded,) = grade_class(here, sample.UNIT, Options(jobs=1)).results
    assert (graded.student, graded.total) == ("ada", sample.POINTS)
    pages, failed = write_feedback(here, sample.UNIT)
    assert (len(pages), failed) == (1, {})
    assert students(here) == ["ada"]


def test_the_page_is_no_student_to_nbgrader(course: Path, tmp_path: Path) -> None:
    shutil.copytree(course, tmp_path / "course")
    here = tmp_path / "course"
    shutil.move(here / "ada.ipynb", here / "submitted" / "ada" / sample.UNIT / "sample.ipynb")
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    nbgrader(here, "generate_assignment", sample.UNIT)
    nbgrader(here, "release_assignment", sample.UNIT, f"--Exchange.root={exchange}")
    nbgrader(here, "collect", sample.UNIT, f"--Exchange.root={exchange}")
    nbgrader(here, "autograde", sample.UNIT)
    nbgrader(here, "generate_feedback", sample.UNIT)
    assert students(here) == ["ada"]
    assert "README" not in nbgrader(here, "db", "student", "list")
    folders = Config({"CourseDirectory": {"root": str(here)}})
    api = NbGraderAPI(config=folders)
    assert api.get_submitted_students(sample.UNIT) == {"ada"}
    assert api.get_submitted_students("*") == {"ada"}
    for name in FOLDERS:
        assert sorted(path.name for path in (here / name).iterdir()) == ["README.md", "ada"]
