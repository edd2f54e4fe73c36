"""A small class in a course of its own, and what the gradebook says of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from nbgrader import api

from helpers.grading.class_run import Options, grade_class
from helpers.grading.nbgrader.course_files import course_secret
from tests.executed import once, shared_folder
from tests.grading import sample

Rows = list[tuple[Any, ...]]

#: Of each student: the answers, and the points that they are worth.
CLASS = {
    "all-right": (sample.RIGHT, sample.POINTS),
    "all-but-mean": (sample.RIGHT | {"mean": "def mean(values):\n    return 2"}, 8.0),
    "crashes": (sample.RIGHT | {"scaled": "import os\ndef scaled(x):\n    os._exit(1)"}, 9.0),
    "half-right": (
        {name: sample.RIGHT[name] for name in ("softmax_flops", "mean", "why")},
        5.0,
    ),
    "untouched": ({}, 0.0),
}

GRADES = """
SELECT a.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade, c.auto_comment
FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id
JOIN grade g ON g.notebook_id = n.id JOIN base_cell b ON g.cell_id = b.id
LEFT JOIN comment c ON c.notebook_id = n.id AND c.cell_id = b.id
ORDER BY a.student_id, b.name
"""


def hand_in_class(course: Path, copies: int = 1) -> None:
    for number in range(copies):
        for student, (answers, _) in CLASS.items():
            name = f"{student}-{number}" if copies > 1 else student
            sample.hand_in(course, name, sample.answered(answers))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with the class's submissions handed in."""
    made = sample.make_course(tmp_path / "course")
    hand_in_class(made)
    return made


@pytest.fixture(scope="session")
def _graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def graded(folder: Path) -> Path:
        made = sample.make_course(folder / "course")
        hand_in_class(made)
        grade_class(made, sample.UNIT, Options(jobs=1))
        return made

    return once(shared_folder(tmp_path_factory) / "class", graded)


@pytest.fixture
def graded_course(_graded: Path, tmp_path: Path) -> Path:
    """The same after the class was graded: a copy of what was graded once."""
    return Path(shutil.copytree(_graded, tmp_path / "graded"))


@pytest.fixture(scope="session", autouse=True)
def _newest_migration_is_asked_once() -> Iterator[None]:
    """nbgrader starts alembic for each new gradebook, to learn the number of the newest migration:
    half a second, and there are many gradebooks here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "get_alembic_version", cache(api.get_alembic_version))
        yield


@pytest.fixture
def grades() -> Callable[[str | Path], Rows]:
    """Every grade in a course's gradebook, in order."""

    def read(place: str | Path) -> Rows:
        url = place if isinstance(place, str) else f"sqlite:///{place / 'gradebook.db'}"
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sqlalchemy.text(GRADES))]
        finally:
            engine.dispose()

    return read


def share_secret(one: Path, other: Path) -> None:
    """The same secret draws the same cases."""
    course_secret(one)
    (other / ".course").mkdir()
    (other / ".course" / "secret").write_text((one / ".course" / "secret").read_text())
