"""A small class in a course of its own, and what the gradebook says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from helpers.grading.nbgrader.course_files import course_secret
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
