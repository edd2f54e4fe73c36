"""The unit of patterns graded twice: as a class, and by plain `nbgrader autograde`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.grading.class_run import Options, grade_class
from helpers.grading.engine.judge_inside import was_inside
from helpers.grading.engine.worker_state import close_worker
from helpers.grading.handin.ipynb import marks_of
from tests import COURSE, environment
from tests.executed import once
from tests.grading import patterns

SCORES = """
SELECT a.student_id, b.name, g.auto_score, g.needs_manual_grade
FROM submitted_assignment a JOIN submitted_notebook n ON n.assignment_id = a.id
JOIN grade g ON g.notebook_id = n.id JOIN base_cell b ON g.cell_id = b.id
"""


@dataclass(frozen=True)
class Graded:
    """What a gradebook says of a student and a test, the score and whether a person has to look;
    and where each test was judged, by an autograded notebook."""

    scores: Mapping[str, tuple[float, bool]]
    places: Mapping[str, str]

    @classmethod
    def read(cls, course: Path) -> Graded:
        with sqlite3.connect(course / "gradebook.db") as database:
            rows = database.execute(SCORES).fetchall()
        path = course / "autograded" / "right" / patterns.UNIT / f"{patterns.UNIT}.ipynb"
        cells = json.loads(path.read_text())["cells"]
        return cls(
            {f"{student} {cell}": (score, bool(waits)) for student, cell, score, waits in rows},
            {
                marks_of(cell)["grade_id"]: "inside" if was_inside(cell) else "outside"
                for cell in cells
                if marks_of(cell).get("grade")
            },
        )


def graded_once(shared: Path, name: str = "") -> dict[str, Graded]:
    """What each of the two gave; `shared` is a folder of the test run, for all its workers."""
    return once(shared / "patterns", _graded)


def _graded(folder: Path) -> dict[str, Graded]:
    course = patterns.make_course(folder / "course", COURSE / "nbgrader_config.py")
    grade_class(course, patterns.UNIT, Options(jobs=1))
    close_worker()
    found = {"course grade": Graded.read(course)}
    _grade_again(course)
    return found | {"nbgrader autograde": Graded.read(course)}


def _grade_again(course: Path) -> None:
    """By nbgrader itself, with nothing left of what the class was given."""
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("UPDATE grade SET auto_score = NULL")
    done = subprocess.run(
        ["nbgrader", "autograde", patterns.UNIT, "--force"],
        cwd=course,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "An answer can cheat in tests judged inside: earlier_variable" in done.stderr
