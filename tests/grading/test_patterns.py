"""Every way of testing in `patterns.toml`: a right answer earns all, a wrong one and none nothing.

Graded once, as a class and by plain `nbgrader autograde`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.engine.inside import was_inside
from helpers.grading.handin.ipynb import marks_of
from tests import COURSE
from tests.executed import locked, shared_folder
from tests.grading import patterns
from tests.grading.patterns import PATTERNS, Pattern

ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(COURSE),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
}
EARNED = {"right": 2.0, "wrong": 0.0, "stub": 0.0}
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


@pytest.fixture(scope="module", params=["course grade", "nbgrader autograde"])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    store = shared_folder(tmp_path_factory) / "patterns"
    with locked(store / "lock"):
        if not (course := store / "course").exists():
            patterns.make_course(course, COURSE / "nbgrader_config.py")
            grade_class(course, patterns.UNIT, Options(jobs=1))
            found = {"course grade": vars(Graded.read(course))}
            _grade_again(course)
            found["nbgrader autograde"] = vars(Graded.read(course))
            (store / "graded.json").write_text(json.dumps(found))
    kept = json.loads((store / "graded.json").read_text())[request.param]
    return Graded(kept["scores"], kept["places"])


def _grade_again(course: Path) -> None:
    """By nbgrader itself, with nothing left of what the class was given."""
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("UPDATE grade SET auto_score = NULL")
    done = subprocess.run(
        ["nbgrader", "autograde", patterns.UNIT, "--force"],
        cwd=course,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "An answer can cheat in tests judged inside: earlier_variable" in done.stderr


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_right_answer_earns_all_and_another_nothing(graded: Graded, pattern: Pattern) -> None:
    found = {student: tuple(graded.scores[f"{student} test_{pattern.name}"]) for student in EARNED}
    assert found == {student: (points, False) for student, points in EARNED.items()}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_test_is_judged_outside_where_that_is_possible(graded: Graded, pattern: Pattern) -> None:
    assert graded.places[f"test_{pattern.name}"] == pattern.place


def test_both_give_the_same_scores(
    tmp_path_factory: pytest.TempPathFactory, graded: Graded
) -> None:
    kept = json.loads((shared_folder(tmp_path_factory) / "patterns" / "graded.json").read_text())
    assert kept["course grade"] == kept["nbgrader autograde"]
